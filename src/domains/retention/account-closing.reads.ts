import type { Tx } from '../../db/database.ts'
import { Prisma, type RetentionRule } from '../../generated/prisma/client.ts'
import type { DataCategory, LegalBasis, RetentionAction } from '../../generated/prisma/enums.ts'
import { rulesInEffect } from '../inventory/retention-rule.reads.ts'
import { visibleStateOf } from '../inventory/visible-state.reads.ts'
import { type HoldViewer, seesConfidentialHolds } from '../inventory/visible-state.rules.ts'

/**
 * What becomes of data when its account is closed. GOES: it is gone when the account is closed, at the latest. STAYS: it
 * is kept beyond that, by its own rule. HELD: a hold keeps it; its dates are those without the hold.
 */
export type ClosingOutcome = 'GOES' | 'STAYS' | 'HELD'

/** Items of a category on a legal basis that one rule decides about. Dates are null where nothing started its period. */
export type ClosingLine = {
  readonly outcome: ClosingOutcome
  readonly category: DataCategory
  readonly legalBasis: LegalBasis
  readonly items: bigint
  /** Null where no rule lets the category be kept any more. */
  readonly ruleId: string | null
  readonly action: RetentionAction | null
  readonly earliestDueAt: Date | null
  readonly latestDueAt: Date | null
}

/** What becomes of all that an account holds when it is closed. */
export type AccountClosing = {
  /** When the closing was begun; of a preview, now. */
  readonly closingAt: Date
  /** Until when it can be taken back, exclusive; null where it cannot, or no rule counts from a closing. */
  readonly reopenUntil: Date | null
  /** When the account's own data is due, or was gone; null where no rule says. */
  readonly closesAt: Date | null
  /** Living items, and how many of them have their timers planned by the closing. */
  readonly total: bigint
  readonly planned: bigint
  /** In the order of outcome and date, the first due first. */
  readonly lines: readonly ClosingLine[]
}

type Row = Pick<AccountClosing, 'closingAt' | 'reopenUntil' | 'closesAt'> & {
  [K in keyof ClosingLine]: ClosingLine[K] | null
} & { readonly accountId: string; readonly planned: bigint }

/**
 * What becomes of what accounts hold: of one that is closing or closed as it is, of one in use as if it were closed now.
 * Computed from the items by the rules in effect, never from their timers, so that it is exact while those are still
 * being planned. An item that only a hidden hold keeps is shown as if there were no hold, and no more once it were gone.
 * One statement, whatever the number of accounts and items.
 */
export async function readClosings(
  tx: Tx,
  viewer: HoldViewer,
  accountIds: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, AccountClosing>> {
  const hidden = seesConfidentialHolds(viewer)
    ? Prisma.sql`false`
    : Prisma.sql`i.state = 'HELD' and i.hold_confidential`
  const rows = await tx.$queryRaw<Row[]>`
    with asked as (
      select a.id, a.plan_pending, a.plan_cursor, a.status, c.closing_at,
        case when a.status <> 'CLOSED' then app.reopen_until(c.closing_at, ${now}) end as reopen_until,
        coalesce(a.closed_at, (select p.due_at
          from app.retention_plan('ACCOUNT', null, null, null, c.closing_at, ${now}) as p)) as closes_at
      from account a
      cross join lateral (select coalesce(a.closing_at, a.closed_at, ${now}::timestamptz) as closing_at) as c
      where a.id = any(${[...accountIds]}::uuid[])),
    item_group as (
      select i.account_id, i.category, i.legal_basis, i.retention_starts_at, i.trigger, i.triggered_at,
        ${visibleStateOf(viewer)} = 'HELD' as held, ${hidden} as hidden, count(*) as items,
        count(*) filter (where a.status <> 'ACTIVE' and (not a.plan_pending or i.id <= a.plan_cursor)) as planned
      from asked a join inventory_item i on i.account_id = a.id
      where i.state in ('LIVE', 'HELD', 'RESTRICTED')
      group by 1, 2, 3, 4, 5, 6, 7, 8),
    fated as (
      select g.*, p.rule_id, p.action, p.due_at,
        case when g.held then 'HELD' when p.due_at <= a.closes_at then 'GOES' else 'STAYS' end as outcome
      from item_group g join asked a on a.id = g.account_id
      left join lateral app.retention_plan(g.category, g.retention_starts_at, g.trigger, g.triggered_at, a.closing_at,
        ${now}) as p on true
      where not (g.hidden and coalesce(p.due_at <= ${now}, false)))
    select a.id as "accountId", a.closing_at as "closingAt", a.reopen_until as "reopenUntil", a.closes_at as "closesAt",
      f.outcome, f.category, f.legal_basis as "legalBasis", f.rule_id as "ruleId", f.action,
      coalesce(sum(f.items), 0)::bigint as items, coalesce(sum(f.planned), 0)::bigint as planned,
      min(f.due_at) as "earliestDueAt", max(f.due_at) as "latestDueAt"
    from asked a left join fated f on f.account_id = a.id
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    order by f.outcome, min(f.due_at) nulls last, f.category, f.legal_basis, f.rule_id`
  const closings = new Map<string, AccountClosing>()
  for (const [accountId, own] of Map.groupBy(rows, (row) => row.accountId)) {
    const closing = closingOf(own)
    if (closing) closings.set(accountId, closing)
  }
  return closings
}

function closingOf(rows: readonly Row[]): AccountClosing | null {
  const [first] = rows
  if (!first) return null
  const { closingAt, reopenUntil, closesAt } = first
  const sum = (key: 'items' | 'planned') => rows.reduce((total, row) => total + BigInt(row[key] ?? 0), 0n)
  return { closingAt, reopenUntil, closesAt, total: sum('items'), planned: sum('planned'), lines: rows.flatMap(lineOf) }
}

/** None for an account that holds nothing. */
function lineOf({
  outcome,
  category,
  legalBasis,
  items,
  ruleId,
  action,
  earliestDueAt,
  latestDueAt,
}: Row): ClosingLine[] {
  if (!outcome || !category || !legalBasis) return []
  return [{ outcome, category, legalBasis, items: BigInt(items ?? 0), ruleId, action, earliestDueAt, latestDueAt }]
}

const waiting = new WeakMap<object, { readonly ids: Set<string>; readonly rows: ReturnType<typeof readClosings> }>()

/** The same for one account; accounts that are asked about together share one statement. */
export async function closingOfAccount(
  reads: { readonly tx: Tx },
  viewer: HoldViewer,
  accountId: string,
  now: Date,
): Promise<AccountClosing | null> {
  let asked = waiting.get(reads)
  if (!asked) {
    const ids = new Set<string>()
    const rows = Promise.resolve().then(() => {
      waiting.delete(reads)
      return readClosings(reads.tx, viewer, [...ids], now)
    })
    asked = { ids, rows }
    waiting.set(reads, asked)
  }
  asked.ids.add(accountId)
  return (await asked.rows).get(accountId) ?? null
}

/** The rule of a line. One statement for all lines of a transaction. */
export async function ruleOfLine(tx: Tx, { ruleId }: ClosingLine, now: Date): Promise<RetentionRule | null> {
  return ruleId === null ? null : ((await rulesInEffect(tx, now)).find(({ id }) => id === ruleId) ?? null)
}
