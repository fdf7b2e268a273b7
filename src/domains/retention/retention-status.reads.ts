import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import { OVERDUE_AFTER_MS } from '../inventory/retention-timer.rules.ts'
import { type HoldViewer, seesConfidentialHolds } from '../inventory/visible-state.rules.ts'

const DAY_MS = 86_400_000

/** How timers are doing: of a category, or (null) of all. Times in seconds are whole. */
export type TimerCounts = {
  readonly category: DataCategory | null
  readonly dueNow: bigint
  readonly overdue: bigint
  readonly oldestOverdueAt: Date | null
  readonly oldestOverdueSeconds: number | null
  readonly dueNext24Hours: bigint
  readonly held: bigint
  readonly failed: bigint
  readonly doneInPeriod: bigint
  readonly driftSecondsP50: number | null
  readonly driftSecondsP95: number | null
  readonly driftSecondsMax: number | null
}

/** What is asked of the timers of one account, or (null) of all. */
export type StatusQuery = {
  readonly accountId: string | null
  readonly now: Date
  /** How far back drift and what was done are looked at. */
  readonly periodDays: number
  /** Who asks, as far as holds go. */
  readonly viewer: HoldViewer
}

type Row = {
  readonly category: DataCategory | null
  readonly dueNow: bigint | null
  readonly overdue: bigint | null
  readonly oldest: Date | null
  readonly next: bigint | null
  readonly held: bigint | null
  readonly failed: bigint | null
  readonly done: bigint | null
  readonly p50: number | null
  readonly p95: number | null
  readonly max: number | null
}

const ofAccount = (accountId: string | null) =>
  accountId === null ? Prisma.empty : Prisma.sql`and account_id = ${accountId}::uuid`

/**
 * How the timers are doing: every category in its order, then all together. Percentiles are by nearest rank: the smallest delay that at
 * least that share of the timers did not exceed. One statement. It reads what is due or will be within a day, what is
 * held, what failed, and the delays of the period: nothing of what is done, and nothing of what is due later.
 */
export async function readStatus(tx: Tx, query: StatusQuery): Promise<TimerCounts[]> {
  const { accountId, now, periodDays, viewer } = query
  const after = (ms: number) => new Date(now.getTime() + ms)
  const late = after(-OVERDUE_AFTER_MS)
  const account = ofAccount(accountId)
  const told = Prisma.sql`(state = 'HELD' and (${seesConfidentialHolds(viewer)} or not hold_confidential))`
  const rows = await tx.$queryRaw<Row[]>`
    with near as (
      select category, count(*) filter (where due_at <= ${now}) as due_now,
        count(*) filter (where due_at < ${late}) as overdue,
        min(due_at) filter (where due_at < ${late}) as oldest, count(*) filter (where due_at > ${now}) as next
      from inventory_item where done_at is null and due_at <= ${after(DAY_MS)} and not ${told} ${account}
      group by rollup (category)),
    held as (
      select category, count(*) as held
      from inventory_item where state = 'HELD' and ${told} ${account} group by rollup (category)),
    failed as (
      select category, count(*) as failed
      from inventory_item where done_at is null and attempts > 0 and not ${told} ${account}
      group by rollup (category)),
    delays as (
      select d.category, delay.seconds, sum(delay.timers) as timers
      from retention_drift d, unnest(d.drift_seconds, d.timers) as delay (seconds, timers)
      where d.at > ${after(-periodDays * DAY_MS)} and d.at <= ${now} ${account}
      group by grouping sets ((d.category, delay.seconds), (delay.seconds))),
    ranked as (
      select category, seconds, sum(timers) over (partition by category order by seconds) as rank,
        sum(timers) over (partition by category) as total from delays),
    drift as (
      select category, max(total) as done, min(seconds) filter (where rank >= ceil(0.50 * total)) as p50,
        min(seconds) filter (where rank >= ceil(0.95 * total)) as p95, max(seconds) as max
      from ranked group by 1)
    select c.category, n.due_now as "dueNow", n.overdue, n.oldest, n.next, h.held, f.failed, d.done::bigint as done,
      d.p50, d.p95, d.max
    from (select unnest(enum_range(null::data_category)) as category union all select null) as c
    left join near n on n.category is not distinct from c.category
    left join held h on h.category is not distinct from c.category
    left join failed f on f.category is not distinct from c.category
    left join drift d on d.category is not distinct from c.category
    order by c.category nulls last`
  return rows.map((row) => countsOf(row, now))
}

function countsOf(row: Row, now: Date): TimerCounts {
  const { category, oldest } = row
  return {
    category,
    dueNow: BigInt(row.dueNow ?? 0),
    overdue: BigInt(row.overdue ?? 0),
    oldestOverdueAt: oldest,
    oldestOverdueSeconds: oldest && Math.min(Math.floor((now.getTime() - oldest.getTime()) / 1000), 2 ** 31 - 1),
    dueNext24Hours: BigInt(row.next ?? 0),
    held: BigInt(row.held ?? 0),
    failed: BigInt(row.failed ?? 0),
    doneInPeriod: BigInt(row.done ?? 0),
    driftSecondsP50: row.p50,
    driftSecondsP95: row.p95,
    driftSecondsMax: row.max,
  }
}

/** How many items live: by category, and (null) all. One statement; it reads every living item of the account, or of all. */
export async function countLiving(tx: Tx, accountId: string | null): Promise<ReadonlyMap<DataCategory | null, bigint>> {
  const rows = await tx.$queryRaw<{ category: DataCategory | null; items: bigint }[]>`
    select category, count(*) as items
    from inventory_item where done_at is null ${ofAccount(accountId)} group by rollup (category)`
  return new Map(rows.map(({ category, items }) => [category, BigInt(items)]))
}

/** Whether anything was ever held for an account that the caller may see. */
export async function isKnownAccount(tx: Tx, accountId: string): Promise<boolean> {
  return (await tx.inventoryItem.findFirst({ where: { accountId }, select: { id: true } })) !== null
}
