import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { linkDemoIdentities } from '../../src/demo/demo-data.ts'
import { usageSystem } from '../../src/domains/usage/usage.system.ts'
import { fresh, inference, join, keyOf, localId, perform } from '../api/calls.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { endPlaces } from './systems-kit.ts'

let world: World
let owner: Owner
let statements: Statements
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  statements = watchStatements()
})
afterEach(() => statements.reset())
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

/** A person's items, as `category locator state purposes basis collected retention`. */
async function itemsOf(subjectId: string | null): Promise<string[]> {
  const items = await owner.query<{ line: string }>(
    `select concat_ws(' ', category, locator, state, array_to_string(purposes, '+'), legal_basis,
       to_char(collected_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS'),
       to_char(retention_starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI')) as line
     from inventory_item where coalesce(subject_id::text, '') = $1 order by locator collate "C", category::text, id`,
    subjectId ?? '',
  )
  return items.map(({ line }) => line)
}

const countOf = async (table: string) =>
  (await owner.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n ?? 0

const newSubject = async () => {
  const made = await perform(world, 'subject', 'createSubject', { reference: fresh(), name: 'Made Person' })
  return String((made['subject'] as { id: string }).id)
}
const record = (events: readonly object[]) =>
  perform(world, 'gateway', 'recordUsage', { accountId: world.ids.account, events })

const END_USER = 'ACCOUNT subject LIVE SERVICE_PROVISION+RIGHTS_FULFILMENT CONTRACT 2026-03-15T12:00:00.000'
const MEMBER =
  'ACCOUNT subject LIVE SERVICE_PROVISION+AUTHENTICATION+SERVICE_NOTIFICATIONS CONTRACT 2026-03-15T12:00:00.000'
const link = (state: string) => `ACCOUNT identity_link ${state} AUTHENTICATION CONTRACT 2026-03-15T12:00:00.000`
const used = (month: string, state: string, first: string) =>
  `USAGE usage_event/${month} ${state} SERVICE_PROVISION+PAYMENT_PROCESSING+USAGE_REPORTING CONTRACT ${first} ${month}-01T00:00`
const watched = (month: string, first: string) =>
  `SECURITY usage_event/${month} LIVE SECURITY+FRAUD_PREVENTION LEGITIMATE_INTERESTS ${first} ${month}-01T00:00`

test('a person of a customer has one item, also after a correction', async () => {
  const id = await newSubject()
  expect(await itemsOf(keyOf(id).id)).toEqual([END_USER])
  await perform(world, 'subject', 'updateSubject', { subjectId: id, name: 'Other Name' })
  expect(await itemsOf(keyOf(id).id)).toEqual([END_USER])
})

test('a correction gives a person its item where it had none', async () => {
  const id = await newSubject()
  await owner.query('delete from inventory_item where subject_id = $1::uuid', keyOf(id).id)
  await perform(world, 'subject', 'updateSubject', { subjectId: id, name: 'Other Name' })
  expect(await itemsOf(keyOf(id).id)).toEqual([END_USER])
})

test('a member has one for its row, one for its sign-in from joining to leaving, and keeps the first when invited again', async () => {
  const email = `${fresh()}@aster.example`
  const input = { name: 'Ina Invited', email, role: 'MEMBER' }
  const invited = await perform(world, 'subject', 'inviteMember', input)
  const { id } = keyOf((invited['subject'] as { id: string }).id)
  expect(await itemsOf(id)).toEqual([MEMBER])
  const joined = await join(world, 'MEMBER')
  const member = keyOf(joined.id).id
  expect(await itemsOf(member)).toEqual([link('LIVE'), MEMBER])
  await perform(world, 'subject', 'removeMember', { subjectId: joined.id })
  expect(await itemsOf(member)).toEqual([link('ERASED'), MEMBER])
  await perform(world, 'subject', 'inviteMember', input)
  expect(await itemsOf(id)).toEqual([MEMBER])
})

test('the demo links no sign-in twice', async () => {
  const before = await countOf('inventory_item')
  await linkDemoIdentities(world.resources, 'http://privacy.test/demo')
  await linkDemoIdentities(world.resources, 'http://privacy.test/demo')
  expect(await countOf('inventory_item')).toBe(before)
})

test('usage has one item for each person, month in UTC and category, however many events and calls', async () => {
  const id = await newSubject()
  const at = (occurredAt: string, more: object = {}) => inference(fresh(), { occurredAt, subjectId: id, ...more })
  const security = { kind: 'SECURITY', requestId: fresh(), subjectId: id, occurredAt: '2026-03-01T00:00:00.000Z' }
  const events = [
    at('2026-02-28T23:59:59.999Z'),
    at('2026-03-01T00:00:00.000Z'),
    at('2026-03-02T01:00:00.000Z'),
    security,
  ]
  const expected = [
    END_USER,
    used('2026-02', 'LIVE', '2026-02-28T23:59:59.999'),
    watched('2026-03', '2026-03-01T00:00:00.000'),
    used('2026-03', 'LIVE', '2026-03-01T00:00:00.000'),
  ]
  statements.reset()
  await record(events)
  expect(statements.seen.filter((sql) => /insert into inventory_item/.test(sql))).toHaveLength(1)
  expect(await itemsOf(keyOf(id).id)).toEqual(expected)
  await record([at('2026-03-01T00:00:00.000Z'), ...events])
  expect(await itemsOf(keyOf(id).id)).toEqual(expected)
  statements.reset()
  await record(events)
  expect(statements.seen.filter((sql) => /inventory_item/.test(sql))).toEqual([])
})

test('an event that was unlinked from its person and is reported again gives the person no item', async () => {
  const id = await newSubject()
  const { accountId, id: subjectId } = keyOf(id)
  const events = [inference(fresh(), { occurredAt: '2026-01-31T23:59:59.999Z', subjectId: id })]
  await record(events)
  const rows = await world.resources.db.worker(
    (tx) => endPlaces(world, tx, usageSystem, 'ANONYMISE', { accountId, subjectId }, 'USAGE'),
    accountId,
  )
  expect(rows).toBe(1)
  await record(events)
  expect(await itemsOf(subjectId)).toEqual([END_USER, used('2026-01', 'ANONYMISED', '2026-01-31T23:59:59.999')])
  const ofNobody = (await itemsOf(null)).filter((line) => line.startsWith('USAGE'))
  expect(ofNobody).toEqual([used('2026-01', 'LIVE', '2026-01-31T23:59:59.999')])
})

test('of row and item neither stays when the other fails, nor when what comes after them fails', async () => {
  const recordOf = (subjectId: string) =>
    record([inference(fresh(), { occurredAt: '2025-12-31T23:59:59.999Z', subjectId })])
  const [early, like, id] = [await newSubject(), await newSubject(), await newSubject()]
  await recordOf(early)
  statements.reset()
  await recordOf(like)
  const place = (pattern: RegExp) => statements.seen.findIndex((sql) => pattern.test(sql)) + 1
  const steps = [/insert into usage_event/, /insert into inventory_item/, /insert into .*audit_event/i].map(place)
  expect(steps.toSorted((a, b) => a - b)).toEqual(steps)
  expect(steps[0]).toBeGreaterThan(0)
  const counts = async () => [await countOf('usage_event'), await countOf('inventory_item')]
  const before = await counts()
  for (const step of steps) {
    statements.reset(step)
    expect((await recordOf(id)).__typename).toBe('Error')
    statements.reset()
    expect(await counts()).toEqual(before)
  }
  await recordOf(id)
  expect(await counts()).toEqual(before.map((count) => count + 1))
})

// PGlite has one connection: two transactions are never open at once there.
test.skipIf(inject('backend') === 'pglite')(
  'usage that is recorded while the person is erased is either erased, or recorded with a living item',
  async () => {
    const id = await newSubject()
    const { accountId, id: subjectId } = keyOf(id)
    const event = () => inference(fresh(), { subjectId: id })
    await record([event()])
    const erased = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const erasing = world.resources.db.worker(async (tx) => {
      await endPlaces(world, tx, usageSystem, 'DELETE', { accountId, subjectId }, 'USAGE')
      erased.resolve()
      await goOn.promise
    }, accountId)
    await erased.promise
    const recording = record([event()])
    const waits = () =>
      world.resources.db.worker(
        (tx) => tx.$queryRaw<{ n: number }[]>`select count(*)::int as n from pg_locks where not granted`,
      )
    await expect.poll(async () => (await waits())[0]?.n ?? 0, { timeout: 10_000 }).toBeGreaterThan(0)
    goOn.resolve()
    await Promise.all([erasing, recording])
    const states = (await itemsOf(subjectId))
      .filter((line) => line.startsWith('USAGE'))
      .map((line) => line.split(' ')[2])
    expect(states.sort()).toEqual(['ERASED', 'LIVE'])
    const located = await world.resources.db.worker((tx) => usageSystem.locate(tx, { accountId, subjectId }), accountId)
    expect(located.map(({ rows }) => rows)).toEqual([1])
  },
)

test('who is not of the whole account ends no item, and nobody brings one back', async () => {
  const accountId = localId(world.ids.account)
  const { db, clock } = world.resources
  const ended = { data: { state: 'ERASED', doneAt: clock.now() } } as const
  const gateway = { ...systemSession(accountId), principal: 'GATEWAY', reach: 'NONE' } as const
  expect((await db.read(gateway, (tx) => tx.inventoryItem.updateMany(ended))).count).toBe(0)
  expect(await countOf(`inventory_item where state = 'ERASED'`)).toBeGreaterThan(0)
  const revived = { where: { state: 'ERASED' }, data: { state: 'LIVE', doneAt: null } } as const
  for (const caller of [systemSession(accountId), gateway])
    expect((await db.read(caller, (tx) => tx.inventoryItem.updateMany(revived))).count).toBe(0)
  const elsewhere = { where: { accountId: { not: accountId } }, data: { dueAt: clock.now() } }
  expect((await db.read(systemSession(accountId), (tx) => tx.inventoryItem.updateMany(elsewhere))).count).toBe(0)
})
