import { describe, expect, test } from 'vitest'
import { dueAt, RETENTION_RULES, retentionRuleOf } from '../../../src/domains/retention/retention.rules.ts'
import { DataCategory } from '../../../src/generated/prisma/enums.ts'

const NOW = new Date('2026-03-15T12:00:00.000Z')

describe('every category', () => {
  // Trigger, period, action and clause: privacy policy of 2025-07-16; 13 months of usage: setting of the operator.
  test('has the rule that the policy gives it', () => {
    const rules = Object.values(DataCategory).map((category) => retentionRuleOf(category, NOW))
    expect(rules.map((rule) => rule && [rule.category, rule.trigger, rule.period, rule.action, rule.clause])).toEqual([
      ['ACCOUNT', 'ACCOUNT_CLOSED', null, 'DELETE', '§7.1'],
      ['CONTENT_BATCH', 'CREATED', 'P30D', 'SHRED', '§3.2'],
      ['PAYMENT', 'CREATED', null, 'DELETE', '§7.1'],
      ['USAGE', 'CREATED', 'P13M', 'DROP_PARTITION', '§7.4'],
      ['COMMUNICATION', 'RESOLVED', null, 'DELETE', '§7.3'],
      ['COOKIE', 'CREATED', null, 'DELETE', '§4.1'],
      ['CONSENT', 'ACCOUNT_CLOSED', null, 'DELETE', '§7.1'],
      ['SECURITY', 'CREATED', 'P13M', 'DROP_PARTITION', '§2.5'],
    ])
  })

  test('has one rule a day at most, and a note where no number is named', () => {
    const days = RETENTION_RULES.map(({ category, effectiveFrom }) => `${category} ${effectiveFrom}`)
    expect(new Set(days).size).toBe(days.length)
    expect(RETENTION_RULES.filter(({ period, note }) => period === null && !note)).toEqual([])
  })
})

describe('a rule', () => {
  test('holds from the first instant of its day, UTC, and not before', () => {
    expect(retentionRuleOf('USAGE', new Date('2025-07-15T23:59:59.999Z'))).toBeNull()
    expect(retentionRuleOf('USAGE', new Date('2025-07-16T00:00:00.000Z'))?.period).toBe('P13M')
  })

  test('makes a month of usage due at the first instant, thirteen months later', () => {
    const due = dueAt(retentionRuleOf('USAGE', NOW), new Date('2025-02-01T00:00:00.000Z'))
    expect(due?.toISOString()).toBe('2026-03-01T00:00:00.000Z')
  })

  test('makes nothing due where nothing started it, no period is named, or there is none', () => {
    expect(dueAt(retentionRuleOf('USAGE', NOW), null)).toBeNull()
    expect(dueAt(retentionRuleOf('ACCOUNT', NOW), NOW)).toBeNull()
    expect(dueAt(null, NOW)).toBeNull()
  })
})
