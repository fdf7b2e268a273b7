import { afterAll, beforeAll, expect, test } from 'vitest'
import { foldDueMonths } from '../../src/domains/usage/usage-fold.jobs.ts'
import { watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { inference, openAccount, perform, type Who } from './calls.ts'

const DIMENSIONS = ['NONE', 'MODEL', 'ENDPOINT_KIND', 'REGION'] as const
const MARCH = { from: '2025-03-01T00:00:00.000Z', to: '2025-04-01T00:00:00.000Z' }
const QUERY = `query($from: DateTime!, $to: DateTime!, $kind: UsageKind! = INFERENCE,
    $groupBy: UsageStatisticsDimension! = NONE, $accountId: ID, $first: Int, $after: String) {
  usageStatistics(from: $from, to: $to, kind: $kind, groupBy: $groupBy, accountId: $accountId, first: $first,
      after: $after) {
    months { month isLeftOut } pageInfo { hasNextPage endCursor }
    edges { node { month isTotal value subjects requests inputTokens latencyMs { p50 } } } } }`

type Row = { month: string; isTotal: boolean; value: string | null; subjects: number; requests: number }

let world: World
/** An account with 14 persons, one with 4, one with 6, and the two of the demo without any. */
let large: string
let four: string
beforeAll(async () => {
  world = await openWorld({ now: '2026-03-31T21:00:00.000Z' })
  large = await filled(14, (index) => (index < 3 ? 'm/small' : index < 8 ? 'm/both' : 'm/large'), 'both')
  four = await filled(4, () => 'm/large')
  await filled(6, () => 'm/large')
  world.clock.set('2026-03-31T22:00:00.000Z')
})
afterAll(() => world.close())

/** An account with persons who used a model each, `both` by everyone, and an event that is linked to nobody. */
async function filled(persons: number, model: (index: number) => string, both?: string): Promise<string> {
  const { owner, accountId } = await openAccount(world)
  const events = [inference('nobody', { occurredAt: MARCH.from, model: 'm/large', inputTokens: 1 })]
  for (let index = 0; index < persons; index += 1) {
    const created = await perform(world, owner, 'createSubject', { reference: `p-${index}`, name: 'A Person' })
    const subjectId = (created['subject'] as { id: string }).id
    const own = { occurredAt: '2025-03-10T00:00:00.000Z', subjectId, latencyMs: 100, inputTokens: 10 }
    events.push(inference(`own-${index}`, { ...own, model: model(index), region: index < 13 ? 'eu' : 'us' }))
    if (both) events.push(inference(`both-${index}`, { ...own, model: `m/${both}` }))
  }
  const outcome = await perform(world, 'gateway', 'recordUsage', { accountId, events })
  expect(outcome.__typename).toBe('RecordUsageSuccess')
  return accountId
}

async function ask(variables: object, as: Who = 'staff') {
  const { data, errors } = await world.ask(as, QUERY, { ...MARCH, ...variables })
  expect(errors).toBeUndefined()
  const { edges, months, pageInfo } = data.usageStatistics
  return { rows: edges.map(({ node }: { node: Row }) => node) as Row[], months, pageInfo }
}

const brief = (rows: readonly Row[]) =>
  rows.map(({ isTotal, value, subjects, requests }) => [isTotal ? 'total' : value, subjects, requests])

test('a group of fewer than 10 persons is left out, and with it the smallest of the others', async () => {
  const { rows, months } = await ask({ accountId: large, groupBy: 'MODEL' })
  // m/small has 3 persons, m/large 6; m/both has all 14 and is what would tell them.
  expect(brief(rows)).toEqual([['total', 14, 29]])
  expect(months).toEqual([{ month: MARCH.from, isLeftOut: true }])
})

test('a total is there with its sums', async () => {
  const { rows, months } = await ask({ accountId: large })
  expect(rows).toEqual([
    {
      month: MARCH.from,
      isTotal: true,
      value: null,
      subjects: 14,
      requests: 29,
      inputTokens: 281,
      latencyMs: { p50: 99 },
    },
  ])
  expect(months).toEqual([{ month: MARCH.from, isLeftOut: false }])
})

test('an account of fewer than 10 persons shows nothing, in no grouping', async () => {
  for (const groupBy of DIMENSIONS)
    expect(await ask({ accountId: four, groupBy })).toMatchObject({
      rows: [],
      months: [{ month: MARCH.from, isLeftOut: true }],
    })
})

test('of all accounts, a group is shown where small ones have 10 persons in it together', async () => {
  expect(brief((await ask({})).rows)).toEqual([['total', 24, 41]])
  // The small ones have 10 persons in m/large. It is left out even so: the total less it, taken from the total of the
  // large account, would leave the 6 persons of that account who use it.
  expect(brief((await ask({ groupBy: 'MODEL' })).rows)).toEqual([['total', 24, 41]])
  expect(brief((await ask({ groupBy: 'ENDPOINT_KIND' })).rows)).toEqual([
    ['total', 24, 41],
    ['SERVERLESS', 24, 41],
  ])
})

test('everything is answered the same after the month was folded', async () => {
  const all = async () => {
    const answers: unknown[] = []
    for (const groupBy of DIMENSIONS)
      for (const accountId of [null, large, four, world.ids.account]) answers.push(await ask({ groupBy, accountId }))
    return JSON.stringify(answers)
  }
  const before = await all()
  expect(before).toContain('"subjects":24')
  world.clock.set('2026-04-01T00:00:00.000Z')
  expect(await foldDueMonths(world.resources.db, world.clock)).toBe(1)
  expect(await all()).toBe(before)
  world.clock.set('2026-03-31T22:00:00.000Z')
})

test('an answer takes three statements beside those that find out who calls, however many groups', async () => {
  const statements = watchStatements()
  await ask({ groupBy: 'MODEL' })
  const { length } = statements.seen
  statements.stop()
  expect(length).toBe(6)
})

test('pages make up the whole', async () => {
  const whole = (await ask({ groupBy: 'ENDPOINT_KIND' })).rows
  const first = await ask({ groupBy: 'ENDPOINT_KIND', first: 1 })
  const second = await ask({ groupBy: 'ENDPOINT_KIND', first: 1, after: first.pageInfo.endCursor })
  expect([...first.rows, ...second.rows]).toEqual(whole)
  expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false])
})

test('months without usage, another kind and an account that does not exist have no rows and no months', async () => {
  const nothing = { rows: [], months: [] }
  expect(await ask({ from: '2025-04-01T00:00:00Z', to: '2026-03-01T00:00:00Z' })).toMatchObject(nothing)
  expect(await ask({ kind: 'SECURITY', groupBy: 'REGION' })).toMatchObject(nothing)
  const unknown = Buffer.from('Account:0199aa00-0000-7000-8000-0000000000ff').toString('base64')
  expect(await ask({ accountId: unknown })).toMatchObject(nothing)
})

test('what is no whole month that has ended is refused in words', async () => {
  const refused: unknown[] = []
  for (const variables of [
    { from: '2025-03-01T01:00:00Z' },
    { from: '2025-03-02T00:00:00Z' },
    { to: '2025-03-31T00:00:00Z' },
    { to: MARCH.from },
    { from: '2026-03-01T00:00:00Z', to: '2026-04-01T00:00:00Z' },
    { from: '2023-02-01T00:00:00Z' },
    { first: 0 },
    { first: 501 },
    { after: 'x' },
  ]) {
    const { errors } = await world.ask('staff', QUERY, { ...MARCH, ...variables })
    refused.push([errors?.[0]?.extensions['code'], errors?.[0]?.extensions['field']])
  }
  expect(refused).toEqual(
    ['from', 'from', 'to', 'to', 'to', 'from', 'first', 'first', 'after'].map((field) => ['BAD_USER_INPUT', field]),
  )
})

test('nobody but staff with the scope reads statistics', async () => {
  for (const as of ['subject', 'otherSubject', 'integration', 'processor', 'gateway'] as const) {
    const { errors } = await world.ask(as, QUERY, MARCH)
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  }
})

test('the smallest group is what the operator says', async () => {
  const other = await openWorld({ now: '2026-03-31T21:00:00.000Z', env: { STATISTICS_SUBJECTS_MIN: '2' } })
  const events = [other.ids.member, other.ids.endUser].map((subjectId, index) =>
    inference(`k-${index}`, { occurredAt: MARCH.from, subjectId }),
  )
  await perform(other, 'gateway', 'recordUsage', { accountId: other.ids.account, events })
  const { data } = await other.ask('staff', QUERY, MARCH)
  await other.close()
  expect(data.usageStatistics.edges).toMatchObject([{ node: { isTotal: true, subjects: 2, requests: 2 } }])
})
