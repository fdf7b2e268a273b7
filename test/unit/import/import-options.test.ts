import { expect, test } from 'vitest'
import { readImportOptions } from '../../../src/cli/import/import-options.ts'
import { requestIdOf } from '../../../src/cli/import/import-usage.ts'

const NOW = new Date('2026-03-15T12:00:00.000Z')
const read = (...args: string[]) => readImportOptions(args, NOW)

test('a file and an account are enough', () => {
  expect(read('trace.csv', '--account', 'a')).toEqual({
    path: 'trace.csv',
    accountId: 'a',
    model: 'azure-llm',
    region: null,
    endpointKind: 'SERVERLESS',
    until: null,
    batchSize: 1000,
  })
})

test('every option is read', () => {
  const given = ['--model', 'm/x', '--region', 'eu-1', '--endpoint-kind', 'BATCH', '--until', 'now', '--batch', '5000']
  expect(read('trace.csv', '--account', 'a', ...given)).toMatchObject({
    model: 'm/x',
    region: 'eu-1',
    endpointKind: 'BATCH',
    until: NOW,
    batchSize: 5000,
  })
  expect(read('f', '--account', 'a', '--until', '2026-01-01T02:00:00+02:00').until?.toISOString()).toBe(
    '2026-01-01T00:00:00.000Z',
  )
})

test.each([
  [['--account', 'a'], 'Name one file.'],
  [['one', 'two', '--account', 'a'], 'Name one file.'],
  [['f'], '--account is missing.'],
  [['f', '--account', 'a', '--modell', 'm'], "Unknown option '--modell'"],
  [['f', '--account', 'a', '--model', 'two words'], '--model must be'],
  [['f', '--account', 'a', '--region', 'EU'], '--region must be'],
  [['f', '--account', 'a', '--endpoint-kind', 'serverless'], '--endpoint-kind must be'],
  [['f', '--account', 'a', '--until', 'yesterday'], '--until must be'],
  [['f', '--account', 'a', '--until', '2026-01-01T00:00:00'], '--until must be'],
  [['f', '--account', 'a', '--batch', '5001'], '--batch must be'],
  [['f', '--account', 'a', '--batch', '0'], '--batch must be'],
])('%j is refused', (args, message) => {
  expect(() => read(...args)).toThrow(message)
})

test('a request id depends on file, line and account, and on nothing else', () => {
  expect(requestIdOf('ab', 2, 'acc')).toBe('2ab519b4690c8d6ed48833fd4d48551c')
  const ids = [requestIdOf('ab', 3, 'acc'), requestIdOf('ac', 2, 'acc'), requestIdOf('ab', 2, 'acd')]
  expect(new Set([requestIdOf('ab', 2, 'acc'), ...ids]).size).toBe(4)
})
