import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Keyring } from '../../../src/crypto/keyring.ts'
import type { Deps } from '../../../src/domains/deps.ts'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { recallPutOff, timersBacklog } from '../../../src/domains/retention/sweep-claims.ts'
import { openSweeping, type Sweeping, statesOf } from './sweep-kit.ts'

const START = '2026-03-15T12:00:00.000Z'

let s: Sweeping
beforeAll(async () => {
  s = await openSweeping({ now: START })
})
afterAll(() => s.close())
beforeEach(() => {
  s.world.clock.set(START)
  s.log.length = 0
  for (const store of s.stores) {
    store.before = () => 0
    store.calls.length = 0
  }
})

const sweep = (deps: Deps = s.deps, failures: unknown[] = []) =>
  sweepRetention(deps, s.systems, { onFailure: (error) => void failures.push(error) })

/** Items that were due a minute ago: begun 30 days and a minute before. */
const overdue = (locator: string, more: Partial<Parameters<Sweeping['write']>[0][number]> = {}) => ({
  accountId: s.accounts[0],
  category: 'CONTENT_BATCH' as const,
  system: 'test.one',
  locator,
  startsAt: '2026-02-13T11:59:00.000Z',
  ...more,
})

const attemptsOf = (like: string) =>
  s.owner.query(
    `select state::text, attempts, last_problem as problem, due_at as due, attempt_at as next
     from inventory_item where locator like $1`,
    like,
  )

test('a piece that fails alone holds up no other of its batch, and is tried again after a minute, then two', async () => {
  await s.write(Array.from({ length: 500 }, (_, k) => overdue(`poison/${k}`)))
  const failures: unknown[] = []
  s.stores[0].before = ({ locator }) => {
    if (locator === 'poison/333') throw new Error('the store cannot do it')
    return 0
  }
  expect(await sweep(s.deps, failures)).toEqual({ ended: 499, failed: 1, planned: 0 })
  expect(failures.map(String)).toEqual(['Error: the store cannot do it'])
  const failed = { state: 'LIVE', problem: 'ERASURE.FAILED', due: new Date('2026-03-15T11:59:00.000Z') }
  expect(await attemptsOf('poison/333')).toEqual([
    { ...failed, attempts: 1, next: new Date('2026-03-15T12:01:00.000Z') },
  ])
  s.world.clock.move(59)
  expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
  s.world.clock.move(1)
  expect(await sweep()).toEqual({ ended: 0, failed: 1, planned: 0 })
  expect(await attemptsOf('poison/333')).toEqual([
    { ...failed, attempts: 2, next: new Date('2026-03-15T12:03:00.000Z') },
  ])
  s.stores[0].before = () => 0
  s.world.clock.move(120)
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
  expect(await statesOf(s.owner, 'poison/%')).toEqual([
    { state: 'ERASED', attempts: 0, problem: null, items: 499 },
    { state: 'ERASED', attempts: 2, problem: null, items: 1 },
  ])
})

test('the pause between attempts doubles up to an hour and stays there', async () => {
  await s.write([overdue('pauses/1')])
  s.stores[0].before = () => {
    throw new Error('never')
  }
  const pauses: number[] = []
  for (let count = 0; count < 9; count += 1) {
    expect(await sweep()).toEqual({ ended: 0, failed: 1, planned: 0 })
    const [row] = await s.owner.query<{ next: Date }>(
      `select attempt_at as next from inventory_item where locator = 'pauses/1'`,
    )
    const next = row?.next ?? new Date(0)
    pauses.push((next.getTime() - s.world.clock.now().getTime()) / 1000)
    s.world.clock.set(next.toISOString())
  }
  expect(pauses).toEqual([60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600])
  s.stores[0].before = () => 0
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
})

test('what is still there when it is counted again is not done, and nothing of the attempt is kept', async () => {
  await s.write([overdue('there/1')])
  s.stores[0].before = () => 1
  expect(await sweep()).toEqual({ ended: 0, failed: 1, planned: 0 })
  expect(await statesOf(s.owner, 'there/%')).toEqual([
    { state: 'LIVE', attempts: 1, problem: 'ERASURE.NOT_GONE', items: 1 },
  ])
  expect(s.log).toEqual(['intend 1', 'test.one SHRED 1', 'aborted'])
  const rows = await s.owner.query(
    `select 1 from erasure_item e join inventory_item i on i.account_id = e.account_id and i.id = e.item_id
     where i.locator = 'there/1'`,
  )
  expect(rows).toEqual([])
  s.stores[0].before = () => 0
  s.world.clock.move(60)
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
})

test('items of a system that is not there, or of a place that it has not, fail with a code and stop nothing', async () => {
  await s.write([
    overdue('odd/system', { system: 'test.three' }),
    overdue('odd/place', { category: 'CONTENT_BATCH', system: 'usage' }),
    overdue('odd/good'),
  ])
  expect(await sweep()).toEqual({ ended: 1, failed: 2, planned: 0 })
  expect(
    await s.owner.query(`select locator, last_problem as problem from inventory_item where locator like 'odd/%'
    order by 1`),
  ).toEqual([
    { locator: 'odd/good', problem: null },
    { locator: 'odd/place', problem: 'ERASURE.NO_SUCH_PLACE' },
    { locator: 'odd/system', problem: 'ERASURE.NO_SUCH_SYSTEM' },
  ])
  await s.owner.query(`delete from inventory_item where locator in ('odd/place', 'odd/system')`)
})

test('a key provider that is down fails the whole batch at once with its reason, and none of it is done until it is back', async () => {
  const [accountId] = s.accounts
  const [subject] = await s.owner.query<{ id: string }>(
    'select id::text from subject where account_id = $1::uuid order by id limit 1',
    accountId,
  )
  const subjectId = subject?.id ?? ''
  await s.write(Array.from({ length: 40 }, (_, k) => overdue(`down/${k}`, { subjectId })))
  await s.deps.db.worker(
    (tx) => s.deps.keys.keyForWriting(tx, { accountId, subjectId, category: 'CONTENT_BATCH' }),
    accountId,
  )
  const down = () => Promise.reject(new Error('connect ECONNREFUSED kms.example'))
  const provider = Object.assign(Object.create(s.deps.keyProvider), { currentEpoch: down, wrap: down, unwrap: down })
  const keys = new Keyring(provider, s.world.clock)
  const calls = s.stores[0].calls
  expect(await sweep({ ...s.deps, keys, keyProvider: provider })).toEqual({ ended: 0, failed: 40, planned: 0 })
  expect(calls).toEqual(['SHRED 40'])
  expect(await statesOf(s.owner, 'down/%')).toEqual([
    { state: 'LIVE', attempts: 1, problem: 'KEYS.PROVIDER_UNAVAILABLE', items: 40 },
  ])
  s.world.clock.move(60)
  expect(await sweep()).toEqual({ ended: 40, failed: 0, planned: 0 })
  const [keysLeft] = await s.owner.query(
    `select count(*) filter (where wrapped is not null)::int as living, count(*)::int as all from keys.data_key
     where subject_id = $1::uuid and category = 'CONTENT_BATCH'`,
    subjectId,
  )
  expect(keysLeft).toEqual({ living: 0, all: 1 })
})

test('a ledger outside that cannot be written keeps everything as it is', async () => {
  await s.write([overdue('unwritten/1')])
  const full = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
  const ledger = { intend: full, done: full, aborted: full }
  expect(await sweep({ ...s.deps, ledger })).toEqual({ ended: 0, failed: 1, planned: 0 })
  expect(s.stores[0].calls).toEqual([])
  expect(await statesOf(s.owner, 'unwritten/%')).toEqual([
    { state: 'LIVE', attempts: 1, problem: 'LEDGER.UNAVAILABLE', items: 1 },
  ])
  s.world.clock.move(60)
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
})

test('what failed while the clock was ahead is taken up again when the clock is back', async () => {
  await s.write([overdue('ahead/1')])
  s.world.clock.set('2031-03-15T12:00:00.000Z')
  s.stores[0].before = () => {
    throw new Error('not now')
  }
  expect((await sweep()).failed).toBe(1)
  s.stores[0].before = () => 0
  s.world.clock.set(START)
  expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
  expect(await timersBacklog(s.deps.db, s.world.clock.now())).toEqual({ due: 1, oldestSeconds: 60 })
  expect(await s.deps.db.worker((tx) => recallPutOff(tx, s.world.clock.now()))).toBe(1)
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
  expect(await timersBacklog(s.deps.db, s.world.clock.now())).toEqual({ due: 0, oldestSeconds: 0 })
})

test('a pause that a failure does make is not cut short', async () => {
  await s.write([overdue('paused/1')])
  await s.owner.query(
    `update inventory_item set attempts = 9, attempt_at = '2026-03-15T13:00:00.000Z' where locator = 'paused/1'`,
  )
  expect(await s.deps.db.worker((tx) => recallPutOff(tx, s.world.clock.now()))).toBe(0)
  s.world.clock.move(3_600)
  expect(await sweep()).toEqual({ ended: 1, failed: 0, planned: 0 })
})

test('done before it was due, because the clock jumped back, counts as in time', async () => {
  await s.write([overdue('early/1')])
  // The clock jumps back within the transaction, between the claim and the effect.
  const deps = {
    ...s.deps,
    failpoint: (place: string) => {
      if (place === 'announced') s.world.clock.set('2026-03-14T12:00:00.000Z')
    },
  }
  expect(await sweep(deps)).toEqual({ ended: 1, failed: 0, planned: 0 })
  const [row] = await s.owner.query(
    `select drift_seconds as seconds, timers, drift_seconds_max as max from retention_drift order by id limit 1`,
  )
  expect(row).toEqual({ seconds: [0], timers: [1], max: 0 })
})
