import type { Database, Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { RetentionAction } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import { RETRY_SECONDS, RETRY_SECONDS_MAX } from './ending.rules.ts'
import { notHeld } from './ending-claims.ts'
import type { TakenItem } from './ending-items.ts'

/** A due item, as the sweep finds it. */
export type DueItem = TakenItem & {
  readonly dueAt: Date
  /** Whether rules or the account changed since it was planned. */
  readonly stale: boolean
}

/** The account of the timer that waits longest; null where none is due. This is all that an idle poll asks. */
export async function longestDue(db: Database, now: Date): Promise<string | null> {
  const [row] = await db.worker(
    (tx) => tx.$queryRaw<{ accountId: string }[]>`
      select account_id as "accountId" from inventory_item
      where attempt_at is not null and attempt_at <= ${now} order by attempt_at limit 1`,
  )
  return row?.accountId ?? null
}

/**
 * An account with due timers that is none of these; null where there is none. Goes from account to account in the index,
 * past all that one of them has.
 */
export async function anotherDue(db: Database, now: Date, but: readonly string[]): Promise<string | null> {
  const [row] = await db.worker(
    (tx) => tx.$queryRaw<{ accountId: string }[]>`
      with recursive a (account_id, attempt_at) as (
        (select account_id, attempt_at from inventory_item where attempt_at is not null
          order by account_id, attempt_at limit 1)
        union all
        select n.account_id, n.attempt_at from a cross join lateral (
          select i.account_id, i.attempt_at from inventory_item i
          where i.attempt_at is not null and i.account_id > a.account_id
          order by i.account_id, i.attempt_at limit 1) as n)
      select account_id as "accountId" from a
      where attempt_at <= ${now} and account_id <> all(${[...but]}::uuid[]) limit 1`,
  )
  return row?.accountId ?? null
}

/** Takes the account's lock if nobody has it. @returns whether it is taken */
export async function tryLockAccount(tx: Tx, accountId: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ locked: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended(${accountId}, 0)) as locked`
  return row?.locked ?? false
}

/**
 * Claims what is due of an account, longest first, what a person has together, and of these items alone where they are named; leaves out what a hold
 * covers, marked or not. The account's lock is taken already. What the rules or the account say differently by now is
 * planned anew, and claimed if it is due still.
 */
export async function claimDue(
  tx: Tx,
  now: Date,
  accountId: string,
  of: { readonly limit: number } | { readonly itemIds: readonly string[] },
): Promise<{ readonly due: readonly TakenItem[]; readonly claimed: number; readonly planned: number }> {
  const named = 'itemIds' in of ? Prisma.sql`and i.id = any(${[...of.itemIds]}::uuid[])` : Prisma.empty
  const limit = 'limit' in of ? of.limit : of.itemIds.length
  const rows = await tx.$queryRaw<DueItem[]>`
    with newest as materialized (
      select category, max(version) as version from retention_rule where effective_from <= ${now} group by category)
    select i.id as "itemId", i.subject_id as "subjectId", i.category, i.system, i.locator, i.due_at as "dueAt", r.action,
      a.plan_pending or i.planned_version < coalesce(n.version, 0) as stale
    from (
      select i.account_id, i.id, i.subject_id, i.category, i.system, i.locator, i.due_at, i.retention_rule_id,
        i.planned_version
      from inventory_item i
      where i.account_id = ${accountId}::uuid and i.attempt_at is not null and i.attempt_at <= ${now} ${named}
        and ${notHeld(accountId)}
      order by i.attempt_at, i.subject_id limit ${limit} for update skip locked) as i
    join account a on a.id = i.account_id
    join retention_rule r on r.id = i.retention_rule_id
    left join newest n on n.category = i.category`
  const stale = rows.filter((row) => row.stale)
  if (stale.length === 0) return { due: rows, claimed: rows.length, planned: 0 }
  const planned = await planAnew(tx, now, accountId, stale)
  return {
    due: [...rows.filter((row) => !row.stale), ...planned],
    claimed: rows.length,
    planned: stale.length - planned.length,
  }
}

type Plan = { readonly itemId: string; readonly action: RetentionAction; readonly dueAt: Date | null }

/**
 * Plans claimed items by what holds now. What no rule lets be kept any more stays as it was planned.
 * @returns what is due nevertheless
 */
async function planAnew(tx: Tx, now: Date, accountId: string, stale: readonly DueItem[]): Promise<readonly DueItem[]> {
  const ids = stale.map(({ itemId }) => itemId)
  const rows = await tx.$queryRaw<Plan[]>`
    with plan as (
      select i.account_id, i.id, p.rule_id, p.action, p.due_at, p.version
      from inventory_item i join account a on a.id = i.account_id
      cross join lateral app.retention_plan(i.category, i.retention_starts_at, i.trigger, i.triggered_at, a.closing_at,
        ${now}) as p
      where i.account_id = ${accountId}::uuid and i.id = any(${ids}::uuid[]))
    update inventory_item i set retention_rule_id = plan.rule_id, planned_version = plan.version, due_at = plan.due_at,
      attempt_at = case when plan.action <> 'DROP_PARTITION' then plan.due_at end,
      attempts = case when plan.due_at <= ${now} then i.attempts else 0 end,
      last_problem = case when plan.due_at <= ${now} then i.last_problem end
    from plan where i.account_id = plan.account_id and i.id = plan.id
    returning i.id as "itemId", plan.action, plan.due_at as "dueAt"`
  const plans = new Map(rows.map((row) => [row.itemId, row]))
  return stale.flatMap((item) => {
    const plan = plans.get(item.itemId)
    if (!plan) return [item]
    const { action, dueAt } = plan
    return action === 'DROP_PARTITION' || dueAt === null || dueAt > now ? [] : [{ ...item, action, dueAt }]
  })
}

/**
 * Notes that items could not be ended: each is tried again after a pause that doubles with every failure. When they must
 * be gone stays as it was. @returns how many
 */
export function markFailed(
  tx: Tx,
  clock: Clock,
  accountId: string,
  items: readonly { readonly itemId: string }[],
  code: string,
): Promise<number> {
  const now = clock.now()
  return tx.$executeRaw`
    update inventory_item set attempts = attempts + 1, last_problem = ${code},
      attempt_at = ${now}::timestamptz + make_interval(
        secs => least(${RETRY_SECONDS_MAX}::int, ${RETRY_SECONDS}::int * 2 ^ least(attempts, 12)))
    where account_id = ${accountId}::uuid and id = any(${items.map(({ itemId }) => itemId)}::uuid[])
      and attempt_at <= ${now} and state in ('LIVE', 'RESTRICTED')`
}

/**
 * Takes up again what is due and was put off further than any failure does: its next attempt was reckoned while the clock
 * was ahead. @returns how many
 */
export function recallPutOff(tx: Tx, now: Date): Promise<number> {
  return tx.$executeRaw`
    update inventory_item as i set attempt_at = ${now}
    where i.done_at is null and i.due_at <= ${now} and i.state in ('LIVE', 'RESTRICTED')
      and i.attempt_at > ${now}::timestamptz + make_interval(secs => ${RETRY_SECONDS_MAX}::int)`
}

/** What is due and not ended, for metrics: how many timers, and for how long the oldest, in seconds. */
export async function timersBacklog(db: Database, now: Date): Promise<{ due: number; oldestSeconds: number }> {
  const [row] = await db.worker(
    (tx) => tx.$queryRaw<{ due: number; oldest: Date | null }[]>`
      select count(*)::int as due, min(due_at) as oldest from inventory_item
      where done_at is null and due_at <= ${now} and state in ('LIVE', 'RESTRICTED')`,
  )
  const oldestSeconds = row?.oldest ? Math.max(0, (now.getTime() - row.oldest.getTime()) / 1000) : 0
  return { due: row?.due ?? 0, oldestSeconds }
}
