import { afterAll, expect, test } from 'vitest'
import { foldDueMonths } from '../../src/domains/usage/usage-fold.jobs.ts'
import { newId } from '../../src/time/id.ts'
import { addRule } from '../domains/retention/rules-kit.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, keyOf, localId, perform } from './calls.ts'
import { recordTrace } from './usage-events-kit.ts'

const opened: { close(): Promise<void> }[] = []
afterAll(async () => {
  for (const each of opened.toReversed()) await each.close()
})

const event = (occurredAt: string, more: object = {}) => ({
  ...{ occurredAt, requestId: `l-${newId({ now: () => new Date(occurredAt) })}`, kind: 'API_REQUEST' },
  ...more,
})

/** Usage of three months in the first account, of one in the second; nothing is due yet. */
async function used(): Promise<{ world: World; owner: Owner }> {
  const world = await openWorld({ now: '2026-03-31T22:50:00.000Z' })
  const owner = await openOwnerOf(world.resources.db)
  opened.push(world, owner)
  const { member, endUser } = world.ids
  await recordTrace(world, world.ids.account, [
    event('2025-03-01T00:00:00.000Z', { subjectId: member }),
    event('2025-03-02T00:00:00.000Z', { subjectId: member }),
    event('2025-03-03T00:00:00.000Z', { subjectId: endUser }),
    event('2025-03-04T00:00:00.000Z', { subjectId: member, kind: 'SECURITY' }),
    event('2025-03-31T23:59:59.999Z'),
    event('2025-08-10T00:00:00.000Z', { subjectId: member }),
    event('2026-02-10T00:00:00.000Z', { subjectId: member }),
  ])
  await recordTrace(world, world.ids.otherAccount, [event('2025-03-05T00:00:00.000Z', { subjectId: world.ids.other })])
  return { world, owner }
}

const fold = ({ resources }: World) => foldDueMonths(resources.db, resources.clock)
const months = async (owner: Owner) =>
  (await owner.query<{ month: string }>("select to_char(month, 'YYYY-MM') as month from usage_month order by 1")).map(
    ({ month }) => month,
  )

const hold = (owner: Owner, accountId: string, subjectId: string) =>
  owner.query(
    `update inventory_item set state = 'HELD', resumes_as = 'LIVE', attempt_at = null
     where system = 'usage' and locator = 'usage_event/2025-03' and account_id = $1::uuid and subject_id = $2::uuid`,
    accountId,
    subjectId,
  )

test('what a month took along stands in the ledger: of every account and category, with what was counted', async () => {
  const { world, owner } = await used()
  await hold(owner, localId(world.ids.account), keyOf(world.ids.endUser).id)
  // 90 seconds after the month became due.
  world.clock.set('2026-04-01T00:01:30.000Z')
  expect(await fold(world)).toBe(1)
  const ledger = await owner.query(
    `select e.account_id, e.cause::text as cause, e.action::text as action, e.system, e.category::text as category, e.items,
       e.rows::int as rows, e.remaining::int as remaining, e.keys_destroyed, e.finished_at is not null as finished,
       (select count(*)::int from erasure_item i join inventory_item n on n.account_id = i.account_id and n.id = i.item_id
         where i.account_id = e.account_id and i.erasure_id = e.id and n.state = 'ANONYMISED' and n.done_at is not null
           and n.category = e.category and n.attempt_at is null) as ended
     from erasure e order by e.account_id, e.category`,
  )
  const both = { cause: 'RETENTION', action: 'DROP_PARTITION', system: 'usage', remaining: 0, keys_destroyed: 0 }
  const line = (account: string, category: string, items: number, rows: number) => ({
    ...both,
    ...{ account_id: localId(account), category, items, rows, finished: true, ended: items },
  })
  // Held: the end user's item and its event. Two events are the member's, one is nobody's.
  expect(ledger).toEqual([
    line(world.ids.account, 'USAGE', 2, 3),
    line(world.ids.account, 'SECURITY', 1, 1),
    line(world.ids.otherAccount, 'USAGE', 1, 1),
  ])
  expect(await owner.query('select count(*)::int as held from usage_event_held')).toEqual([{ held: 1 }])
  const drift = await owner.query(
    `select category::text as category, drift_seconds as seconds, timers, drift_seconds_max as max from retention_drift
     where account_id = $1::uuid order by category`,
    localId(world.ids.account),
  )
  expect(drift).toEqual([
    { category: 'SECURITY', seconds: [90], timers: [1], max: 90 },
    { category: 'USAGE', seconds: [90], timers: [2], max: 90 },
  ])
  // Again: nothing is ended twice.
  expect(await fold(world)).toBe(0)
  expect(await owner.query('select count(*)::int as lines from erasure')).toEqual([{ lines: 3 }])
})

test('however many accounts a month has, dropping it takes as many statements', async () => {
  const { world } = await used()
  const { world: small } = await used()
  const more = Array.from({ length: 40 }, (_, index) =>
    event('2025-03-06T00:00:00.000Z', { requestId: `many-${index}` }),
  )
  await recordTrace(world, world.ids.otherAccount, more)
  const statements = watchStatements()
  const dropping = async (of: World) => {
    of.clock.set('2026-04-01T00:00:00.000Z')
    statements.reset()
    await fold(of)
    return statements.seen.filter((sql) => /erasure|retention_drift|inventory_item/.test(sql)).length
  }
  const counts = [await dropping(small), await dropping(world)]
  statements.stop()
  expect(counts[0]).toBe(counts[1])
  expect(counts[0]).toBeGreaterThan(5)
})

test('a month is left alone while a hold of an account in it is not marked on all items', async () => {
  const { world, owner } = await used()
  const accountId = localId(world.ids.account)
  await owner.query(
    `insert into legal_hold (account_id, id, scope, subject_id, authority_cipher, reason_cipher, confidential, review_on,
       placed_by, placed_at, mark_pending)
     values ($1::uuid, $2::uuid, 'SUBJECT', $3::uuid, 'x', 'x', false, '2027-01-01', 'STAFF:-', now(), true)`,
    ...[accountId, newId(world.clock), keyOf(world.ids.member).id],
  )
  world.clock.set('2026-04-01T00:00:00.000Z')
  expect(await fold(world)).toBe(0)
  expect(await months(owner)).toEqual([])
  expect(await owner.query('select count(*)::int as lines from erasure')).toEqual([{ lines: 0 }])
  // Marked: the member's items are held, and stay; all else goes.
  await hold(owner, accountId, keyOf(world.ids.member).id)
  await owner.query('update legal_hold set mark_pending = false')
  expect(await fold(world)).toBe(1)
  expect(await owner.query('select count(*)::int as held from usage_event_held')).toEqual([{ held: 3 }])
  const held = await owner.query(
    "select count(*)::int as items from inventory_item where locator = 'usage_event/2025-03' and state = 'HELD'",
  )
  expect(held).toEqual([{ items: 2 }])
})

const record = (world: World, occurredAt: string) =>
  codeOf(perform(world, 'gateway', 'recordUsage', { accountId: world.ids.account, events: [event(occurredAt)] }))
const usageRule = (world: World, period: string, category: 'USAGE' | 'SECURITY' = 'USAGE') =>
  addRule(world.resources, { category, period, action: 'DROP_PARTITION' })

test('a shorter rule of either category drops its months after a minute, and takes no more events for them', async () => {
  const { world, owner } = await used()
  await usageRule(world, 'P6M', 'SECURITY')
  expect(await fold(world)).toBe(0)
  world.clock.move(60)
  // Six months after its first instant August is over; October will be in an hour and nine minutes.
  expect(await record(world, '2025-08-31T23:59:59.999Z')).toBe('USAGE.EVENT_NOT_VALID')
  expect(await record(world, '2025-10-01T00:00:00.000Z')).toBe('RecordUsageSuccess')
  expect(await fold(world)).toBe(2)
  expect(await months(owner)).toEqual(['2025-03', '2025-08'])
})

test('a longer rule keeps what is there, and never takes events for a month that was folded', async () => {
  const { world, owner } = await used()
  world.clock.set('2026-04-01T00:00:00.000Z')
  expect(await fold(world)).toBe(1)
  await usageRule(world, 'P24M')
  await usageRule(world, 'P24M', 'SECURITY')
  world.clock.move(60)
  expect(await record(world, '2025-03-10T00:00:00.000Z')).toBe('USAGE.EVENT_NOT_VALID')
  expect(await record(world, '2025-04-10T00:00:00.000Z')).toBe('RecordUsageSuccess')
  world.clock.set('2026-12-31T23:00:00.000Z')
  expect(await fold(world)).toBe(0)
  world.clock.set('2027-07-31T23:59:59.999Z')
  expect(await fold(world)).toBe(1)
  expect(await months(owner)).toEqual(['2025-03', '2025-04'])
})

test('without a rule nothing is dropped and nothing is taken', async () => {
  const { world, owner } = await used()
  await owner.query('update inventory_item set retention_rule_id = null')
  await owner.query("delete from retention_rule where category in ('USAGE', 'SECURITY')")
  world.clock.set('2026-04-01T00:00:00.000Z')
  expect(await fold(world)).toBe(0)
  expect(await record(world, '2026-03-31T00:00:00.000Z')).toBe('INTERNAL')
  expect(await months(owner)).toEqual([])
})
