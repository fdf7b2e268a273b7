import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addPeriod, isPeriod } from '../../../src/time/period.ts'

const endOf = (instant: string, period: string) => addPeriod(new Date(instant), period).toISOString()

describe('a period of months', () => {
  // Regulation 1182/71, Art. 3(2)(c): the same date of the last month, or its last day where it has no such date.
  test.each([
    ['2026-01-31T00:00:00.000Z', 'P1M', '2026-02-28T00:00:00.000Z'],
    ['2028-01-31T00:00:00.000Z', 'P1M', '2028-02-29T00:00:00.000Z'],
    ['2026-03-31T23:59:59.999Z', 'P1M', '2026-04-30T23:59:59.999Z'],
    ['2026-02-28T00:00:00.000Z', 'P1M', '2026-03-28T00:00:00.000Z'],
    ['2025-02-01T00:00:00.000Z', 'P13M', '2026-03-01T00:00:00.000Z'],
    ['2026-12-01T00:00:00.000Z', 'P13M', '2028-01-01T00:00:00.000Z'],
    ['2027-01-31T12:00:00.000Z', 'P13M', '2028-02-29T12:00:00.000Z'],
  ])('from %s, %s long, ends at %s', (start, period, end) => {
    expect(endOf(start, period)).toBe(end)
  })
})

describe('a period of years, weeks or days', () => {
  // 2024 and 2028 are leap years, 2100 is none (ISO 8601-1, 4.2.1; Gregorian calendar).
  test.each([
    ['2024-02-29T00:00:00.000Z', 'P1Y', '2025-02-28T00:00:00.000Z'],
    ['2024-02-29T00:00:00.000Z', 'P4Y', '2028-02-29T00:00:00.000Z'],
    ['2096-02-29T00:00:00.000Z', 'P4Y', '2100-02-28T00:00:00.000Z'],
    ['2028-02-28T10:00:00.000Z', 'P1D', '2028-02-29T10:00:00.000Z'],
    ['2026-02-28T10:00:00.000Z', 'P1D', '2026-03-01T10:00:00.000Z'],
    ['2026-01-30T10:00:00.000Z', 'P30D', '2026-03-01T10:00:00.000Z'],
    ['2026-03-15T10:00:00.000Z', 'P2W', '2026-03-29T10:00:00.000Z'],
    ['2026-01-31T10:00:00.000Z', 'P1M1D', '2026-03-01T10:00:00.000Z'],
  ])('from %s, %s long, ends at %s', (start, period, end) => {
    expect(endOf(start, period)).toBe(end)
  })

  test('keeps the time of day where clocks are changed, because it is counted in UTC', () => {
    expect(endOf('2026-03-28T01:30:00.000Z', 'P1D')).toBe('2026-03-29T01:30:00.000Z')
    expect(endOf('2026-10-24T00:30:00.000Z', 'P2D')).toBe('2026-10-26T00:30:00.000Z')
  })
})

test('a longer period never ends before a shorter one', () => {
  const instants = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('2200-01-01T00:00:00Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(instants, fc.nat(600), fc.nat(600), (instant, one, other) => {
      const [shorter, longer] = one < other ? [one, other] : [other, one]
      expect(addPeriod(instant, `P${shorter}M`).getTime()).toBeLessThanOrEqual(
        addPeriod(instant, `P${longer}M`).getTime(),
      )
    }),
  )
})

test.each(['', 'P', 'PT1H', 'P1', '1D', '-P1D', 'P-1D', 'P1.5D', 'P1D2M', 'p1d', 'P99999D', 'P1M ', 'P1DT1H', 'P1M\n'])(
  '%j is no period and is refused',
  (period) => {
    expect(isPeriod(period)).toBe(false)
    expect(() => addPeriod(new Date('2026-01-01T00:00:00Z'), period)).toThrow(RangeError)
  },
)
