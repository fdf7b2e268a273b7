import { describe, expect, test } from 'vitest'
import { inEffectAt } from '../../../src/domains/inventory/retention-rule.rules.ts'
import { dueAt, SEED_RULES } from '../../../src/domains/retention/retention.rules.ts'
import { DataCategory, type RetentionTrigger } from '../../../src/generated/prisma/enums.ts'

const NOW = new Date('2026-03-15T12:00:00.000Z')

describe('every category', () => {
  // Category, trigger, period, action and clause: privacy policy of 2025-07-16; what it leaves open: settings of the
  // operator.
  test('has the rules that the policy gives it', () => {
    expect(SEED_RULES.map((rule) => [rule.category, rule.trigger, rule.period, rule.action, rule.clause])).toEqual([
      ['ACCOUNT', 'ACCOUNT_CLOSED', 'P30D', 'DELETE', '§7.1'],
      ['CONTENT_REALTIME', 'CREATED', 'PT0S', 'DELETE', '§3.1'],
      ['CONTENT_BATCH', 'CREATED', 'P30D', 'SHRED', '§3.2'],
      ['CONTENT_BATCH', 'DELIVERED', 'P1D', 'SHRED', '§3.2'],
      ['CONTENT_BATCH', 'ACCOUNT_CLOSED', 'P30D', 'SHRED', '§7.1'],
      ['PAYMENT', 'CREATED', 'P10Y', 'DELETE', '§7.1'],
      ['USAGE', 'CREATED', 'P13M', 'DROP_PARTITION', '§7.4'],
      ['USAGE', 'ACCOUNT_CLOSED', 'P30D', 'DELETE', '§7.1'],
      ['COMMUNICATION', 'RESOLVED', 'P12M', 'DELETE', '§7.3'],
      ['COMMUNICATION', 'ACCOUNT_CLOSED', 'P30D', 'DELETE', '§7.1'],
      ['COOKIE', 'CREATED', 'P13M', 'DELETE', '§4.1'],
      ['COOKIE', 'ACCOUNT_CLOSED', 'P30D', 'DELETE', '§7.1'],
      ['CONSENT', 'ACCOUNT_CLOSED', 'P3Y', 'DELETE', '§7.1'],
      ['SECURITY', 'CREATED', 'P13M', 'DROP_PARTITION', '§2.5'],
    ])
  })

  test('has at least one', () => {
    const without = Object.values(DataCategory).filter((key) => !SEED_RULES.some(({ category }) => category === key))
    expect(without).toEqual([])
  })

  test('says of what is only recalled that nobody looked it up', () => {
    const recalled = SEED_RULES.filter(({ source }) => source.startsWith('recalled:'))
    expect(recalled.map(({ category, verified }) => [category, verified])).toEqual([['PAYMENT', false]])
    expect(SEED_RULES.filter(({ verified }) => !verified)).toEqual(recalled)
  })

  test('counts months of partitions from writing alone', () => {
    const dropping = SEED_RULES.filter(({ action }) => action === 'DROP_PARTITION')
    expect(dropping.map(({ category, trigger }) => `${category} ${trigger}`)).toEqual([
      'USAGE CREATED',
      'SECURITY CREATED',
    ])
  })
})

describe('of several versions', () => {
  const rule = (
    version: number,
    from: string,
    trigger: RetentionTrigger = 'CREATED',
    category: DataCategory = 'USAGE',
  ) => ({
    ...{ id: `r${version}`, version, category, trigger },
    effectiveFrom: new Date(from),
  })
  const rules = [
    rule(1, '2025-07-16T00:00:00.000Z'),
    rule(2, '2026-03-15T12:00:00.001Z'),
    rule(3, '2026-01-01T00:00:00.000Z'),
    rule(4, '2026-01-01T00:00:00.000Z'),
    rule(5, '2025-09-01T00:00:00.000Z', 'ACCOUNT_CLOSED'),
    rule(6, '2025-09-01T00:00:00.000Z', 'CREATED', 'SECURITY'),
  ]
  test.each([
    ['2025-07-15T23:59:59.999Z', []],
    ['2025-07-16T00:00:00.000Z', ['r1']],
    ['2025-12-31T23:59:59.999Z', ['r1', 'r5', 'r6']],
    ['2026-03-15T12:00:00.000Z', ['r4', 'r5', 'r6']],
    ['2026-03-15T12:00:00.001Z', ['r2', 'r5', 'r6']],
  ])('at %s the last to take effect counts for each category and trigger, the higher of two', (at, expected) => {
    expect(inEffectAt(rules, new Date(at)).map(({ id }) => id)).toEqual(expected)
    expect(inEffectAt(rules.toReversed(), new Date(at)).map(({ id }) => id)).toEqual(expected)
  })
})

describe('data is due', () => {
  const at = (instant: string) => new Date(instant)
  test('at the first instant thirteen months after the month of its usage', () => {
    const rules = [{ trigger: 'CREATED', period: 'P13M' }] as const
    expect(dueAt(rules, { CREATED: at('2025-02-01T00:00:00.000Z') })?.toISOString()).toBe('2026-03-01T00:00:00.000Z')
  })

  test('at the earliest instant of all triggers that have happened', () => {
    const rules = [
      { trigger: 'CREATED', period: 'P30D' },
      { trigger: 'DELIVERED', period: 'P1D' },
    ] as const
    const created = at('2026-01-01T08:00:00.000Z')
    expect(dueAt(rules, { CREATED: created })?.toISOString()).toBe('2026-01-31T08:00:00.000Z')
    expect(dueAt(rules, { CREATED: created, DELIVERED: at('2026-01-05T09:30:00.000Z') })?.toISOString()).toBe(
      '2026-01-06T09:30:00.000Z',
    )
    expect(dueAt(rules, { CREATED: created, DELIVERED: at('2026-02-28T00:00:00.000Z') })?.toISOString()).toBe(
      '2026-01-31T08:00:00.000Z',
    )
  })

  test('at once where it may not be kept at all', () => {
    expect(dueAt([{ trigger: 'CREATED', period: 'PT0S' }], { CREATED: NOW })).toEqual(NOW)
  })

  test('never where nothing started it, or there is no rule', () => {
    expect(dueAt([{ trigger: 'CREATED', period: 'P13M' }], {})).toBeNull()
    expect(dueAt([{ trigger: 'CREATED', period: 'PT0S' }], {})).toBeNull()
    expect(dueAt([], { CREATED: NOW })).toBeNull()
  })
})
