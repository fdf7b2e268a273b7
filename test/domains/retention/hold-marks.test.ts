import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { globalId, tenantKey } from '../../../src/domains/public-id.ts'
import { markHolds } from '../../../src/domains/retention/hold-marks.jobs.ts'
import { fresh, inference, join, keyOf, localId, perform, type Who } from '../../api/calls.ts'
import { itemsOf, place, release, statesOf } from '../../api/holds-kit.ts'
import { batchItem, recordItems } from '../../api/inventory-kit.ts'
import { watchStatements } from '../../kit/statements.ts'
import { openWorld, type World } from '../../kit/world.ts'

let world: World
let accountId: string
let endUser: string
let member: string
let made = 0

beforeAll(async () => {
  world = await openWorld()
  accountId = localId(world.ids.account)
  endUser = keyOf(world.ids.endUser).id
  member = keyOf(world.ids.member).id
})
beforeEach(() => {
  made += 1
  world.clock.move(60)
})
afterAll(() => world.close())

/** Records so many pieces of batch content of a person, at places of their own. @returns their condition */
async function record(count: number, subjectId: string | null = endUser, more: object = {}) {
  const locators = Array.from({ length: count }, (_, index) => `marks/${made}/${index}`)
  await recordItems(
    world,
    accountId,
    locators.map((locator) => batchItem(accountId, subjectId, { locator, ...more })),
  )
  return { locator: { startsWith: `marks/${made}/` } }
}

const change = (where: object, data: object) =>
  world.resources.db.worker((tx) => tx.inventoryItem.updateMany({ where: { accountId, ...where }, data }), accountId)

const markAll = () => markHolds(world.resources)

async function progressOf(id: string) {
  const query = 'query($id: ID!) { node(id: $id) { ... on LegalHold { marked itemsHeld itemsResumed } } }'
  return (await world.ask('staff', query, { id })).data.node
}

/** How many items are in each state. */
async function tally(where: object): Promise<Record<string, number>> {
  const rows = await world.resources.db.worker(
    (tx) => tx.inventoryItem.groupBy({ by: ['state'], where: { accountId, ...where }, _count: true }),
    accountId,
  )
  return Object.fromEntries(rows.map(({ state, _count }) => [state, _count]))
}

const itemIdOf = async (where: object) => {
  const [item] = await itemsOf(world, accountId, where)
  return globalId('InventoryItem', tenantKey({ accountId, id: item?.id ?? '' }))
}

describe('a hold on many items', () => {
  test('marks a thousand at once and the rest in the background, and unmarks them likewise', async () => {
    const where = await record(2_500, null)
    const others = Object.values(await tally({ NOT: where })).reduce((sum, count) => sum + count, 0)
    const { id, ...placed } = await place(world, { accountId: world.ids.account })
    expect(placed).toMatchObject({ marked: false, itemsHeld: 1_000, itemsResumed: 0 })
    const held = (await tally({ state: 'HELD' }))['HELD']
    expect(held).toBe(1_000)
    await markAll()
    const total = 2_500 + others
    expect(await progressOf(id)).toEqual({ marked: true, itemsHeld: total, itemsResumed: 0 })
    expect(await tally({})).toEqual({ HELD: total })
    expect(await release(world, id)).toMatchObject({ marked: false, itemsHeld: total, itemsResumed: 1_000 })
    await markAll()
    expect(await progressOf(id)).toEqual({ marked: true, itemsHeld: total, itemsResumed: total })
    expect(await tally({})).toEqual({ LIVE: total })
    // In the order of the sweep again, at the instant at which they are due.
    const due = await world.resources.db.worker(
      (tx) => tx.$queryRaw<{ count: number }[]>`
        select count(*)::int as count from inventory_item i join retention_rule r on r.id = i.retention_rule_id
        where i.account_id = ${accountId}::uuid
          and i.attempt_at is distinct from case when r.action <> 'DROP_PARTITION' then i.due_at end`,
      accountId,
    )
    expect(due).toEqual([{ count: 0 }])
    await change(where, { state: 'ERASED', doneAt: world.clock.now(), attemptAt: null })
  })

  test('that is released while it is still being marked leaves nothing marked', async () => {
    const where = await record(1_200)
    const { id } = await place(world, { subjectId: world.ids.endUser })
    await release(world, id)
    await markAll()
    expect(await tally(where)).toEqual({ LIVE: 1_200 })
    expect((await progressOf(id)).marked).toBe(true)
    await change(where, { state: 'ERASED', doneAt: world.clock.now(), attemptAt: null })
  })

  test('goes on where it was broken off, and does the same when it is done twice', async () => {
    const where = await record(2_100)
    const { id } = await place(world, { subjectId: world.ids.endUser, category: 'CONTENT_BATCH' })
    const { db, clock } = world.resources
    let calls = 0
    const failing = {
      worker: <T>(fn: Parameters<typeof db.worker<T>>[0], account?: string) => {
        calls += 1
        if (calls < 3) return db.worker(fn, account)
        return db.worker<T>(async (tx) => {
          await fn(tx)
          throw new Error('killed')
        }, account)
      },
    } as unknown as typeof db
    await expect(markHolds({ db: failing, clock })).rejects.toThrow('killed')
    expect(await progressOf(id)).toMatchObject({ marked: false, itemsHeld: 2_000 })
    await Promise.all([markAll(), markAll()])
    expect(await progressOf(id)).toEqual({ marked: true, itemsHeld: 2_100, itemsResumed: 0 })
    expect(await tally(where)).toEqual({ HELD: 2_100 })
    await release(world, id)
    await Promise.all([markAll(), markAll()])
    expect(await progressOf(id)).toEqual({ marked: true, itemsHeld: 2_100, itemsResumed: 2_100 })
    await change(where, { state: 'ERASED', doneAt: world.clock.now(), attemptAt: null })
  })

  test('with nothing to do it is one look', async () => {
    await markAll()
    const statements = watchStatements()
    expect(await markAll()).toBe(0)
    const looks = statements.seen.filter((sql) => /legal_hold/.test(sql))
    statements.stop()
    expect(looks).toHaveLength(1)
  })
})

describe('an item', () => {
  test('that several holds keep is held until the last is released, and hidden while all are confidential', async () => {
    const where = await record(1)
    const itemId = await itemIdOf(where)
    const states = async () => (await statesOf(world, accountId, where)).map((text) => text.replace(/^.*\d /, ''))
    const first = await place(world, { itemId, confidential: true })
    expect(await states()).toEqual(['HELD as LIVE confidential'])
    const second = await place(world, { subjectId: world.ids.endUser, confidential: true })
    expect(await states()).toEqual(['HELD as LIVE confidential'])
    const third = await place(world, { accountId: world.ids.account })
    expect(await states()).toEqual(['HELD as LIVE'])
    await release(world, first.id)
    expect(await states()).toEqual(['HELD as LIVE'])
    await release(world, third.id)
    await markAll()
    expect(await states()).toEqual(['HELD as LIVE confidential'])
    await release(world, second.id)
    expect(await states()).toEqual(['LIVE'])
  })

  test('is what it was before: restricted stays so, failures are forgotten, partitions are dropped by the fold', async () => {
    const restricted = await record(1)
    await change(restricted, { state: 'RESTRICTED', attempts: 3, lastProblem: 'KEYS.UNAVAILABLE' })
    made += 1
    const usage = await record(1, endUser, { category: 'USAGE', system: 'usage' })
    const { id } = await place(world, { subjectId: world.ids.endUser })
    const shown = async (where: object) => {
      const [item] = await itemsOf(world, accountId, where)
      return (
        item && [item.state, item.resumesAs, item.attempts, item.lastProblem, item.attemptAt?.toISOString() ?? null]
      )
    }
    expect(await shown(restricted)).toEqual(['HELD', 'RESTRICTED', 3, 'KEYS.UNAVAILABLE', null])
    expect(await shown(usage)).toEqual(['HELD', 'LIVE', 0, null, null])
    await release(world, id)
    // Batch content of 2026-03-01T08:00Z is kept for 30 days.
    expect(await shown(restricted)).toEqual(['RESTRICTED', null, 0, null, '2026-03-31T08:00:00.000Z'])
    expect(await shown(usage)).toEqual(['LIVE', null, 0, null, null])
  })

  test('tells since when it is what it is shown as, which confidential holds do not change', async () => {
    const where = await record(1)
    const itemId = await itemIdOf(where)
    const since = async () => (await itemsOf(world, accountId, where))[0]?.stateChangedAt.toISOString()
    const written = await since()
    world.clock.move(60)
    const hidden = await place(world, { itemId, confidential: true })
    expect(await since()).toBe(written)
    world.clock.move(60)
    const heldAt = world.clock.now().toISOString()
    const told = await place(world, { itemId })
    expect(await since()).toBe(heldAt)
    world.clock.move(60)
    const again = await place(world, { itemId })
    expect(await since()).toBe(heldAt)
    world.clock.move(60)
    await release(world, again.id)
    expect(await since()).toBe(heldAt)
    world.clock.move(60)
    const releasedAt = world.clock.now().toISOString()
    await release(world, told.id)
    expect(await since()).toBe(releasedAt)
    world.clock.move(60)
    await release(world, hidden.id)
    expect(await since()).toBe(releasedAt)
  })
})

describe.each([false, true])('what is written under a hold (confidential: %s) is held from then on', (confidential) => {
  const suffix = confidential ? ' confidential' : ''
  const held = (text: string) => `${text} HELD as LIVE${suffix}`
  const seenBy = async (who: Who, locator: string) => {
    const query = 'query($l: String) { inventoryItems(filter: { locator: $l }) { edges { node { state } } } }'
    const { data } = await world.ask(who, query, { l: locator })
    return data.inventoryItems.edges.map(({ node }: { node: { state: string } }) => node.state)
  }

  test('by a gateway', async () => {
    const month = confidential ? '2026-02' : '2026-01'
    const { id } = await place(world, { subjectId: world.ids.endUser, category: 'USAGE', confidential })
    const event = { occurredAt: `${month}-10T10:00:00.000Z` }
    const events = [
      inference(`held-${fresh()}`, { ...event, subjectId: world.ids.endUser }),
      inference(`held-${fresh()}`, { ...event, subjectId: world.ids.member }),
    ]
    const done = await perform(world, 'gateway', 'recordUsage', { accountId: world.ids.account, events })
    expect(done.code).toBeUndefined()
    const locator = `usage_event/${month}`
    const expected = [`member USAGE ${locator} LIVE`, held(`endUser USAGE ${locator}`)].sort()
    expect((await statesOf(world, accountId, { locator })).sort()).toEqual(expected)
    const seen = await seenBy('subject', locator)
    expect(seen.sort()).toEqual(confidential ? ['LIVE', 'LIVE'] : ['HELD', 'LIVE'])
    await release(world, id)
    expect(await tally({ locator })).toEqual({ LIVE: 2 })
  })

  test('by an integration', async () => {
    const { id } = await place(world, { accountId: world.ids.account, confidential })
    const created = await perform(world, 'integration', 'createSubject', { reference: `held-${fresh()}` })
    const { subject } = created as unknown as { subject: { id: string } }
    const where = { subjectId: keyOf(subject.id).id }
    expect(await statesOf(world, accountId, where)).toEqual([held('another ACCOUNT subject')])
    await release(world, id)
    expect(await tally(where)).toEqual({ LIVE: 1 })
  })

  test('by persons of the account, who invite and join', async () => {
    const { id } = await place(world, { accountId: world.ids.account, confidential })
    const { id: joined } = await join(world, 'MEMBER')
    const where = { subjectId: keyOf(joined).id }
    expect(await statesOf(world, accountId, where)).toEqual([
      held('another ACCOUNT identity_link'),
      held('another ACCOUNT subject'),
    ])
    await release(world, id)
    expect(await tally(where)).toEqual({ LIVE: 2 })
  })
})

test('nothing slips through that is written while a hold is being placed or released', async () => {
  const write = (n: number) =>
    perform(world, 'gateway', 'recordUsage', {
      accountId: world.ids.account,
      events: [
        inference(`race-${made}-${n}`, {
          occurredAt: `2025-${String(n).padStart(2, '0')}-10T10:00:00.000Z`,
          subjectId: world.ids.member,
        }),
      ],
    })
  const months = [4, 5, 6, 7, 8, 9, 10, 11]
  const where = { subjectId: member, locator: { startsWith: 'usage_event/2025-' } }
  const [{ id }] = await Promise.all([
    place(world, { subjectId: world.ids.member }),
    ...months.slice(0, 4).map(async (n) => expect((await write(n)).code).toBeUndefined()),
  ])
  expect(await tally(where)).toEqual({ HELD: 4 })
  await Promise.all([
    release(world, id),
    ...months.slice(4).map(async (n) => expect((await write(n)).code).toBeUndefined()),
  ])
  expect(await tally(where)).toEqual({ LIVE: 8 })
})
