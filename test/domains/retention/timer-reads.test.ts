import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anonymousSession, type Session } from '../../../src/auth/session.ts'
import type { Tx } from '../../../src/db/database.ts'
import { DEMO_ACCOUNTS } from '../../../src/demo/demo-data.ts'
import { timerScope } from '../../../src/domains/inventory/retention-timer.scope.ts'
import { readTimers } from '../../../src/domains/inventory/retention-timers.reads.ts'
import { readStatus } from '../../../src/domains/retention/retention-status.reads.ts'
import { Prisma } from '../../../src/generated/prisma/client.ts'
import { localId } from '../../api/calls.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'

const NOW = '2026-03-15T12:00:00.000Z'
/** Due within the last hour, due within the two years to come, and finished long ago. */
const DUE = 300
const RUNNING = 3_000
const DONE = 20_000

let world: World
let owner: Owner
let accountId: string

const staff: Session = {
  ...anonymousSession,
  principal: 'STAFF',
  scopes: new Set(['retention:read', 'holds:manage']),
}

/** Writes so many items whose instants lie `step` apart from the given one. */
function write(count: number, from: string, step: string, state: 'LIVE' | 'ERASED'): Promise<unknown> {
  return owner.query(
    `insert into inventory_item (account_id, id, category, system, locator, purposes, legal_basis, collected_at,
       state_changed_at, state, due_at, attempt_at, done_at, retention_rule_id, planned_version)
     select $1::uuid, gen_random_uuid(), 'COOKIE', 'banner', 'place/' || extract(epoch from at)::bigint, '{SERVICE_PROVISION}', 'CONTRACT',
       '2026-01-01', '2026-01-01', $3::inventory_state, at, case when $3 = 'LIVE' then at end,
       case when $3 = 'ERASED' then at end, r.id, r.version
     from generate_series(1, ${count}) n cross join lateral (select $2::timestamptz + n * interval '${step}' as at) t
     join retention_rule r on r.category = 'COOKIE' and r.trigger = 'CREATED'`,
    accountId,
    from,
    state,
  )
}

beforeAll(async () => {
  world = await openWorld({ now: NOW })
  owner = await openOwnerOf(world.resources.db)
  accountId = localId(world.ids.account)
  await write(DUE, '2026-03-15T11:00:00Z', '10 seconds', 'LIVE')
  await write(RUNNING, '2026-04-01T00:00:00Z', '6 hours', 'LIVE')
  await owner.query('analyze inventory_item')
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

type Plan = { readonly 'QUERY PLAN': readonly [{ readonly Plan: Record<string, number> }] }

/** How many buffers a statement reads that goes to the database as raw SQL. */
async function buffersOf(read: (tx: Tx) => Promise<unknown>): Promise<number> {
  let buffers = 0
  await world.resources.db.read(staff, async (tx) => {
    const explain = async (strings: readonly string[], ...values: unknown[]) => {
      const sql = Prisma.sql(strings, ...values)
      const [row] = await tx.$queryRaw<Plan[]>`explain (analyze, buffers, timing off, format json) ${sql}`
      const plan = row?.['QUERY PLAN'][0].Plan
      buffers = (plan?.['Shared Hit Blocks'] ?? Number.NaN) + (plan?.['Shared Read Blocks'] ?? Number.NaN)
      return []
    }
    await read({ $queryRaw: explain } as unknown as Tx)
  })
  return buffers
}

/** What a page of timers reads, as the database client asks for it, without what lies around it. */
const page = (where: Prisma.Sql) => (tx: Tx) =>
  tx.$queryRaw`select * from inventory_item where done_at is null and due_at is not null and ${where}
    order by due_at, id, account_id limit 21`

const status = (tx: Tx) => readStatus(tx, { accountId: null, now: new Date(NOW), periodDays: 30, viewer: staff })

const READS = {
  'the status of all accounts': status,
  'a page of a category and a range of instants': page(Prisma.sql`category = 'COOKIE'
    and due_at >= ${NOW}::timestamptz and due_at < ${'2026-05-01T00:00:00Z'}::timestamptz`),
  'the next ones of an account': page(Prisma.sql`account_id = ${DEMO_ACCOUNTS[0].id}::uuid`),
}

describe('what is done', () => {
  test('makes no statement about timers read more', async () => {
    const measure = async () => {
      const figures: Record<string, number> = {}
      for (const [name, read] of Object.entries(READS)) figures[name] = await buffersOf(read)
      return figures
    }
    await measure()
    const before = await measure()
    await write(DONE, '2020-01-01T00:00:00Z', '1 minute', 'ERASED')
    await owner.query('analyze inventory_item')
    await measure()
    const after = await measure()
    for (const [name, buffers] of Object.entries(before)) {
      expect(buffers, name).toBeGreaterThan(0)
      expect(after[name], `${name}, after ${DONE} more were done`).toBeLessThanOrEqual(buffers + 10)
    }
    expect(after['the next ones of an account']).toBeLessThan(100)
  })

  test('is not in the way of a page as the database client asks for it', async () => {
    const rows = await world.resources.db.read(staff, (tx) =>
      readTimers(
        tx,
        {},
        { AND: [timerScope(staff), { accountId, doneAt: null }] },
        {
          ...{ after: null, before: null, limit: 3, inverted: false },
        },
      ),
    )
    expect(rows.map(({ dueAt }) => dueAt?.toISOString())).toEqual([
      '2026-03-15T11:00:10.000Z',
      '2026-03-15T11:00:20.000Z',
      '2026-03-15T11:00:30.000Z',
    ])
  })
})
