import { afterAll, beforeAll, expect, test } from 'vitest'
import { markHolds } from '../../../src/domains/retention/hold-marks.jobs.ts'
import { endHeldRemains } from '../../../src/domains/retention/hold-remains.jobs.ts'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { foldDueMonths } from '../../../src/domains/usage/usage-fold.jobs.ts'
import { SYSTEMS } from '../../../src/systems.ts'
import { keyOf, localId } from '../../api/calls.ts'
import { place, release, staffNow, statesOf } from '../../api/holds-kit.ts'
import { batchItem, recordItems } from '../../api/inventory-kit.ts'
import { recordTrace } from '../../api/usage-events-kit.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'

/** March 2025 is kept until 2026-04-01T00:00Z: 13 months after its first instant. */
const BEFORE = '2026-03-31T21:00:00.000Z'
const DUE = '2026-04-01T00:00:00.000Z'

let world: World
let owner: Owner
let accountId: string
let otherAccountId: string
beforeAll(async () => {
  world = await openWorld({ now: BEFORE })
  owner = await openOwnerOf(world.resources.db)
  accountId = localId(world.ids.account)
  otherAccountId = localId(world.ids.otherAccount)
  const { account, otherAccount, member, endUser, other } = world.ids
  const inMonth = (month: string) => ({ occurredAt: `2025-${month}-10T10:00:00.000Z` })
  await recordTrace(world, account, [
    event('member-1', member),
    event('member-2', member, { occurredAt: '2025-03-31T23:59:59.999Z' }),
    { occurredAt: '2025-03-10T10:00:00.000Z', requestId: 'member-signed-in', kind: 'SECURITY', subjectId: member },
    event('end-user', endUser),
    event('nobody', null),
    event('april-1', member, inMonth('04')),
    event('april-2', null, inMonth('04')),
    event('may', endUser, inMonth('05')),
    event('june', member, inMonth('06')),
  ])
  await recordTrace(world, otherAccount, [event('other', other)])
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

const event = (requestId: string, subjectId: string | null, more: object = {}) => ({
  occurredAt: '2025-03-10T10:00:00.000Z',
  requestId,
  kind: 'INFERENCE',
  model: 'm/one',
  endpointKind: 'SERVERLESS',
  inputTokens: 1,
  outputTokens: 1,
  subjectId,
  ...more,
})

const rows = async (table: string) =>
  (
    await owner.query<{ id: string }>(
      `select request_id as id from ${table} where occurred_at < '2025-04-01' order by request_id`,
    )
  ).map(({ id }) => id)
const fold = () => foldDueMonths(world.resources.db, world.clock)
const march = { locator: 'usage_event/2025-03' }
const ended = () => endHeldRemains(world.resources, SYSTEMS)
const states = async () =>
  [...(await statesOf(world, accountId, march)), ...(await statesOf(world, otherAccountId, march))]
    .map((text) => text.replace(' usage_event/2025-03', ''))
    .sort()

test('usage under a hold outlives its month, and goes when the last hold on it is released', async () => {
  const { member } = world.ids
  const category = await place(world, { subjectId: member, category: 'USAGE', confidential: true })
  const person = await place(world, { subjectId: member })
  expect(await states()).toEqual([
    'endUser USAGE LIVE',
    'member SECURITY HELD as LIVE',
    'member USAGE HELD as LIVE',
    'nobody USAGE LIVE',
    'other USAGE LIVE',
  ])

  world.clock.set(DUE)
  const staff = await staffNow(world)
  expect(await fold()).toBe(1)
  const kept = ['member-1', 'member-2', 'member-signed-in']
  expect(await rows('usage_event')).toEqual([])
  expect(await rows('usage_event_held')).toEqual(kept)
  expect(await ended()).toBe(0)
  expect((await sweepRetention(world.resources, SYSTEMS)).ended).toBe(0)

  // The other hold keeps the category; the rest of the person goes.
  await release(world, person.id, staff)
  expect(await ended()).toBe(1)
  expect(await rows('usage_event_held')).toEqual(['member-1', 'member-2'])
  expect(await states()).toEqual([
    'endUser USAGE ANONYMISED',
    'member SECURITY ERASED',
    'member USAGE HELD as LIVE confidential',
    'nobody USAGE ANONYMISED',
    'other USAGE ANONYMISED',
  ])

  world.clock.move(86_400)
  await release(world, category.id, await staffNow(world))
  expect(await states()).toContain('member USAGE LIVE')
  await world.runner.runDue()
  expect(await rows('usage_event_held')).toEqual([])
  expect(await states()).toContain('member USAGE ERASED')
  expect(await ended()).toBe(0)
  const ledger = await owner.query(
    `select action::text as action, category::text as category, items, rows::int as rows, remaining::int as remaining
     from erasure where account_id = $1::uuid and system = 'usage' order by action desc, category`,
    accountId,
  )
  const read = { remaining: 0 }
  expect(ledger).toEqual([
    { action: 'DROP_PARTITION', category: 'USAGE', items: 2, rows: 2, ...read },
    { action: 'DELETE', category: 'SECURITY', items: 1, rows: 1, ...read },
    { action: 'DELETE', category: 'USAGE', items: 1, rows: 2, ...read },
  ])
  // The sums of the month count what was there, held or not.
  const [sum] = await owner.query(`select sum(requests)::int as requests from usage_aggregate where kind = 'INFERENCE'`)
  expect(sum).toEqual({ requests: 5 })
})

test('a month whose hold was released in time goes as a whole', async () => {
  const { member } = world.ids
  const { id } = await place(world, { subjectId: member }, await staffNow(world))
  await release(world, id, await staffNow(world))
  world.clock.set('2026-05-01T00:00:00.000Z')
  expect(await ended()).toBe(0)
  expect(await fold()).toBe(1)
  expect(await ended()).toBe(0)
  expect(await owner.query('select count(*)::int as held from usage_event_held')).toEqual([{ held: 0 }])
  expect(await statesOf(world, accountId, { locator: 'usage_event/2025-04' })).toEqual([
    'member USAGE usage_event/2025-04 ANONYMISED',
    'nobody USAGE usage_event/2025-04 ANONYMISED',
  ])
})

test('a month is not dropped while a hold is still being marked', async () => {
  const { account, endUser } = world.ids
  const { id: subjectId } = keyOf(endUser)
  await recordItems(
    world,
    accountId,
    Array.from({ length: 1_100 }, (_, index) => batchItem(accountId, subjectId, { locator: `held/${index}` })),
  )
  const { id, marked } = await place(world, { accountId: account }, await staffNow(world))
  expect(marked).toBe(false)
  world.clock.set('2026-06-01T00:00:00.000Z')
  expect(await fold()).toBe(0)
  await markHolds(world.resources)
  expect(await fold()).toBe(1)
  expect(await owner.query('select request_id as id from usage_event_held')).toEqual([{ id: 'may' }])
  await release(world, id, await staffNow(world))
  await markHolds(world.resources)
  expect(await ended()).toBe(1)
  expect(await owner.query('select request_id as id from usage_event_held')).toEqual([])
})

test('what a kill leaves of it is done by the next run, once', async () => {
  const { member } = world.ids
  const { id } = await place(world, { subjectId: member }, await staffNow(world))
  world.clock.set('2026-07-01T00:00:00.000Z')
  expect(await fold()).toBe(1)
  await release(world, id, await staffNow(world))
  for (const place of ['begun', 'announced', 'ended', 'finished'] as const) {
    const failpoint = (reached: string) => {
      if (reached === place) throw new Error('killed')
    }
    await expect(endHeldRemains({ ...world.resources, failpoint }, SYSTEMS)).rejects.toThrow(AggregateError)
    expect(await owner.query('select request_id as id from usage_event_held')).toEqual([{ id: 'june' }])
  }
  const both = await Promise.all([ended(), ended()])
  expect(both.sort()).toEqual([0, 1])
  expect(await owner.query('select request_id as id from usage_event_held')).toEqual([])
})
