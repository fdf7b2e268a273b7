import type { Database, Tx } from '../../db/database.ts'
import { type UsageWindow, WINDOW_KNOWN_MS, type WindowRule } from './usage-window.rules.ts'

type Row = Omit<WindowRule, 'id'> & { readonly id: string | null; readonly foldedUntil: Date | null }

/** What decides how long usage is kept, as the transaction sees it. One statement. */
export async function readUsageWindow(tx: Tx): Promise<UsageWindow> {
  const rows = await tx.$queryRaw<Row[]>`
    select r.id, r.version, r.category::text as category, r.trigger::text as trigger, r.period,
      r.effective_from as "effectiveFrom", f.until as "foldedUntil"
    from (select (max(month) + interval '1 month') at time zone 'UTC' as until from usage_month) as f
    left join retention_rule r on r.category in ('USAGE', 'SECURITY') and r.trigger = 'CREATED'
      and r.action = 'DROP_PARTITION'`
  return {
    rules: rows.flatMap(({ foldedUntil: _, ...rule }) => (rule.id === null ? [] : [{ ...rule, id: rule.id }])),
    foldedUntil: rows[0]?.foldedUntil ?? null,
  }
}

type Known = { readonly at: number; readonly window: Promise<UsageWindow> }

const known = new WeakMap<Database, Known>()

/**
 * What decides how long usage is kept, at most half a minute of the clock old. Opens a transaction of its own where
 * nothing is known: it must not be asked inside another.
 */
export function usageWindow(db: Database, now: Date): Promise<UsageWindow> {
  const last = known.get(db)
  if (last && Math.abs(now.getTime() - last.at) < WINDOW_KNOWN_MS) return last.window
  const window = db.worker(readUsageWindow)
  known.set(db, { at: now.getTime(), window })
  window.catch(() => known.delete(db))
  return window
}

/** Forgets what is known, after a month was folded. */
export function forgetUsageWindow(db: Database): void {
  known.delete(db)
}
