import { expect, test } from 'vitest'
import {
  acceptedFrom,
  isMidnight,
  isMonthDue,
  isMonthStart,
  keptFrom,
  monthAfter,
} from '../../../src/domains/usage/usage-window.rules.ts'

test.each([
  ['2027-02-28T23:59:59.999Z', '2026-02-01T00:00:00.000Z'],
  ['2027-03-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
  ['2024-02-29T12:00:00.000Z', '2023-02-01T00:00:00.000Z'],
  ['2024-03-31T23:59:59.999Z', '2023-03-01T00:00:00.000Z'],
  ['2025-03-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
  ['2026-12-31T23:59:59.999Z', '2025-12-01T00:00:00.000Z'],
  ['2027-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
  ['2027-01-31T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
])('at %s usage is kept from %s on', (now, from) => {
  expect(keptFrom(new Date(now)).toISOString()).toBe(from)
})

test('a month is due when its first instant lies 13 calendar months back, not a moment earlier', () => {
  const due = (month: string, now: string) => isMonthDue(month, new Date(now))
  expect(due('2026-02-01', '2027-02-28T23:59:59.999Z')).toBe(false)
  expect(due('2026-02-01', '2027-03-01T00:00:00.000Z')).toBe(true)
  expect(due('2024-02-01', '2025-02-28T23:59:59.999Z')).toBe(false)
  expect(due('2024-02-01', '2025-03-01T00:00:00.000Z')).toBe(true)
  expect(due('2025-12-01', '2026-12-31T23:59:59.999Z')).toBe(false)
  expect(due('2025-12-01', '2027-01-01T00:00:00.000Z')).toBe(true)
  expect(due('2019-07-01', '2027-01-01T00:00:00.000Z')).toBe(true)
})

test.each([
  ['2027-02-28T22:59:59.999Z', '2026-02-01T00:00:00.000Z'],
  ['2027-02-28T23:00:00.000Z', '2026-03-01T00:00:00.000Z'],
  ['2027-03-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
  ['2024-02-29T23:00:00.000Z', '2023-03-01T00:00:00.000Z'],
  ['2024-02-28T23:00:00.000Z', '2023-02-01T00:00:00.000Z'],
  ['2026-12-31T23:00:00.000Z', '2026-01-01T00:00:00.000Z'],
])('at %s events are taken from %s on: a month is closed an hour before it is due', (now, from) => {
  expect(acceptedFrom(new Date(now)).toISOString()).toBe(from)
})

test('months follow each other over the turn of a year, and beginnings are told from other instants', () => {
  expect(monthAfter('2026-12-01')).toBe('2027-01-01')
  expect(monthAfter('2024-01-01')).toBe('2024-02-01')
  expect(isMidnight(new Date('2024-02-29T00:00:00.000Z'))).toBe(true)
  expect(isMidnight(new Date('2024-02-29T00:00:00.001Z'))).toBe(false)
  expect(isMonthStart(new Date('2024-03-01T00:00:00.000Z'))).toBe(true)
  expect(isMonthStart(new Date('2024-02-29T00:00:00.000Z'))).toBe(false)
  expect(isMonthStart(new Date('2024-03-01T01:00:00.000Z'))).toBe(false)
})
