import type { Database } from '../../db/database.ts'
import { forgetUsageWindow, usageWindow } from './usage-window.reads.ts'
import { dayOf, singleFrom } from './usage-window.rules.ts'

/** Months are made ahead by this many, so that no recording waits for one. */
export const MONTHS_AHEAD = 3

const made = new WeakMap<Database, Set<string>>()

const monthOf = (instant: Date) => `${instant.toISOString().slice(0, 7)}-01`

/** The first days of the months, UTC, from the month of `now` to `MONTHS_AHEAD` months later. */
export function monthsAhead(now: Date): string[] {
  return Array.from({ length: MONTHS_AHEAD + 1 }, (_, ahead) =>
    monthOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))),
  )
}

/**
 * Makes the partitions that events at `instants` need, where they are missing. Past months come up only with traces
 * and late reports; the coming ones are made by a job.
 * Effects: tables in schema `partitions`, in transactions of the worker's login.
 */
export async function ensurePartitions(db: Database, instants: Iterable<Date>, now: Date): Promise<void> {
  const months = new Set<string>()
  for (const instant of instants) months.add(monthOf(instant))
  await ensureMonths(db, [...months], now)
}

/** The same for first days of months. A month that is due or folded at `now` is never made. @returns how many were made */
export async function ensureMonths(db: Database, months: readonly string[], now: Date): Promise<number> {
  const known = knownMonths(db)
  const missing = months.filter((each) => !known.has(each))
  if (missing.length === 0) return 0
  const from = dayOf(singleFrom(await usageWindow(db, now), now))
  let count = 0
  for (const month of missing.filter((each) => each >= from)) {
    const [row] = await db.worker(
      (tx) => tx.$queryRaw<{ made: boolean }[]>`select app.ensure_usage_partition(${month}::date) as made`,
    )
    known.add(month)
    if (row?.made) count += 1
  }
  return count
}

/**
 * Forgets that a month is there. Another process may go on to believe that it is; that does no harm, because events of
 * a month that is due are refused before their partition is looked for.
 */
export function forgetMonth(db: Database, month: string): void {
  knownMonths(db).delete(month)
  forgetUsageWindow(db)
}

function knownMonths(db: Database): Set<string> {
  const known = made.get(db) ?? new Set<string>()
  made.set(db, known)
  return known
}
