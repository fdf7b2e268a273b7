import { afterAll, beforeAll, expect, test } from 'vitest'
import { planAccounts } from '../../../src/domains/retention/account-planning.jobs.ts'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { openSweeping, type Sweeping, statesOf } from './sweep-kit.ts'

let s: Sweeping
beforeAll(async () => {
  s = await openSweeping({ now: '2026-03-15T12:00:00.000Z' })
})
afterAll(() => s.close())

const sweep = () => sweepRetention(s.deps, s.systems)
const item = (category: 'CONTENT_BATCH' | 'COOKIE' | 'COMMUNICATION', locator: string, startsAt: string) => ({
  ...{ accountId: s.accounts[1], category, system: 'test.two', locator, startsAt },
})
const dueOf = async (locator: string) => {
  const rows = await s.owner.query<{ due: Date | null }>(
    'select due_at as due from inventory_item where locator = $1',
    locator,
  )
  return rows.map(({ due }) => due?.toISOString() ?? null)
}

/** Sweeps a millisecond before the instant, and at it. */
async function endsAt(instant: string): Promise<[number, number]> {
  s.world.clock.set(new Date(Date.parse(instant) - 1).toISOString())
  const before = await sweep()
  s.world.clock.set(instant)
  return [before.ended, (await sweep()).ended]
}

test('thirty days are thirty times 24 hours across the nights in which Berlin changes its clocks', async () => {
  // 29 March 2026, 01:00 UTC: from 02:00 to 03:00 in Berlin. 25 October 2026, 01:00 UTC: from 03:00 to 02:00.
  await s.write([item('CONTENT_BATCH', 'night/spring', '2026-02-27T01:30:00.000Z')])
  await s.write([item('CONTENT_BATCH', 'night/autumn', '2026-09-25T01:30:00.000Z')])
  expect(await dueOf('night/spring')).toEqual(['2026-03-29T01:30:00.000Z'])
  expect(await dueOf('night/autumn')).toEqual(['2026-10-25T01:30:00.000Z'])
  expect(await endsAt('2026-03-29T01:30:00.000Z')).toEqual([0, 1])
  expect(await endsAt('2026-10-25T01:30:00.000Z')).toEqual([0, 1])
})

test('a session that counts in the time of Berlin plans the same instants', async () => {
  const rows = await s.deps.db.worker(async (tx) => {
    await tx.$executeRaw`set local timezone = 'Europe/Berlin'`
    return tx.$queryRaw<{ due: string }[]>`
      select (due_at at time zone 'UTC')::text as due from app.retention_plan('CONTENT_BATCH', '2026-02-27T01:30:00Z', null, null, null, now())
      union all
      select (due_at at time zone 'UTC')::text from app.retention_plan('COOKIE', '2027-01-31T23:30:00Z', null, null, null, now())`
  })
  expect(rows.map(({ due }) => due)).toEqual(['2026-03-29 01:30:00', '2028-02-29 23:30:00'])
})

test('thirteen months end on the leap day where they start on one of the last days of a January', async () => {
  s.world.clock.set('2027-01-31T10:00:00.000Z')
  await s.write([
    item('COOKIE', 'leap/29', '2027-01-29T10:00:00.000Z'),
    item('COOKIE', 'leap/30', '2027-01-30T10:00:00.000Z'),
    item('COOKIE', 'leap/31', '2027-01-31T10:00:00.000Z'),
  ])
  for (const day of [29, 30, 31]) expect(await dueOf(`leap/${day}`)).toEqual(['2028-02-29T10:00:00.000Z'])
  expect(await endsAt('2028-02-29T10:00:00.000Z')).toEqual([0, 3])
})

test('thirteen months from a leap day end on the day of that number', async () => {
  s.world.clock.set('2028-02-29T12:00:00.000Z')
  await s.write([item('COOKIE', 'leap/from', '2028-02-29T12:00:00.000Z')])
  expect(await dueOf('leap/from')).toEqual(['2029-03-29T12:00:00.000Z'])
  expect(await endsAt('2029-03-29T12:00:00.000Z')).toEqual([0, 1])
})

test('what a newer rule keeps longer is planned anew when it is claimed, and ended when the newer rule says', async () => {
  s.world.clock.set('2030-01-01T00:00:00.000Z')
  await s.write([item('CONTENT_BATCH', 'stale/1', '2030-01-01T00:00:00.000Z')])
  expect(await dueOf('stale/1')).toEqual(['2030-01-31T00:00:00.000Z'])
  await s.owner.query(
    `insert into retention_rule select gen_random_uuid(), (select max(version) + 1 from retention_rule), category, trigger,
       'P60D', action, clause, description, legal_source, source, verified_on, verified, note, '2030-01-15', '2030-01-15'
     from retention_rule where category = 'CONTENT_BATCH' and trigger = 'CREATED'`,
  )
  s.world.clock.set('2030-02-01T00:00:00.000Z')
  expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 1 })
  expect(await dueOf('stale/1')).toEqual(['2030-03-02T00:00:00.000Z'])
  expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
  expect(await endsAt('2030-03-02T00:00:00.000Z')).toEqual([0, 1])
})

test('what is due by the newer rule too is ended at once, and its delay counts from what that rule says', async () => {
  s.world.clock.set('2030-04-01T00:00:00.000Z')
  await s.write([item('CONTENT_BATCH', 'stale/2', '2030-01-01T00:00:00.000Z')])
  await s.owner.query(
    `insert into retention_rule select gen_random_uuid(), (select max(version) + 1 from retention_rule), category, trigger,
       'P89D', action, clause, description, legal_source, source, verified_on, verified, note, '2030-04-01', '2030-04-01'
     from retention_rule where category = 'CONTENT_BATCH' and trigger = 'CREATED' and period = 'P60D'`,
  )
  s.world.clock.set('2030-04-01T00:00:05.000Z')
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
  const [drift] = await s.owner.query('select drift_seconds as seconds from retention_drift order by id desc limit 1')
  // 1 January and 89 days is 31 March.
  expect(drift).toEqual({ seconds: [86_405] })
})

test('an account that was reopened before its data was due keeps it, also before its items are planned anew', async () => {
  const accountId = s.accounts[1]
  s.world.clock.set('2030-06-01T00:00:00.000Z')
  const items = Array.from({ length: 20 }, (_, k) => item('COMMUNICATION', `reopened/${k}`, '2030-06-01T00:00:00.000Z'))
  await s.write(items)
  const set = (columns: string) => s.owner.query(`update account set ${columns} where id = $1::uuid`, accountId)
  await set(`status = 'CLOSING', closing_at = '2030-06-01T00:00:00.000Z', plan_pending = true`)
  await planAccounts(s.deps)
  expect(new Set(await dueOf('reopened/7'))).toEqual(new Set(['2030-07-01T00:00:00.000Z']))
  await set(`status = 'ACTIVE', closing_at = null, plan_pending = true`)
  s.world.clock.set('2030-07-01T00:00:01.000Z')
  const { ended, failed } = await sweep()
  expect([ended, failed]).toEqual([0, 0])
  expect(await statesOf(s.owner, 'reopened/%')).toEqual([{ state: 'LIVE', attempts: 0, problem: null, items: 20 }])
  expect(await dueOf('reopened/7')).toEqual([null])
})

test('a closing account whose items are planned only in part loses what is due, and no sweep runs in circles', async () => {
  const accountId = s.accounts[1]
  await s.owner.query(
    `update account set status = 'CLOSING', closing_at = '2030-08-01T00:00:00.000Z', plan_pending = true
     where id = $1::uuid`,
    accountId,
  )
  s.world.clock.set('2030-08-01T00:00:00.000Z')
  await planAccounts(s.deps)
  await s.owner.query('update account set plan_pending = true, plan_cursor = null where id = $1::uuid', accountId)
  s.world.clock.set('2030-08-31T00:00:00.000Z')
  const { failed } = await sweep()
  expect(failed).toBe(0)
  expect(await statesOf(s.owner, 'reopened/%')).toEqual([{ state: 'ERASED', attempts: 0, problem: null, items: 20 }])
})
