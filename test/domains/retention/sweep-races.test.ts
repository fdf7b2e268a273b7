import { afterAll, beforeAll, expect, test } from 'vitest'
import { lockAccount } from '../../../src/domains/accounts/account-guards.ts'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { longestDue } from '../../../src/domains/retention/sweep-claims.ts'
import { globalId, tenantKey } from '../../../src/schema/global-id.ts'
import { perform } from '../../api/calls.ts'
import { watchStatements } from '../../kit/statements.ts'
import { openSweeping, type Sweeping, statesOf } from './sweep-kit.ts'

let s: Sweeping
beforeAll(async () => {
  s = await openSweeping({ now: '2026-03-15T12:00:00.000Z' })
})
afterAll(() => s.close())

const overdue = (locator: string, more: Partial<Parameters<Sweeping['write']>[0][number]> = {}) => ({
  accountId: s.accounts[0],
  category: 'CONTENT_BATCH' as const,
  system: 'test.one',
  locator,
  startsAt: '2026-02-13T11:59:00.000Z',
  ...more,
})

const idOf = async (locator: string) => {
  const [row] = await s.owner.query<{ id: string }>('select id::text from inventory_item where locator = $1', locator)
  return row?.id ?? ''
}

/** A hold, as its row alone makes it effective: nothing is marked. */
const hold = (columns: string, ...values: string[]) =>
  s.owner.query(
    `insert into legal_hold (account_id, id, ${columns}, authority_cipher, reason_cipher, confidential, review_on,
       placed_by, placed_at)
     values ('${s.accounts[0]}', gen_random_uuid(), ${values.map((_, at) => `$${at + 1}`).join(', ')}, '\\x00', '\\x00',
       false, '2027-01-01', 'STAFF:-', now())`,
    ...values,
  )
const release = () =>
  s.owner.query(`update legal_hold set released_at = now(), released_by = 'STAFF:-', release_reason_cipher = '\\x00'
    where released_at is null`)

test('three sweeps at once end every timer once', async () => {
  const items = s.accounts.flatMap((accountId) =>
    Array.from({ length: 700 }, (_, k) =>
      overdue(`three/${k}`, { accountId, system: k % 3 ? 'test.one' : 'test.two' }),
    ),
  )
  await s.write(items)
  const swept = await Promise.all([1, 2, 3].map(() => sweepRetention(s.deps, s.systems, { batch: 50 })))
  expect(swept.reduce((sum, { ended }) => sum + ended, 0)).toBe(2_100)
  expect(swept.reduce((sum, { failed }) => sum + failed, 0)).toBe(0)
  expect(await statesOf(s.owner, 'three/%')).toEqual([{ state: 'ERASED', attempts: 0, problem: null, items: 2_100 }])
  const [row] = await s.owner.query(
    `select (select count(*)::int from erasure_item) as items,
       (select sum(t)::int from retention_drift d, unnest(d.timers) as t) as timers`,
  )
  expect(row).toEqual({ items: 2_100, timers: 2_100 })
})

test('a writer that shares the account is waited for, and others come first', async () => {
  await s.write([overdue('busy/1'), overdue('busy/2', { accountId: s.accounts[1] })])
  if (s.deps.db.kind === 'pglite') {
    // One connection: nobody can hold an account while the sweep runs.
    expect((await sweepRetention(s.deps, s.systems)).ended).toBe(2)
    return
  }
  const held = Promise.withResolvers<void>()
  const free = Promise.withResolvers<void>()
  const writing = s.deps.db.worker(async (tx) => {
    await lockAccount(tx, s.accounts[0])
    held.resolve()
    await free.promise
  }, s.accounts[0])
  await held.promise
  const order: string[] = []
  const deps = {
    ...s.deps,
    failpoint: (place: string) => {
      if (place === 'committed') order.push('ended')
      if (order.length === 1) {
        order.push('freed')
        free.resolve()
      }
    },
  }
  expect((await sweepRetention(deps, s.systems)).ended).toBe(2)
  await writing
  expect(order).toEqual(['ended', 'freed', 'ended'])
})

test('a hold that is placed while an item is being ended comes after it, and never between', async () => {
  await s.write([overdue('late/1', { accountId: s.accounts[0] })])
  const itemId = await idOf('late/1')
  const order: string[] = []
  let placing: Promise<unknown> = Promise.resolve()
  const deps = {
    ...s.deps,
    failpoint: (place: string) => {
      order.push(place)
      if (place === 'claimed')
        placing = perform(s.world, 'staff', 'placeHold', {
          itemId: globalId('InventoryItem', tenantKey({ accountId: s.accounts[0], id: itemId })),
          ...{ authority: 'A court', reason: 'A file', confidential: false, reviewOn: '2026-12-01' },
        }).then((answer) => order.push(String(answer.__typename)))
    },
  }
  expect((await sweepRetention(deps, s.systems)).ended).toBe(1)
  await placing
  expect(order.slice(0, 2)).toEqual(['locked', 'claimed'])
  expect(order.slice(-2)).toEqual(['committed', 'HoldTargetEnded'])
})

test('what a hold covers is not claimed, although no item says so yet; after the release it goes at once', async () => {
  const [subject, other] = await s.owner.query<{ id: string }>(
    'select id::text from subject where account_id = $1::uuid order by id limit 2',
    s.accounts[0],
  )
  const [subjectId, otherId] = [subject?.id ?? '', other?.id ?? '']
  await s.write([
    overdue('held/item', { subjectId: otherId }),
    overdue('held/subject', { subjectId }),
    overdue('held/none', { subjectId: otherId }),
  ])
  await hold('scope, item_id', 'ITEM', await idOf('held/item'))
  await hold('scope, subject_id, category', 'CATEGORY', subjectId, 'CONTENT_BATCH')
  expect(await sweepRetention(s.deps, s.systems)).toEqual({ ended: 1, failed: 0, planned: 0 })
  expect(await statesOf(s.owner, 'held/%')).toEqual([
    { state: 'ERASED', attempts: 0, problem: null, items: 1 },
    { state: 'LIVE', attempts: 0, problem: null, items: 2 },
  ])
  await release()
  expect(await sweepRetention(s.deps, s.systems)).toEqual({ ended: 2, failed: 0, planned: 0 })
})

test('what a hold on one account keeps does not keep others waiting', async () => {
  await s.write([overdue('first/held'), overdue('then/free', { accountId: s.accounts[2] })])
  await hold('scope', 'ACCOUNT')
  await s.owner.query(
    `update inventory_item set attempt_at = attempt_at - interval '1 day' where locator = 'first/held'`,
  )
  expect(await sweepRetention(s.deps, s.systems)).toEqual({ ended: 1, failed: 0, planned: 0 })
  await release()
  expect(await sweepRetention(s.deps, s.systems)).toEqual({ ended: 1, failed: 0, planned: 0 })
})

test('the line outside is written before the first statement that destroys anything', async () => {
  const [subject] = await s.owner.query<{ id: string }>(
    'select id::text from subject where account_id = $1::uuid order by id limit 1',
    s.accounts[0],
  )
  await s.write([
    overdue('usage_event/2025-01', { category: 'USAGE', system: 'usage', subjectId: subject?.id ?? '' }),
    overdue('order/1', { subjectId: subject?.id ?? '' }),
  ])
  // Usage goes by partitions; here one item of it is taken by itself, as after a closing.
  await s.owner.query(
    `update inventory_item set due_at = '2026-03-01', attempt_at = '2026-03-01', planned_version = 99,
       retention_rule_id = (select id from retention_rule where category = 'USAGE' and trigger = 'ACCOUNT_CLOSED')
     where locator = 'usage_event/2025-01' and attempt_at is null`,
  )
  const statements = watchStatements()
  const seenAtIntend: string[] = []
  const ledger = {
    ...s.deps.ledger,
    intend: async () => {
      // The disk takes its time.
      await new Promise((resolve) => setImmediate(resolve))
      seenAtIntend.push(...statements.seen)
    },
  }
  expect(await sweepRetention({ ...s.deps, ledger }, s.systems)).toEqual({ ended: 2, failed: 0, planned: 0 })
  statements.stop()
  const destroys = /^\s*(delete|update|with ended)\b/i
  expect(seenAtIntend.filter((sql) => destroys.test(sql))).toEqual([])
  expect(seenAtIntend.filter((sql) => /insert into erasure\b/.test(sql))).toHaveLength(1)
  const after = statements.seen.slice(seenAtIntend.length)
  expect(after.filter((sql) => /^\s*delete from "?usage_event/.test(sql)).length).toBeGreaterThan(0)
  expect(after.filter((sql) => destroys.test(sql)).length).toBeGreaterThan(1)
})

test('a poll that finds nothing is one statement, which reads ten buffers at most among 30,000 timers', async () => {
  await s.owner.query(
    `insert into inventory_item (account_id, id, category, system, locator, purposes, legal_basis, collected_at,
       state_changed_at, retention_rule_id, planned_version, due_at, attempt_at)
     select $1::uuid, gen_random_uuid(), 'CONTENT_BATCH', 'test.one', 'idle/' || n, '{SERVICE_PROVISION}', 'CONTRACT',
       now(), now(), (select id from retention_rule where category = 'CONTENT_BATCH' and trigger = 'CREATED'), 99,
       '2027-01-01', timestamptz '2027-01-01' + n * interval '1 second'
     from generate_series(1, 30000) n`,
    s.accounts[0],
  )
  const statements = watchStatements()
  expect(await sweepRetention(s.deps, s.systems)).toEqual({ ended: 0, failed: 0, planned: 0 })
  statements.stop()
  const polls = statements.seen.filter((sql) => !/set_config/.test(sql))
  expect(polls).toHaveLength(1)
  await s.owner.query('analyze inventory_item')
  expect(await longestDue(s.deps.db, s.world.clock.now())).toBeNull()
  const now = s.world.clock.now()
  const [plan] = await s.deps.db.worker((tx) =>
    tx.$queryRawUnsafe<{ 'QUERY PLAN': readonly { Plan: Record<string, number> }[] }[]>(
      `explain (analyze, buffers, format json) ${polls[0]}`,
      now,
    ),
  )
  const read = plan?.['QUERY PLAN'][0]?.Plan ?? {}
  const buffers = (read['Shared Hit Blocks'] ?? 99) + (read['Shared Read Blocks'] ?? 99)
  expect(buffers).toBeLessThanOrEqual(10)
})
