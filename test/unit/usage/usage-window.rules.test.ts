import { describe, expect, test } from 'vitest'
import {
  acceptedFrom,
  dayOf,
  droppedBefore,
  isMidnight,
  isMonthStart,
  keptFrom,
  monthAfter,
  singleFrom,
  type UsageWindow,
} from '../../../src/domains/usage/usage-window.rules.ts'

type Said = readonly [category: 'USAGE' | 'SECURITY', period: string, from: string]

/** Rules in the order of their versions. */
const window = (rules: readonly Said[], foldedUntil: string | null = null): UsageWindow => ({
  rules: rules.map(([category, period, from], index) => ({
    ...{ id: `r${index}`, version: index + 1, category, trigger: 'CREATED', period, effectiveFrom: new Date(from) },
  })),
  foldedUntil: foldedUntil === null ? null : new Date(foldedUntil),
})

const BOTH = [
  ['USAGE', 'P13M', '2000-01-01T00:00:00Z'],
  ['SECURITY', 'P13M', '2000-01-01T00:00:00Z'],
] as const
const THIRTEEN = window(BOTH)

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
  expect(keptFrom(THIRTEEN, new Date(now)).toISOString()).toBe(from)
})

test('a month is due when its first instant lies 13 calendar months back, not a moment earlier', () => {
  const due = (month: string, now: string) => month < dayOf(droppedBefore(THIRTEEN, new Date(now)))
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
  expect(acceptedFrom(THIRTEEN, new Date(now)).toISOString()).toBe(from)
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

describe('of the rules in effect', () => {
  const NOW = '2027-03-15T12:00:00.000Z'
  const from = (said: UsageWindow, now = NOW) => keptFrom(said, new Date(now)).toISOString().slice(0, 10)

  test.each<[string, readonly Said[], string]>([
    [
      'the shorter of both counts, whichever it is',
      [...BOTH, ['SECURITY', 'P6M', '2026-01-01T00:00:00Z']],
      '2026-10-01',
    ],
    ['usage too', [...BOTH, ['USAGE', 'P6M', '2026-01-01T00:00:00Z']], '2026-10-01'],
    [
      'a longer one of one category changes nothing',
      [...BOTH, ['USAGE', 'P24M', '2026-01-01T00:00:00Z']],
      '2026-03-01',
    ],
    [
      'longer ones of both keep more',
      [...BOTH, ['USAGE', 'P24M', '2026-01-01T00:00:00Z'], ['SECURITY', 'P2Y', '2026-01-01T00:00:00Z']],
      '2025-04-01',
    ],
    [
      'one that takes effect later does not count',
      [...BOTH, ['USAGE', 'P6M', '2027-03-15T12:00:00.001Z']],
      '2026-03-01',
    ],
    [
      'days are counted from the first of the month',
      [...BOTH, ['USAGE', 'P62D', '2026-01-01T00:00:00Z']],
      '2027-02-01',
    ],
    ['without any nothing is due', [], '1970-01-01'],
  ])('%s', (_name, rules, expected) => {
    expect(from(window(rules))).toBe(expected)
  })

  test('a shorter one drops only when every process knows it, a longer one counts at once', () => {
    const dropped = (rules: readonly Said[], now: string) => dayOf(droppedBefore(window(rules), new Date(now)))
    const shorter = [...BOTH, ['USAGE', 'P6M', '2027-03-15T12:00:00Z']] as const
    expect(dropped(shorter, '2027-03-15T12:00:59.999Z')).toBe('2026-03-01')
    expect(dropped(shorter, '2027-03-15T12:01:00.000Z')).toBe('2026-10-01')
    const longer = [['SECURITY', 'P24M', '2000-01-01T00:00:00Z'], BOTH[0], ['USAGE', 'P24M', NOW]] as const
    expect(dropped(longer, NOW)).toBe('2025-04-01')
  })

  test('a shorter one refuses events an hour before it takes effect', () => {
    const rules = window([...BOTH, ['USAGE', 'P6M', '2027-03-15T13:00:00Z']])
    expect(acceptedFrom(rules, new Date('2027-03-15T11:59:59.999Z')).toISOString()).toBe('2026-03-01T00:00:00.000Z')
    expect(acceptedFrom(rules, new Date(NOW)).toISOString()).toBe('2026-10-01T00:00:00.000Z')
  })

  test('what was folded under a shorter one is neither taken again nor told singly', () => {
    const rules = window([...BOTH, ['USAGE', 'P24M', '2026-01-01T00:00:00Z']], '2026-09-01T00:00:00Z')
    expect(acceptedFrom(rules, new Date(NOW)).toISOString()).toBe('2026-09-01T00:00:00.000Z')
    expect(singleFrom(rules, new Date(NOW)).toISOString()).toBe('2026-09-01T00:00:00.000Z')
    expect(singleFrom(THIRTEEN, new Date(NOW)).toISOString()).toBe('2026-03-01T00:00:00.000Z')
  })
})
