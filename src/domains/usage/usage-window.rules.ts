import { addPeriod } from '../../time/period.ts'
import { inEffectAt, type VersionedRule } from '../inventory/retention-rule.rules.ts'

/** Events are refused this long before their month is due, so that none is written while it is folded. */
export const REFUSED_AHEAD_MS = 3_600_000

/** How long a process may know an older rule than the database, in milliseconds: half a minute. */
export const WINDOW_KNOWN_MS = 30_000

/** A month is dropped by a rule only when the rule is in effect for this long, so that every process knows it. */
const KNOWN_TO_ALL_MS = 2 * WINDOW_KNOWN_MS

/** A rule that drops months, with what says whether it is in effect. */
export type WindowRule = VersionedRule & { readonly period: string }

/** What decides how long usage is kept: the rules, and the first instant after the months that were folded. */
export type UsageWindow = { readonly rules: readonly WindowRule[]; readonly foldedUntil: Date | null }

/** How long usage is kept at an instant: of each category that lies in months. None: no rule lets it be kept. */
export function periodsAt({ rules }: UsageWindow, at: Date): string[] {
  return inEffectAt(rules, at).map(({ period }) => period)
}

const firstOfMonth = (instant: Date, months = 0) =>
  new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth() + months, 1))

/** Whether the month with this first instant is due: the shortest of the periods, counted from there, is over. */
const isOver = (first: Date, periods: readonly string[], now: Date) =>
  periods.some((period) => addPeriod(first, period) <= now)

/**
 * The first instant of the oldest month that is not due under the rules in effect at `now`: usage before it is folded
 * into aggregates. With a period of 13 months February 2026 is due from 2027-03-01T00:00Z on. Where no rule is in
 * effect no month is due.
 */
export function keptFrom(window: UsageWindow, now: Date): Date {
  return oldestKept(periodsAt(window, now), now)
}

function oldestKept(periods: readonly string[], now: Date): Date {
  if (periods.length === 0) return new Date(0)
  let first = firstOfMonth(now)
  while (!isOver(firstOfMonth(first, -1), periods, now)) first = firstOfMonth(first, -1)
  return first
}

/** What is kept as single events: what is not due, and was not folded under a shorter rule. */
export function singleFrom(window: UsageWindow, now: Date): Date {
  return later(keptFrom(window, now), window.foldedUntil)
}

/** The earliest instant that an event may have occurred at: its month is not folded, nor due within the next hour. */
export function acceptedFrom(window: UsageWindow, now: Date): Date {
  return later(keptFrom(window, new Date(now.getTime() + REFUSED_AHEAD_MS)), window.foldedUntil)
}

/**
 * Months before this first instant may be dropped at `now`: they are due under the rules in effect, and were a minute
 * ago. A rule that shortens the period is known to every process by then; one that lengthens it counts at once.
 */
export function droppedBefore(window: UsageWindow, now: Date): Date {
  const known = periodsAt(window, new Date(now.getTime() - KNOWN_TO_ALL_MS))
  const current = keptFrom(window, now)
  const before = oldestKept(known, now)
  return before < current ? before : current
}

const later = (instant: Date, other: Date | null) => (other !== null && other > instant ? other : instant)

/** The day (UTC) of an instant as `YYYY-MM-DD`. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10)
}

/** The first day of the month after the one with this first day, both as `YYYY-MM-01`. */
export function monthAfter(month: string): string {
  return dayOf(firstOfMonth(new Date(`${month}T00:00:00.000Z`), 1))
}

/** Whether an instant is the beginning of a day, UTC. */
export function isMidnight(instant: Date): boolean {
  return instant.getTime() % 86_400_000 === 0
}

/** Whether an instant is the beginning of a calendar month, UTC. */
export function isMonthStart(instant: Date): boolean {
  return isMidnight(instant) && instant.getUTCDate() === 1
}
