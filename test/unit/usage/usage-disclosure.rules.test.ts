import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  type Disclosure,
  discloseAccount,
  discloseAll,
  type Population,
  type SmallAccounts,
} from '../../../src/domains/usage/usage-disclosure.rules.ts'

const sized = (sizes: Readonly<Record<string, number>>) =>
  Object.entries(sizes).map(([value, persons]) => ({ value: value === '-' ? null : value, persons }))
const account = (persons: number, sizes: Readonly<Record<string, number>>): Population => ({
  persons,
  groups: sized(sizes),
})
const shownOf = ({ total, values, leftOut }: Disclosure) => ({ total, values: [...values].sort(), leftOut })
const NO_SMALL: SmallAccounts = { accounts: 0, persons: 0, groups: [] }

describe('of one account', () => {
  it.each([
    ['groups of 10 and more are shown', account(25, { a: 15, b: 10 }), { total: true, values: ['a', 'b'] }],
    ['fewer than 10 persons show nothing', account(9, { a: 9, b: 9 }), { total: false, values: [] }],
    ['a group of 9 takes the next smallest along', account(40, { a: 9, b: 12, c: 30 }), { total: true, values: ['c'] }],
    [
      'two groups of 5 with 10 persons protect each other',
      account(30, { a: 5, b: 5, c: 20 }),
      { total: true, values: ['c'] },
    ],
    [
      'two groups of 5 with perhaps the same persons do not',
      account(30, { a: 5, b: 5, c: 22, d: 15 }),
      { total: true, values: ['c'] },
    ],
    [
      'a group of no person is left out like a small one',
      account(20, { '-': 0, b: 12, c: 20 }),
      { total: true, values: ['c'] },
    ],
    ['only small groups leave the total', account(12, { a: 6, b: 6, c: 6 }), { total: true, values: [] }],
  ])('%s', (_, population, expected) => {
    const disclosure = shownOf(discloseAccount(population, 10))
    expect(disclosure).toEqual({
      ...expected,
      leftOut: !disclosure.total || disclosure.values.length < population.groups.length,
    })
  })

  it('an account without events leaves nothing out', () => {
    expect(discloseAccount(account(0, {}), 10)).toEqual({ total: false, values: new Set(), leftOut: false })
  })
})

describe('of all accounts', () => {
  it('an account that hides a group hides it here, because the others tell theirs', () => {
    const large = [account(20, { a: 3, b: 20 }), account(50, { a: 30, b: 40 })]
    expect(shownOf(discloseAll(NO_SMALL, large, 10))).toEqual({ total: true, values: [], leftOut: true })
  })

  it('a single small account hides the total', () => {
    const small = { accounts: 1, persons: 4, groups: sized({ a: 4 }) }
    const large = [account(50, { a: 30, b: 40 })]
    expect(shownOf(discloseAll(small, large, 10))).toEqual({ total: false, values: ['b'], leftOut: true })
  })

  it('small accounts with 10 persons in a group protect each other', () => {
    const small = { accounts: 5, persons: 20, groups: sized({ a: 12, b: 14 }) }
    expect(shownOf(discloseAll(small, [account(50, { a: 30, b: 40 })], 10))).toEqual({
      total: true,
      values: ['a', 'b'],
      leftOut: false,
    })
  })

  it('a group that few of the small accounts use takes the next smallest along, or the total would tell', () => {
    const small = { accounts: 5, persons: 30, groups: sized({ a: 3, b: 14, c: 30 }) }
    expect(shownOf(discloseAll(small, [], 10))).toEqual({ total: true, values: ['c'], leftOut: true })
  })
})

/** Persons of a small world: of each account, the groups that each of its persons is in; and groups of nobody. */
type People = readonly { readonly persons: readonly (readonly number[])[]; readonly unlinked: readonly number[] }[]

const GROUPS = 3
const groupSet = fc.uniqueArray(fc.nat(GROUPS - 1), { minLength: 1, maxLength: GROUPS })
const people: fc.Arbitrary<People> = fc.array(
  fc.record({
    persons: fc.array(groupSet, { maxLength: 7 }),
    unlinked: fc.uniqueArray(fc.nat(GROUPS - 1), { maxLength: 1 }),
  }),
  { minLength: 1, maxLength: 4 },
)

const isIn = (group: number) => (groups: readonly number[]) => groups.includes(group)

function populationOf({ persons, unlinked }: People[number]): Population {
  const groups = Array.from({ length: GROUPS }, (_, group) => group)
    .filter((group) => persons.some(isIn(group)) || unlinked.includes(group))
    .map((group) => ({ value: String(group), persons: persons.filter(isIn(group)).length }))
  return { persons: persons.length, groups }
}

function merged(populations: readonly Population[]): SmallAccounts {
  const groups = Array.from({ length: GROUPS }, (_, group) => String(group)).flatMap((value) => {
    const parts = populations.flatMap(({ groups }) => groups.filter((group) => group.value === value))
    return parts.length === 0 ? [] : [{ value, persons: parts.reduce((total, part) => total + part.persons, 0) }]
  })
  const persons = populations.reduce((total, population) => total + population.persons, 0)
  return { accounts: populations.length, persons, groups }
}

/** Everything an attacker may ask, as sums over cells (account, group); and the cells that exist. */
function published(world: People, k: number) {
  const populations = world.map(populationOf)
  const cells = populations.flatMap(({ groups }, account) => groups.map(({ value }) => ({ account, value })))
  const where = (keep: (cell: (typeof cells)[number]) => boolean) => cells.map((cell) => (keep(cell) ? 1 : 0))
  const answers: number[][] = []
  const shownCells = new Set<number>()
  for (const [index, population] of populations.entries()) {
    const { total, values } = discloseAccount(population, k)
    if (total) answers.push(where((cell) => cell.account === index))
    for (const value of values) {
      answers.push(where((cell) => cell.account === index && cell.value === value))
      shownCells.add(cells.findIndex((cell) => cell.account === index && cell.value === value))
    }
  }
  const small = merged(populations.filter(({ persons, groups }) => persons < k && groups.length > 0))
  const all = discloseAll(
    small,
    populations.filter(({ persons }) => persons >= k),
    k,
  )
  if (all.total) answers.push(where(() => true))
  for (const value of all.values) answers.push(where((cell) => cell.value === value))
  return { cells, answers, shownCells, all }
}

const PRIME = 1_000_003

function inverse(value: number): number {
  let [result, base, exponent] = [1, value, PRIME - 2]
  for (; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = (result * base) % PRIME
    base = (base * base) % PRIME
  }
  return result
}

/** Takes from a vector what the rows, each with its leading column, can make of it. */
function reduced(vector: readonly number[], rows: readonly (readonly [number, readonly number[]])[]): number[] {
  const rest = vector.map((value) => ((value % PRIME) + PRIME) % PRIME)
  for (const [lead, row] of rows) {
    const factor = rest[lead] ?? 0
    if (factor === 0) continue
    for (const [column, value] of row.entries()) rest[column] = ((rest[column] ?? 0) + (PRIME - factor) * value) % PRIME
  }
  return rest
}

/** The sums that adding and subtracting the answers can give. */
function spanOf(answers: readonly (readonly number[])[]) {
  const rows: (readonly [number, readonly number[]])[] = []
  for (const answer of answers) {
    const rest = reduced(answer, rows)
    const lead = rest.findIndex((value) => value !== 0)
    if (lead < 0) continue
    const factor = inverse(rest[lead] ?? 1)
    rows.push([lead, rest.map((value) => (value * factor) % PRIME)])
  }
  return { holds: (vector: readonly number[]) => reduced(vector, rows).every((value) => value === 0) }
}

/** How many persons a set of cells has. */
function personsIn(world: People, cells: readonly { account: number; value: string | null }[]): number {
  return world.reduce((total, { persons }, account) => {
    const groups = cells.filter((cell) => cell.account === account).map(({ value }) => Number(value))
    return total + persons.filter((own) => own.some((group) => groups.includes(group))).length
  }, 0)
}

test('adding and subtracting all answers finds no left-out groups with 1 to k-1 persons together', () => {
  let found = 0
  let shownWithSmall = 0
  fc.assert(
    fc.property(people, fc.integer({ min: 2, max: 5 }), (world, k) => {
      const { cells, answers, shownCells, all } = published(world, k)
      const span = spanOf(answers)
      const leftOut = cells.map((_, index) => index).filter((index) => !shownCells.has(index))
      if (all.values.size > 0 && leftOut.length > 0) shownWithSmall += 1
      for (let subset = 1; subset < 2 ** leftOut.length; subset += 1) {
        const chosen = leftOut.filter((_, bit) => (subset >> bit) % 2 === 1)
        const persons = personsIn(
          world,
          chosen.map((index) => cells[index] as (typeof cells)[number]),
        )
        if (persons === 0 || persons >= k) continue
        if (span.holds(cells.map((_, index) => (chosen.includes(index) ? 1 : 0)))) {
          found += 1
          throw new Error(`${persons} persons are found with k ${k}`)
        }
      }
    }),
    { numRuns: 4_000, seed: 20_261_123 },
  )
  expect(found).toBe(0)
  expect(shownWithSmall).toBeGreaterThan(50)
})

test('the attack works: without the rules it finds small groups', () => {
  const world: People = [{ persons: [[0], [1], [1], [1]], unlinked: [] }]
  const [first, total] = [
    [0, 1],
    [1, 1],
  ]
  expect(spanOf([first as number[], total as number[]]).holds([1, 0])).toBe(true)
  expect(personsIn(world, [{ account: 0, value: '0' }])).toBe(1)
})

test('whatever is shown has at least k persons', () => {
  fc.assert(
    fc.property(people, fc.integer({ min: 2, max: 5 }), (world, k) => {
      const populations = world.map(populationOf)
      for (const population of populations) {
        const { total, values } = discloseAccount(population, k)
        if (total) expect(population.persons).toBeGreaterThanOrEqual(k)
        for (const { value, persons } of population.groups)
          if (values.has(value)) expect(persons).toBeGreaterThanOrEqual(k)
      }
      const small = merged(populations.filter(({ persons, groups }) => persons < k && groups.length > 0))
      const large = populations.filter(({ persons }) => persons >= k)
      const everyone = merged(populations)
      const { total, values } = discloseAll(small, large, k)
      if (total) expect(everyone.persons).toBeGreaterThanOrEqual(k)
      for (const { value, persons } of everyone.groups) if (values.has(value)) expect(persons).toBeGreaterThanOrEqual(k)
    }),
    { numRuns: 1_000, seed: 20_261_124 },
  )
})
