import type { Database, Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'

/** How many items are planned anew in one transaction. */
export const PLAN_BATCH = 1_000

/** What planning is given beside database and clock. */
export type PlanOptions = {
  /** Ends the work after the batch that is under way. */
  readonly signal?: AbortSignal
  /** Items in one transaction. Default: {@link PLAN_BATCH}. */
  readonly batchSize?: number
}

/** A category whose newest rule in effect has items to plan anew, or is not noted as finished. */
type Stale = { readonly category: DataCategory; readonly version: number; readonly stale: boolean }

const LIVING = Prisma.sql`('LIVE', 'HELD', 'RESTRICTED')`

/**
 * Plans every living item anew that does not know the newest rule in effect of its category: by which rule, when it is
 * due, when it is taken. A rule that takes effect later is planned when its time comes. Batches are transactions of
 * their own: the work may be ended at any moment and be done by any number of workers, and goes on where it stopped.
 * What is ended is never touched.
 * Effects: rows of `inventory_item`; counts of `retention_rule`. @returns how many items were planned anew
 */
export async function planStaleItems(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  { signal, batchSize = PLAN_BATCH }: PlanOptions = {},
): Promise<number> {
  let planned = 0
  for (const { category, version, stale } of await db.worker((tx) => findStale(tx, clock.now()))) {
    let done = stale ? batchSize : 0
    while (done > 0 && signal?.aborted !== true) {
      done = await db.worker((tx) => planBatch(tx, category, clock.now(), batchSize))
      planned += done
    }
    if (signal?.aborted !== true) await db.worker((tx) => finish(tx, category, version, clock.now()))
  }
  return planned
}

/** One statement: a look into an index for each category. */
async function findStale(tx: Tx, now: Date): Promise<Stale[]> {
  return tx.$queryRaw<Stale[]>`
    select category, version, stale from (
      select distinct on (r.category) r.category::text as category, r.version, r.replanned_at,
        exists (select from inventory_item i where i.category = r.category and i.planned_version < r.version
          and i.state in ${LIVING}) as stale
      from retention_rule r where r.effective_from <= ${now}
      order by r.category, r.version desc) as newest
    where stale or replanned_at is null`
}

/**
 * Plans up to `limit` stale items of a category anew, in the open transaction of the worker. Rows that another worker
 * has are left to it.
 * @returns how many
 */
export async function planBatch(tx: Tx, category: DataCategory, now: Date, limit: number): Promise<number> {
  const [newest] = await tx.$queryRaw<{ id: string; version: number; replan_total: number | null }[]>`
    select id, version, replan_total from retention_rule
    where category = ${category}::data_category and effective_from <= ${now} order by version desc limit 1`
  if (!newest) return 0
  const { id, version } = newest
  if (newest.replan_total === null)
    await tx.$executeRaw`
      update retention_rule set replan_total = (select count(*) from inventory_item
        where category = ${category}::data_category and planned_version < ${version} and state in ${LIVING})
      where id = ${id}::uuid and replan_total is null`
  const [counts] = await tx.$queryRaw<{ done: number; moved: number }[]>`
    with stale as materialized (
      select account_id, id, category, state, retention_starts_at, trigger, triggered_at, due_at
      from inventory_item
      where category = ${category}::data_category and planned_version < ${version} and state in ${LIVING}
      order by planned_version limit ${limit} for update skip locked),
    plan as (
      select s.account_id, s.id, s.due_at as was_due_at, p.rule_id, p.action, p.due_at
      from stale s join account a on a.id = s.account_id
      cross join lateral app.retention_plan(s.category, s.retention_starts_at, s.trigger, s.triggered_at, a.closing_at,
        ${now}) as p),
    planned as (
      update inventory_item i set retention_rule_id = p.rule_id, planned_version = ${version}, due_at = p.due_at,
        attempts = case when p.was_due_at is distinct from p.due_at then 0 else i.attempts end,
        last_problem = case when p.was_due_at is distinct from p.due_at then null else i.last_problem end,
        attempt_at = case when i.state = 'HELD' or p.action = 'DROP_PARTITION' then null
          when p.was_due_at is not distinct from p.due_at then coalesce(i.attempt_at, p.due_at) else p.due_at end
      from plan p where i.account_id = p.account_id and i.id = p.id
      returning p.was_due_at is distinct from p.due_at as moved)
    select count(*)::int as done, (count(*) filter (where moved))::int as moved from planned`
  const { done = 0, moved = 0 } = counts ?? {}
  if (done > 0)
    await tx.$executeRaw`
      update retention_rule set replan_done = replan_done + ${done}, replan_moved = replan_moved + ${moved},
        replan_total = greatest(replan_total, replan_done + ${done})
      where id = ${id}::uuid`
  return done
}

/** Notes that nothing is left to plan: for the newest rule in effect, and for those that it overtook. */
async function finish(tx: Tx, category: DataCategory, version: number, now: Date): Promise<void> {
  await tx.$executeRaw`
    update retention_rule set replan_total = coalesce(replan_total, 0), replanned_at = ${now}
    where category = ${category}::data_category and version <= ${version} and replanned_at is null
      and not exists (select from inventory_item i where i.category = ${category}::data_category
        and i.planned_version < ${version} and i.state in ${LIVING})`
}
