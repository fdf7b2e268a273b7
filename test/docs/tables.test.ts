import { expect, test } from 'vitest'
import { readDatabaseEnv, readKeysEnv, readServerEnv } from '../../src/env.ts'
import { DEFAULT_RATE_LIMITS } from '../../src/http/rate-limit.ts'
import { codeIn, tableUnder, textOf } from './documents.ts'

const rows = tableUnder(textOf('README.md'), '## Configuration')
const configuration = rows.map(([name, byDefault]) => ({ name: codeIn(name), byDefault: byDefault ?? '' }))

/** Names of the variables in the models of `src/env.ts`. */
function variablesInCode(): string[] {
  const models = textOf('src/env.ts').matchAll(
    /\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*): (?=z\b|flag\b|count\b|databaseUrl\b|networks\b)/g,
  )
  return [...models].map(([, name = '']) => name)
}

test('the configuration table names every variable that the program reads, and no other', () => {
  const inCode = variablesInCode()
  expect(inCode.length).toBeGreaterThan(20)
  expect(configuration.map(({ name }) => name).sort()).toEqual(inCode.sort())
})

test('the configuration table tells the defaults that are in force', () => {
  const all = (source: Record<string, string>) => [readDatabaseEnv(source), readKeysEnv(source), readServerEnv(source)]
  const told = configuration.flatMap(({ name, byDefault }) => {
    const value = codeIn(byDefault)
    return name !== null && value !== null ? [{ name, value }] : []
  })
  expect(told.length).toBeGreaterThan(8)
  for (const { name, value } of told) expect([name, all({ [name]: value })]).toEqual([name, all({})])
  const limits = Object.fromEntries(configuration.map(({ name, byDefault }) => [name, byDefault]))
  expect(limits['RATE_LIMIT_CALLER_PER_MINUTE']).toBe(String(DEFAULT_RATE_LIMITS.callerPerMinute))
  expect(limits['RATE_LIMIT_ANONYMOUS_PER_MINUTE']).toBe(String(DEFAULT_RATE_LIMITS.anonymousPerMinute))
})

test('the table of scripts names every script of the project, and no other', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
  const told = tableUnder(textOf('CONTRIBUTING.md'), '## Scripts').map(([name]) => codeIn(name))
  expect(told.length).toBeGreaterThan(20)
  expect(told.toSorted()).toEqual(Object.keys(scripts).sort())
})
