import { afterAll, beforeAll, expect, test } from 'vitest'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { openSweeping, type Sweeping, statesOf } from './sweep-kit.ts'

let s: Sweeping
beforeAll(async () => {
  s = await openSweeping({ now: '2026-03-15T12:00:00.000Z' })
})
afterAll(() => s.close())

const at = (seconds: number) => new Date(Date.parse('2026-03-15T12:00:00.000Z') + seconds * 1000)
const sweep = () => sweepRetention(s.deps, s.systems)

test('after thirty days of standstill every timer of every account is done once, and its delay is told to the second', async () => {
  // Due from 864 s to 5 days after the start; 500 of each of three accounts, in two systems by turns.
  const items = s.accounts.flatMap((accountId) =>
    Array.from({ length: 500 }, (_, k) => {
      const due = at(864 * (k + 1))
      return {
        accountId,
        category: 'CONTENT_BATCH' as const,
        system: k % 2 === 0 ? 'test.one' : 'test.two',
        locator: `test/standstill/${k}`,
        startsAt: new Date(due.getTime() - 30 * 86_400_000).toISOString(),
      }
    }),
  )
  expect(await s.write(items)).toBe(1_500)
  expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
  s.world.clock.move(30 * 86_400)
  expect(await sweep()).toEqual({ ended: 1_500, failed: 0, planned: 0 })
  expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
  expect(await statesOf(s.owner)).toEqual([{ state: 'ERASED', attempts: 0, problem: null, items: 1_500 }])
  const drift = await s.owner.query(
    `select d.account_id as account, count(distinct c.seconds)::int as delays, sum(c.timers)::int as timers,
       min(c.seconds) as least, max(c.seconds) as most, max(d.drift_seconds_max) as max
     from retention_drift d cross join lateral unnest(d.drift_seconds, d.timers) as c (seconds, timers)
     where d.category = 'CONTENT_BATCH' group by 1`,
  )
  // 30 days less 5 days, and less 864 seconds.
  const each = { delays: 500, timers: 500, least: 2_160_000, most: 2_591_136, max: 2_591_136 }
  expect(drift).toHaveLength(3)
  for (const account of s.accounts) expect(drift).toContainEqual({ account, ...each })
})

test('every item that was ended stands in the ledger once, with its rows', async () => {
  const [row] = await s.owner.query(
    `select count(*)::int as items, count(distinct e.item_id)::int as different, count(i.id)::int as ended,
       (select sum(items)::int from erasure where cause = 'RETENTION' and finished_at is not null) as counted,
       (select sum(rows)::int from erasure where cause = 'RETENTION' and remaining = 0) as rows
     from erasure_item e left join inventory_item i on i.account_id = e.account_id and i.id = e.item_id
       and i.state = 'ERASED' and i.done_at = i.state_changed_at`,
  )
  expect(row).toEqual({ items: 1_500, different: 1_500, ended: 1_500, counted: 1_500, rows: 1_500 })
})

test('each transaction is announced in the ledger outside before the systems are asked, and told as done after it', () => {
  expect(s.log.filter((line) => line.startsWith('intend')).length).toBe(3)
  expect(s.log).toEqual(
    Array.from({ length: 3 }, () => ['intend 500', 'test.one SHRED 250', 'test.two SHRED 250', 'done']).flat(),
  )
})

test('the audit tells how many items were ended for each transaction, by the system', async () => {
  const rows = await s.owner.query(
    `select actor_kind::text as actor, record_type as type, cardinality(record_ids) as records, count, subject_id as subject
     from audit_event where kind = 'retention.ended'`,
  )
  const row = { actor: 'SYSTEM', type: 'Erasure', records: 2, count: 500, subject: null }
  expect(rows).toEqual([row, row, row])
})
