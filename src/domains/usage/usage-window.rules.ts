/** How many calendar months (UTC) usage is kept at most, counted from the first instant of its month. */
export const USAGE_MONTHS_KEPT = 13

/** Events are refused this long before their month is due, so that none is written while it is folded. */
export const REFUSED_AHEAD_MS = 3_600_000

/**
 * The first instant of the oldest month that is not due: usage before it is folded into aggregates. A month is due when
 * its first instant lies {@link USAGE_MONTHS_KEPT} calendar months back: February 2026 from 2027-03-01T00:00Z on.
 */
export function keptFrom(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1 - USAGE_MONTHS_KEPT, 1))
}

/** The earliest instant that an event may have occurred at: its month is not due within the next hour. */
export function acceptedFrom(now: Date): Date {
  return keptFrom(new Date(now.getTime() + REFUSED_AHEAD_MS))
}

/** Whether the month with this first day (`YYYY-MM-01`, UTC) is due. */
export function isMonthDue(month: string, now: Date): boolean {
  return month < dayOf(keptFrom(now))
}

/** The day (UTC) of an instant as `YYYY-MM-DD`. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10)
}

/** The first day of the month after the one with this first day, both as `YYYY-MM-01`. */
export function monthAfter(month: string): string {
  const first = new Date(`${month}T00:00:00.000Z`)
  return dayOf(new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1)))
}

/** Whether an instant is the beginning of a day, UTC. */
export function isMidnight(instant: Date): boolean {
  return instant.getTime() % 86_400_000 === 0
}

/** Whether an instant is the beginning of a calendar month, UTC. */
export function isMonthStart(instant: Date): boolean {
  return isMidnight(instant) && instant.getUTCDate() === 1
}
