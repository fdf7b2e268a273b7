import { describe, expect, test } from 'vitest'
import {
  ORGANISATION,
  REGION,
  type Receipt,
  type RegisterEntry,
  readDate,
  receiptFault,
} from '../../../src/domains/processors/processors.rules.ts'

const now = new Date('2026-03-15T12:00:00.000Z')

const entry: RegisterEntry = {
  categories: ['ACCOUNT', 'USAGE'],
  purposes: ['SERVICE_PROVISION'],
  contractOn: new Date('2026-03-01T00:00:00.000Z'),
  endedAt: null,
}

const receipt: Receipt = {
  categories: ['USAGE'],
  purpose: 'SERVICE_PROVISION',
  at: new Date('2026-03-15T11:00:00.000Z'),
}

test('what the register allows has no fault', () => {
  expect(receiptFault(entry, receipt, now)).toBeNull()
  expect(receiptFault(entry, { ...receipt, categories: ['ACCOUNT', 'USAGE'] }, now)).toBeNull()
})

// GDPR Art. 28(3): a contract; Art. 5(1)(b): no further than the purposes.
describe('a fault names its field', () => {
  test.each<[string, Partial<RegisterEntry>, Partial<Receipt>, string]>([
    ['an ended processor', { endedAt: now }, {}, 'processorId'],
    ['no contract', { contractOn: null }, {}, 'processorId'],
    ['a time before the contract', {}, { at: new Date('2026-02-28T23:59:59.999Z') }, 'at'],
    ['a category that is not allowed', {}, { categories: ['PAYMENT'] }, 'categories'],
    ['one of two categories that is not allowed', {}, { categories: ['USAGE', 'SECURITY'] }, 'categories'],
    ['no category', {}, { categories: [] }, 'categories'],
    ['a purpose that is not allowed', {}, { purpose: 'FRAUD_PREVENTION' }, 'purpose'],
    ['a time to come', {}, { at: new Date('2026-03-15T12:05:00.001Z') }, 'at'],
  ])('%s', (_name, ofEntry, ofReceipt, field) => {
    expect(receiptFault({ ...entry, ...ofEntry }, { ...receipt, ...ofReceipt }, now)?.field).toBe(field)
  })
})

test('the day of the contract counts, and so do clocks that are five minutes apart', () => {
  expect(receiptFault(entry, { ...receipt, at: new Date('2026-03-01T00:00:00.000Z') }, now)).toBeNull()
  expect(receiptFault(entry, { ...receipt, at: new Date('2026-03-15T12:05:00.000Z') }, now)).toBeNull()
})

test.each(['2025-01-31', '2024-02-29', '0001-01-01', '9999-12-31'])('%s is a date', (value) => {
  expect(readDate(value)?.toISOString()).toBe(`${value}T00:00:00.000Z`)
})

test.each([
  '',
  '2025-02-29',
  '2025-13-01',
  '2025-00-10',
  '0000-01-01',
  '25-01-01',
  '2025-1-1',
  ' 2025-01-01',
  '2025-01-01T00',
])('"%s" is no date', (value) => {
  expect(readDate(value)).toBeNull()
})

test.each(['Norrvik Compute', 'Müller & Söhne GmbH (Köln)', "O'Neil, Inc.", '3 Hills', '北海道クラウド'])(
  '%s is a name of an organisation',
  (name) => {
    expect(ORGANISATION.test(name)).toBe(true)
  },
)

test.each(['', ' ', '=cmd', '+1', '-x', '@x', '<b>', 'a<b', 'a;b', 'a\nb', 'a"b', 'a\u0000', 'x'.repeat(201)])(
  '%j is none',
  (name) => {
    expect(ORGANISATION.test(name)).toBe(false)
  },
)

test('a region has small letters, digits and hyphens', () => {
  expect(['eu-central', 'us-east-1'].every((region) => REGION.test(region))).toBe(true)
  expect(['', 'EU', 'a b', 'x'.repeat(33), '=1'].some((region) => REGION.test(region))).toBe(false)
})
