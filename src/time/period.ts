import { Temporal } from 'temporal-polyfill'

/** A period of whole years, months, weeks or days, ISO 8601, e.g. P13M or P30D. */
const PERIOD = /^P(?=\d)(?:\d{1,4}Y)?(?:\d{1,4}M)?(?:\d{1,4}W)?(?:\d{1,4}D)?$/

/** Whether `value` is a period of whole years, months, weeks or days, at most four digits each. */
export function isPeriod(value: string): boolean {
  return PERIOD.test(value)
}

/**
 * The instant a period after another, on the calendar of UTC: years and months first, then weeks and days, the time of
 * day as it was. Where the month has no such day, its last day counts.
 * @throws RangeError when `period` is none
 * @see Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c); ISO 8601-1:2019, 5.5.2; Temporal.PlainDate.prototype.add
 */
export function addPeriod(instant: Date, period: string): Date {
  if (!isPeriod(period)) throw new RangeError('not a period of whole years, months, weeks or days (ISO 8601)')
  const start = Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO('UTC')
  return new Date(start.add(period, { overflow: 'constrain' }).epochMilliseconds)
}
