import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { locatorOf, USAGE, type UsageCategory } from './usage-items.ts'

/** What is dropped of an account and category with a month: one row of the ledger of erasures. */
export type DroppedPart = {
  readonly accountId: string
  readonly category: UsageCategory
  readonly items: number
  /** Id of its row of `erasure`. */
  readonly erasureId: string
}

/** Living items of a month that no hold keeps. */
const endingItems = (month: string) => Prisma.sql`
  i.system = ${USAGE} and i.locator = ${locatorOf(month.slice(0, 7))} and i.state in ('LIVE', 'RESTRICTED')`

const columns = (parts: readonly DroppedPart[]) => Prisma.sql`
  unnest(${parts.map(({ accountId }) => accountId)}::uuid[], ${parts.map(({ erasureId }) => erasureId)}::uuid[],
    ${parts.map(({ category }) => category)}::data_category[], ${parts.map(({ items }) => items)}::int[])
    as p (account_id, erasure_id, category, items)`

/**
 * Writes into the ledger, of every account and category at once, that the items of a month are about to be ended, notes
 * how late that is, and ends them. What is HELD stays. The number of statements is the same for any number of accounts.
 * Effects: rows of `erasure`, `erasure_item`, `retention_drift`; states of `inventory_item`. @returns the parts
 */
export async function beginDropping(tx: Tx, month: string, clock: Clock): Promise<DroppedPart[]> {
  const now = clock.now()
  const groups = await tx.$queryRaw<Omit<DroppedPart, 'erasureId'>[]>`
    with ending as (select i.account_id, i.category from inventory_item i where ${endingItems(month)} for update)
    select account_id as "accountId", category::text as category, count(*)::int as items from ending group by 1, 2
    order by 1, 2`
  const parts = groups.map((group) => ({ ...group, erasureId: newId(clock) }))
  if (parts.length === 0) return []
  await tx.$executeRaw`
    insert into erasure (account_id, id, line_id, cause, action, system, category, items, begun_at)
    select account_id, erasure_id, null, 'RETENTION', 'DROP_PARTITION', ${USAGE}, category, items, ${now}
    from ${columns(parts)}`
  await tx.$executeRaw`
    insert into erasure_item (account_id, item_id, erasure_id)
    select i.account_id, i.id, p.erasure_id from inventory_item i
    join ${columns(parts)} on p.account_id = i.account_id and p.category = i.category where ${endingItems(month)}`
  await tx.$executeRaw`
    insert into retention_drift (account_id, id, category, at, drift_seconds, timers, drift_seconds_max)
    select late.account_id, gen_random_uuid(), late.category, ${now}, array_agg(late.seconds order by late.seconds),
      array_agg(late.timers order by late.seconds), max(late.seconds)
    from (select i.account_id, i.category, floor(extract(epoch from ${now}::timestamptz - i.due_at))::int as seconds,
        count(*)::int as timers
      from inventory_item i where ${endingItems(month)} and i.due_at <= ${now} group by 1, 2, 3) as late
    group by late.account_id, late.category`
  await tx.$executeRaw`
    update inventory_item i set state = 'ANONYMISED', state_changed_at = ${now}, done_at = ${now}, attempt_at = null,
      last_problem = null
    where ${endingItems(month)}`
  return parts
}

/** How many events of a month go, by account and category: all but those whose item is held. */
export type DroppedRows = { readonly accountId: string; readonly category: UsageCategory; readonly rows: bigint }

/**
 * Writes down what was dropped, after it was counted again: where an event of the month is still there, the table
 * refuses. Effects: rows of `erasure`.
 */
export async function finishDropping(
  tx: Tx,
  parts: readonly DroppedPart[],
  dropped: readonly DroppedRows[],
  left: Prisma.Sql,
  clock: Clock,
): Promise<void> {
  if (parts.length === 0) return
  const rows = new Map(dropped.map((each) => [`${each.accountId} ${each.category}`, each.rows]))
  const counts = parts.map(({ accountId, category }) => String(rows.get(`${accountId} ${category}`) ?? 0n))
  await tx.$executeRaw`
    with left_over as (${left})
    update erasure e set finished_at = ${clock.now()}, rows = c.rows, keys_destroyed = 0,
      remaining = coalesce((select l.rows from left_over l
        where l.account_id = e.account_id and l.category = e.category), 0)
    from unnest(${parts.map(({ accountId }) => accountId)}::uuid[], ${parts.map(({ erasureId }) => erasureId)}::uuid[],
      ${counts}::bigint[]) as c (account_id, id, rows)
    where e.account_id = c.account_id and e.id = c.id`
}
