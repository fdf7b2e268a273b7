import type { Database, Tx } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { lockAccount } from '../accounts/account-guards.ts'
import { PLANNED_BY_HAND } from '../inventory/planned.rules.ts'

/** How many items of an account are planned anew in one transaction. */
export const PLAN_BATCH = 1_000

const ACCOUNTS_AT_A_TIME = 100
/** Less than the id of any item. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/**
 * Plans anew what accounts hold that began to close or were reopened, a batch a transaction. The cursor lies in the
 * account's row and moves with its batch: a kill loses nothing, and any number of workers may run. Whoever closes or
 * reopens meanwhile sets it back. While it is not done, the sweep plans what it claims itself and trusts no old plan.
 * @param signal begins no further batch once aborted
 * Effects: timers of `inventory_item`; `plan_pending` and `plan_cursor` of accounts. @returns how many items were planned
 */
export async function planAccounts(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  signal?: AbortSignal,
): Promise<number> {
  let planned = 0
  let after: string | null = null
  for (;;) {
    const waiting = await accountsToPlan(db, after)
    for (const accountId of waiting) {
      for (let more = true; more; ) {
        if (signal?.aborted) return planned
        const batch = await db.worker((tx) => planBatch(tx, clock, accountId), accountId)
        planned += batch.items
        more = batch.more
      }
    }
    if (waiting.length < ACCOUNTS_AT_A_TIME) return planned
    after = waiting.at(-1) ?? null
  }
}

async function accountsToPlan(db: Database, after: string | null): Promise<string[]> {
  const rows = await db.worker(
    (tx) => tx.$queryRaw<{ id: string }[]>`
      select id from account where plan_pending and (${after}::uuid is null or id > ${after}::uuid)
      order by id limit ${ACCOUNTS_AT_A_TIME}`,
  )
  return rows.map(({ id }) => id)
}

/** The next batch of an account. Its lock comes first, as in whatever else changes its timers. */
async function planBatch(
  tx: Tx,
  clock: Clock,
  accountId: string,
): Promise<{ readonly items: number; readonly more: boolean }> {
  await lockAccount(tx, accountId)
  const account = await tx.account.findUnique({
    where: { id: accountId, planPending: true },
    select: { planCursor: true, closingAt: true },
  })
  if (!account) return { items: 0, more: false }
  const page = await planPage(tx, accountId, account.planCursor ?? BEFORE_ALL, account.closingAt, clock.now())
  const more = page.items === PLAN_BATCH
  await tx.account.updateMany({
    where: { id: accountId },
    data: more ? { planCursor: page.last } : { planPending: false, planCursor: null },
  })
  return { items: page.items, more }
}

/** Plans up to a batch of living items after `cursor`, in the order of the primary key. */
async function planPage(
  tx: Tx,
  accountId: string,
  cursor: string,
  closingAt: Date | null,
  now: Date,
): Promise<{ readonly items: number; readonly last: string | null }> {
  const [page] = await tx.$queryRaw<{ items: number; last: string | null }[]>`
    with page as materialized (
      select account_id, id, category, retention_starts_at, trigger, triggered_at from inventory_item
      where account_id = ${accountId}::uuid and id > ${cursor}::uuid and state in ('LIVE', 'HELD', 'RESTRICTED')
      order by account_id, id limit ${PLAN_BATCH} for update),
    planned as (
      update inventory_item as i set retention_rule_id = p.rule_id, planned_version = p.version, due_at = p.due_at,
        attempt_at = case
          when i.state = 'HELD' or p.action = 'DROP_PARTITION' then null
          when i.due_at = p.due_at and i.attempt_at is not null then i.attempt_at
          else p.due_at end,
        attempts = case when i.due_at = p.due_at then i.attempts else 0 end,
        last_problem = case when i.due_at = p.due_at then i.last_problem end
      from page cross join lateral app.retention_plan(page.category, page.retention_starts_at, page.trigger,
        page.triggered_at, ${closingAt}::timestamptz, ${now}) as p
      where i.account_id = page.account_id and i.id = page.id and i.planned_version <> ${PLANNED_BY_HAND})
    select count(*)::int as items, (array_agg(id order by id desc))[1] as last from page`
  return page ?? { items: 0, last: null }
}
