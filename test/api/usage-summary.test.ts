import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { call, inference, type Who } from './calls.ts'
import { randomTrace, recordTrace, type TraceEvent } from './usage-events-kit.ts'

let world: World
let trace: TraceEvent[]
beforeAll(async () => {
  world = await openWorld({ now: '2024-03-15T12:00:00.000Z' })
  trace = randomTrace(3_000, 7, [world.ids.member, world.ids.endUser])
  await recordTrace(world, world.ids.account, trace)
  await recordTrace(world, world.ids.otherAccount, randomTrace(100, 8, [world.ids.other]))
})
afterAll(() => world.close())

type Sums = {
  requests: number
  inputTokens: number
  outputTokens: number
  payloadBytes: number
  latencyMs: Record<'p50' | 'p90' | 'p95' | 'p99', number | null>
}
type Row = Sums & { bucketStart: string; model: string | null; endpointKind: string | null; region: string | null }
type Bucket = 'HOUR' | 'DAY' | 'MONTH'
type Dimension = 'MODEL' | 'ENDPOINT_KIND' | 'REGION'

const SUMS = 'requests inputTokens outputTokens payloadBytes latencyMs { p50 p90 p95 p99 }'
const QUERY = `query($f: UsageSummaryFilter!, $b: UsageBucket!, $g: [UsageDimension!]!, $n: Int, $a: String) {
  usageSummary(filter: $f, bucket: $b, groupBy: $g, first: $n, after: $a) {
    totals { ${SUMS} } pageInfo { hasNextPage endCursor }
    edges { node { bucketStart model endpointKind region ${SUMS} } } } }`
const ALL = { from: '2023-12-30T00:00:00.000Z', to: '2024-03-10T00:00:00.000Z' }

async function ask(options: {
  as?: Who
  filter?: object
  bucket?: Bucket
  groupBy?: Dimension[]
  first?: number
  after?: string | null
}) {
  const { as = 'subject', filter = ALL, bucket = 'MONTH', groupBy = [], first = 500, after = null } = options
  const answer = await world.ask(as, QUERY, { f: filter, b: bucket, g: groupBy, n: first, a: after })
  expect(answer.errors).toBeUndefined()
  const { totals, pageInfo, edges } = answer.data.usageSummary
  return { totals: totals as Sums, pageInfo, rows: edges.map((edge: { node: Row }) => edge.node) as Row[] }
}

const bucketStart = { HOUR: 13, DAY: 10, MONTH: 7 } as const
const startOf = (event: TraceEvent, bucket: Bucket) =>
  `${event.occurredAt.slice(0, bucketStart[bucket])}${'0000-01-01T00:00:00.000Z'.slice(bucketStart[bucket])}`

/** The same sums by counting one by one. */
function sumsOf(events: readonly TraceEvent[]): Sums {
  const sum = (key: 'inputTokens' | 'outputTokens' | 'payloadBytes') =>
    events.reduce((total, event) => total + (event[key] ?? 0), 0)
  const latencies = events.flatMap(({ latencyMs }) => (latencyMs === null ? [] : [latencyMs])).sort((a, b) => a - b)
  const rank = (p: number) => latencies[Math.ceil((p / 100) * latencies.length) - 1] ?? null
  return {
    requests: events.length,
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    payloadBytes: sum('payloadBytes'),
    latencyMs: { p50: rank(50), p90: rank(90), p95: rank(95), p99: rank(99) },
  }
}

function expectedRows(events: readonly TraceEvent[], bucket: Bucket, groupBy: readonly Dimension[]): Row[] {
  const groups = new Map<string, TraceEvent[]>()
  for (const event of events) {
    const by = (dimension: Dimension, value: string | null) => (groupBy.includes(dimension) ? (value ?? '') : '')
    const key = [
      startOf(event, bucket),
      by('MODEL', event.model),
      by('ENDPOINT_KIND', event.endpointKind),
      by('REGION', event.region),
    ].join('\u0000')
    groups.set(key, [...(groups.get(key) ?? []), event])
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, group]) => {
      const [start = '', model, endpointKind, region] = key.split('\u0000')
      const row = { bucketStart: start, model: model || null, endpointKind: endpointKind || null }
      return { ...row, region: region || null, ...sumsOf(group) }
    })
}

const withoutLatency = ({ latencyMs: _latency, ...rest }: Sums) => rest

/** Checks percentiles of a row against the exact ones: 5 % off at most. @returns how many were compared */
function expectClose(actual: Sums, exact: Sums): number {
  for (const p of ['p50', 'p90', 'p95', 'p99'] as const) {
    const [got, want] = [actual.latencyMs[p], exact.latencyMs[p]]
    if (want === null || got === null) expect(got).toBe(want)
    else expect(Math.abs(got - want)).toBeLessThanOrEqual(want * 0.05)
  }
  return 4
}

const GROUPINGS: readonly Dimension[][] = [
  [],
  ['MODEL'],
  ['ENDPOINT_KIND', 'REGION'],
  ['REGION', 'MODEL', 'ENDPOINT_KIND'],
]

test.each(['HOUR', 'DAY', 'MONTH'] as const)(
  'sums by %s are those of the events, in every grouping',
  async (bucket) => {
    let compared = 0
    for (const groupBy of GROUPINGS) {
      const expected = expectedRows(trace, bucket, groupBy)
      const rows: Row[] = []
      for (let after: string | null = null; ; ) {
        const page: Awaited<ReturnType<typeof ask>> = await ask({ bucket, groupBy, after })
        rows.push(...page.rows)
        after = page.pageInfo.endCursor
        if (!page.pageInfo.hasNextPage) break
      }
      expect(rows.map(withoutLatency)).toEqual(expected.map(withoutLatency))
      for (const [index, row] of rows.entries()) compared += expectClose(row, expected[index] as Row)
    }
    expect(compared).toBeGreaterThan(60)
  },
)

test('the totals are of all pages together', async () => {
  const { totals, rows } = await ask({ bucket: 'DAY', first: 1 })
  expect(rows).toHaveLength(1)
  expect(withoutLatency(totals)).toEqual(withoutLatency(sumsOf(trace)))
  expectClose(totals, sumsOf(trace))
})

test('small pages make up the large one', async () => {
  const groupBy: Dimension[] = ['MODEL', 'REGION']
  const whole = await ask({ bucket: 'MONTH', groupBy })
  const pieces: Row[] = []
  for (let after: string | null = null; ; ) {
    const page: Awaited<ReturnType<typeof ask>> = await ask({ bucket: 'MONTH', groupBy, first: 5, after })
    pieces.push(...page.rows)
    after = page.pageInfo.endCursor
    if (!page.pageInfo.hasNextPage) break
  }
  expect(pieces.length).toBeGreaterThan(10)
  expect(pieces).toEqual(whole.rows)
})

test('from is counted and to is not', async () => {
  const at = (from: string, to: string) => ask({ filter: { from, to } })
  const count = async (from: string, to: string) => (await at(from, to)).totals.requests
  const exact = (from: string, to: string) =>
    trace.filter((each) => each.occurredAt >= from && each.occurredAt < to).length
  const borders = [
    '2023-12-31T23:59:59.999Z',
    '2024-01-01T00:00:00.000Z',
    '2024-02-29T23:59:59.999Z',
    '2024-03-01T00:00:00.000Z',
  ]
  for (const from of borders)
    for (const to of borders) if (from < to) expect(await count(from, to)).toBe(exact(from, to))
  expect(exact('2024-02-29T23:59:59.999Z', '2024-03-01T00:00:00.000Z')).toBe(1)
  const none = await at('2022-01-01T00:00:00.000Z', '2022-02-01T00:00:00.000Z')
  expect(none.rows).toEqual([])
  expect(none.totals).toEqual(sumsOf([]))
})

test('filters are combined', async () => {
  const filter = { ...ALL, model: 'm/b', endpointKind: 'BATCH', region: 'eu', subjectId: world.ids.endUser }
  const { totals } = await ask({ filter })
  const expected = trace.filter(
    (each) =>
      each.model === 'm/b' &&
      each.endpointKind === 'BATCH' &&
      each.region === 'eu' &&
      each.subjectId === world.ids.endUser,
  )
  expect(expected.length).toBeGreaterThan(5)
  expect(withoutLatency(totals)).toEqual(withoutLatency(sumsOf(expected)))
})

test('each caller counts what it may see', async () => {
  const member = { token: await world.memberToken() }
  const count = async (as: Who, filter: object = ALL) => (await ask({ as, filter })).totals.requests
  expect({
    owner: await count('subject'),
    integration: await count('integration'),
    member: await count(member),
    memberOfOther: await count(member, { ...ALL, subjectId: world.ids.endUser }),
    other: await count('otherSubject'),
    otherOfMine: await count('otherSubject', { ...ALL, accountId: world.ids.account }),
  }).toEqual({
    owner: 3_000,
    integration: 3_000,
    member: trace.filter((each) => each.subjectId === world.ids.member).length,
    memberOfOther: 0,
    other: 100,
    otherOfMine: 0,
  })
  for (const as of ['staff', 'processor', 'gateway'] as const) {
    const { errors } = await world.ask(as, QUERY, { f: ALL, b: 'DAY', g: [] })
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  }
})

test('sums may grow beyond 64 bits', async () => {
  const occurredAt = '2023-05-05T05:05:05.000Z'
  const events = Array.from({ length: 1_100 }, (_, index) =>
    inference(`huge-${index}`, { occurredAt, payloadBytes: Number.MAX_SAFE_INTEGER }),
  )
  await call(world, 'gateway', 'recordUsage', { accountId: world.ids.otherAccount, events })
  const filter = { from: '2023-05-05T00:00:00.000Z', to: '2023-05-06T00:00:00.000Z' }
  const { totals } = await ask({ as: 'otherSubject', filter })
  expect(totals.payloadBytes).toBe('9907919180215090100')
})

test('a cursor or filter that no answer gave out is refused in words', async () => {
  const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const cursors = [
    'x',
    cursor(null),
    cursor([]),
    cursor(['+275760-09-13T00:00:00.000Z', null, null, null]),
    cursor(['0000-01-01T00:00:00.000Z', 'a\u0000b', null, null]),
    cursor(['2024-01-01T00:00:00.000Z', "'; drop table usage_event", null, null]),
    cursor(['2024-01-01T00:00:00.000Z', null, 'NONE', null]),
  ]
  const filters = [
    { ...ALL, model: 'a\u0000b' },
    { ...ALL, region: 'a\u0000b' },
    { ...ALL, to: ALL.from },
    { from: '0000-01-01T00:00:00.000Z', to: '0000-01-02T00:00:00.000Z' },
    { from: '2000-01-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000Z' },
    { from: '2023-02-28T23:00:00.000Z', to: '2024-01-01T00:00:00.000Z' },
    { ...ALL, subjectId: world.ids.other, accountId: world.ids.account },
  ]
  const codes: unknown[] = []
  const probe = async (variables: object) =>
    codes.push(
      (await world.ask('subject', QUERY, { f: ALL, b: 'MONTH', g: [], ...variables })).errors?.[0]?.extensions['code'],
    )
  for (const a of cursors) await probe({ a })
  for (const f of filters) await probe({ f })
  for (const n of [0, -1]) await probe({ n })
  expect(codes).toHaveLength(16)
  for (const each of codes) expect(each).toEqual('BAD_USER_INPUT')
})
