import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import * as inventory from '../../src/domains/inventory/inventory.service.ts'
import { keyOf, localId } from '../api/calls.ts'
import { batchItem, recordItems } from '../api/inventory-kit.ts'
import { watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
let accountId: string
let subjectId: string
let otherAccountId: string
let item: inventory.NewItem
let made = 0

beforeAll(async () => {
  world = await openWorld()
  accountId = localId(world.ids.account)
  otherAccountId = localId(world.ids.otherAccount)
  subjectId = keyOf(world.ids.endUser).id
})
beforeEach(() => {
  made += 1
  item = batchItem(accountId, subjectId, { locator: `object/${made}` })
})
afterAll(() => world.close())

const stored = (of = item) =>
  world.resources.db.worker(
    (tx) =>
      tx.inventoryItem.findMany({
        where: { accountId: of.accountId, system: of.system, locator: of.locator },
        orderBy: { state: 'asc' },
      }),
    of.accountId,
  )
const write = <T>(fn: Parameters<typeof world.resources.db.write<T>>[1]) =>
  world.resources.db.write({ caller: systemSession(accountId), requestId: 'test-door' }, fn)

test('an item is stored as it was given, and lives from that moment on', async () => {
  expect(await recordItems(world, accountId, [item])).toBe(1)
  const [row] = await stored()
  expect(row).toEqual({
    ...item,
    purposes: ['SERVICE_PROVISION'],
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    state: 'LIVE',
    stateChangedAt: world.clock.now(),
    resumesAs: null,
    holdConfidential: false,
    trigger: null,
    triggeredAt: null,
    // Batch content is kept 30 days from 2026-03-01T08:00Z; the newest of the category's three rules is the fifth.
    retentionRuleId: '00000000-0000-7000-8000-000000000103',
    plannedVersion: 5,
    dueAt: new Date('2026-03-31T08:00:00.000Z'),
    attemptAt: new Date('2026-03-31T08:00:00.000Z'),
    attempts: 0,
    lastProblem: null,
    doneAt: null,
  })
})

describe('without a purpose or a legal basis', () => {
  test.each([{ purposes: [] }, { legalBasis: undefined }, { legalBasis: null }, { legalBasis: '' }])(
    'an item is refused by the door: %j',
    async (lack) => {
      const unlawful = { ...item, ...lack } as inventory.NewItem
      const lawful = { ...item, locator: `${item.locator}/lawful` }
      await expect(recordItems(world, accountId, [lawful, unlawful])).rejects.toThrow(inventory.ItemNotLawfulError)
      expect(await stored()).toEqual([])
      expect(await stored(lawful)).toEqual([])
    },
  )

  // SQLSTATE of a CHECK is 23514, of NOT NULL 23502 (PostgreSQL, appendix A).
  test.each([
    ['no purpose', "'{}'::purpose[]", "'CONTRACT'", '23514'],
    ['purposes of null', 'null', "'CONTRACT'", '23514'],
    ['a basis of null', "'{SECURITY}'", 'null', '23502'],
  ])('an item is refused by the table: %s', async (_lack, purposes, basis, state) => {
    const insert = write((tx) =>
      tx.$executeRawUnsafe(
        `insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis,
          collected_at, state, state_changed_at)
        values ($1::uuid, gen_random_uuid(), $2::uuid, 'CONTENT_BATCH', 'batch', $3, ${purposes}, ${basis}, now(), 'LIVE',
          now())`,
        accountId,
        subjectId,
        item.locator,
      ),
    )
    await expect(insert).rejects.toMatchObject({ message: expect.stringContaining(state) })
    expect(await stored()).toEqual([])
  })

  test('an item cannot become so', async () => {
    await recordItems(world, accountId, [item])
    const change = (data: string) =>
      world.resources.db.worker(
        (tx) => tx.$executeRawUnsafe(`update inventory_item set ${data} where locator = $1`, item.locator),
        accountId,
      )
    await expect(change("purposes = '{}'")).rejects.toThrow()
    await expect(change('legal_basis = null')).rejects.toThrow()
    expect(await stored()).toHaveLength(1)
  })
})

describe('one place of one person has one living item', () => {
  test('when it is recorded again, and when twice in a call', async () => {
    expect(await recordItems(world, accountId, [item, { ...item }])).toBe(1)
    expect(await recordItems(world, accountId, [item])).toBe(0)
    expect(await stored()).toHaveLength(1)
  })

  test('when many calls record it at once, in any order', async () => {
    const others = Array.from({ length: 20 }, (_, index) => ({ ...item, locator: `${item.locator}/${index}` }))
    const counts = await Promise.all(
      Array.from({ length: 8 }, (_, call) => recordItems(world, accountId, call % 2 ? others : others.toReversed())),
    )
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20)
  })

  test('of nobody as well', async () => {
    const nobodys = { ...item, subjectId: null }
    expect(await recordItems(world, accountId, [nobodys, nobodys])).toBe(1)
    expect(await recordItems(world, accountId, [nobodys])).toBe(0)
    expect(await recordItems(world, accountId, [item])).toBe(1)
  })

  test.each(['HELD', 'RESTRICTED'] as const)('while it is %s', async (state) => {
    await recordItems(world, accountId, [item])
    await changeState(state)
    expect(await recordItems(world, accountId, [item])).toBe(0)
  })

  test.each(['ERASED', 'ANONYMISED'] as const)('and what is %s does not stand in its way', async (state) => {
    await recordItems(world, accountId, [item])
    await changeState(state)
    expect(await recordItems(world, accountId, [item])).toBe(1)
    expect(await recordItems(world, accountId, [item])).toBe(0)
    expect((await stored()).map((row) => row.state)).toEqual(['LIVE', state])
  })

  test('beside those of other persons, categories and systems', async () => {
    const owner = keyOf(world.ids.owner).id
    const beside = [item, { ...item, subjectId: owner }, { ...item, category: 'USAGE' as const }]
    expect(await recordItems(world, accountId, [...beside, { ...item, system: 'usage' }])).toBe(4)
  })
})

test('a write that is rolled back leaves no item', async () => {
  const failing = write(async (tx) => {
    expect(await inventory.record(tx, world.clock, [item])).toBe(1)
    throw new Error('the write failed')
  })
  await expect(failing).rejects.toThrow('the write failed')
  expect(await stored()).toEqual([])
})

test('an item of another account, or of a person of one, is refused', async () => {
  const foreign = batchItem(otherAccountId, keyOf(world.ids.other).id, { locator: item.locator })
  await expect(recordItems(world, accountId, [foreign])).rejects.toThrow()
  await expect(recordItems(world, accountId, [{ ...item, subjectId: foreign.subjectId }])).rejects.toThrow()
  expect(await stored()).toEqual([])
  expect(await stored(foreign)).toEqual([])
})

test.each([{ locator: 'Alma Olsen' }, { locator: 'alma@aster.example' }, { locator: '' }, { system: 'Übel' }])(
  'no place is written in words that could name a person: %j',
  async (words) => {
    await expect(recordItems(world, accountId, [{ ...item, ...words }])).rejects.toThrow()
  },
)

test('five thousand items of a call are one statement', async () => {
  const many = Array.from({ length: 5_000 }, (_, index) => ({ ...item, locator: `${item.locator}/${index}` }))
  const statements = watchStatements()
  expect(await recordItems(world, accountId, many)).toBe(5_000)
  statements.stop()
  expect(statements.seen.filter((sql) => /insert into inventory_item/i.test(sql))).toHaveLength(1)
  expect(await recordItems(world, accountId, many)).toBe(0)
  expect(await recordItems(world, accountId, [])).toBe(0)
})

function changeState(state: 'HELD' | 'RESTRICTED' | 'ERASED' | 'ANONYMISED') {
  const doneAt = state === 'ERASED' || state === 'ANONYMISED' ? world.clock.now() : null
  const resumesAs = state === 'HELD' ? 'LIVE' : null
  return world.resources.db.worker(
    (tx) =>
      tx.inventoryItem.updateMany({
        where: { accountId, locator: item.locator },
        data: { state, doneAt, resumesAs, attemptAt: null },
      }),
    accountId,
  )
}
