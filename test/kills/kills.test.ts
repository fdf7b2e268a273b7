import { randomInt } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { FAILPOINTS } from '../../src/domains/retention/failpoints.rules.ts'
import { type KillOptions, runKills } from './run.ts'

const backend = inject('backend')
const small = { backend, template: inject('template'), persons: 5, batch: 5 } satisfies Partial<KillOptions>

test('six processes killed while they end data lose, double and tear nothing', { timeout: 180_000 }, async () => {
  const seed = randomInt(2 ** 31)
  process.stdout.write(`test/kills: ${backend}, seed ${seed}\n`)
  const { kills, faults } = await runKills({ ...small, kills: 6, seed })
  expect({ seed, faults }).toEqual({ seed, faults: [] })
  expect(kills).toBe(6)
})

test('an engine that ends items and their data in two transactions is found out', { timeout: 180_000 }, async () => {
  const { faults } = await runKills({ ...small, persons: 3, kills: 1, seed: 1, places: ['committed'], broken: true })
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(['TORN']))
})

test('places at which a process is killed are eight at least', () => {
  expect(new Set(FAILPOINTS).size).toBeGreaterThanOrEqual(8)
})
