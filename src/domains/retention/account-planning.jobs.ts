import type { Database, Tx } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { lockAccount } from '../accounts/account-guards.ts'

/** How many items of an account are planned anew in one transaction. */
export const PLAN_BATCH = 1_000

const ACCOUNTS_AT_A_TIME = 100

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
  const now = clock.now()
  const [batch] = await tx.$queryRaw<{ items: number; last: string | null }[]>`
    with page as (
      select i.account_id, i.id, p.* from account a join inventory_item i on i.account_id = a.id
      left join lateral app.retention_plan(i.category, i.retention_starts_at, i.trigger, i.triggered_at, a.closing_at,
        ${now}) as p on true
      where a.id = ${accountId}::uuid and a.plan_pending and (a.plan_cursor is null or i.id > a.plan_cursor)
        and i.state in ('LIVE', 'HELD', 'RESTRICTED')
      order by i.id limit ${PLAN_BATCH} for update of i),
    planned as (
      update inventory_item as i set retention_rule_id = p.rule_id, planned_version = p.version, due_at = p.due_at,
        attempt_at = case
          when i.state = 'HELD' or p.action = 'DROP_PARTITION' then null
          when i.due_at = p.due_at and i.attempt_at is not null then i.attempt_at
          else p.due_at end,
        attempts = case when i.due_at = p.due_at then i.attempts else 0 end,
        last_problem = case when i.due_at = p.due_at then i.last_problem end
      from page as p
      where i.account_id = p.account_id and i.id = p.id and p.version is not null)
    select count(*)::int as items, (array_agg(id order by id desc))[1] as last from page`
  const { items = 0, last = null } = batch ?? {}
  const more = items === PLAN_BATCH
  await tx.account.updateMany({
    where: { id: accountId, planPending: true },
    data: more ? { planCursor: last } : { planPending: false, planCursor: null },
  })
  return { items, more }
}
