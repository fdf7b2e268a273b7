import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Database, Tx } from '../../src/db/database.ts'
import { foldDueMonths } from '../../src/domains/usage/usage-fold.jobs.ts'
import { openWorld, type World } from '../kit/world.ts'
import { inference, keyOf, localId, perform, type Who } from './calls.ts'
import { numbersFrom, recordTrace } from './usage-events-kit.ts'

const RECORDED_AT = '2026-03-31T21:00:00.000Z'
/** March 2025 becomes due. */
const DUE_AT = '2026-04-01T00:00:00.000Z'

type Event = ReturnType<typeof eventsOf>[number]

/** Random inferences of March and April 2025, edges of both among them; the persons are linked to a part of them. */
function eventsOf(count: number, seed: number, subjectIds: readonly string[]) {
  const below = numbersFrom(seed)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const edges = ['2025-03-01T00:00:00.000Z', '2025-03-31T23:59:59.999Z', '2025-04-01T00:00:00.000Z']
  const start = Date.parse('2025-03-01T00:00:00Z')
  return Array.from({ length: count }, (_, index) => ({
    occurredAt: edges[index] ?? new Date(start + below(61 * 86_400_000)).toISOString(),
    requestId: `f-${seed}-${index}`,
    kind: 'INFERENCE',
    model: pick(['m/a', 'm/b', 'M/b']),
    endpointKind: pick(['SERVERLESS', 'PRIVATE', 'BATCH']),
    region: pick(['eu', 'us', null]),
    inputTokens: below(100_000),
    outputTokens: below(2_000),
    payloadBytes: pick([null, below(2 ** 31)]),
    latencyMs: pick([null, below(50), 10 ** below(7) + below(1_000)]),
    subjectId: pick([null, ...subjectIds]),
  }))
}

const worlds: World[] = []
afterAll(() => Promise.all(worlds.map((world) => world.close())))

/** A world with events of two accounts in March and April 2025. */
async function used(count: number): Promise<{ world: World; events: Event[] }> {
  const world = await openWorld({ now: RECORDED_AT })
  worlds.push(world)
  const events = eventsOf(count, 7, [world.ids.member, world.ids.endUser])
  await recordTrace(world, world.ids.account, events)
  await recordTrace(world, world.ids.otherAccount, eventsOf(200, 8, [world.ids.other]))
  return { world, events }
}

const SUMS = 'requests inputTokens outputTokens payloadBytes latencyMs { p50 p90 p95 p99 }'
const SUMMARY = `query($f: UsageSummaryFilter!, $b: UsageBucket!, $g: [UsageDimension!]!, $a: String) {
  usageSummary(filter: $f, bucket: $b, groupBy: $g, first: 500, after: $a) {
    totals { ${SUMS} } pageInfo { hasNextPage endCursor }
    edges { cursor node { bucketStart model endpointKind region ${SUMS} } } } }`
const BOTH = { from: '2025-03-01T00:00:00.000Z', to: '2025-05-01T00:00:00.000Z' }

async function summary(world: World, f: object, b: string, g: readonly string[], as: Who = 'subject') {
  const pages: unknown[] = []
  for (let a: string | null = null; ; ) {
    const { data, errors } = await world.ask(as, SUMMARY, { f, b, g, a })
    expect(errors).toBeUndefined()
    pages.push(data.usageSummary)
    if (!data.usageSummary.pageInfo.hasNextPage) return pages
    a = data.usageSummary.pageInfo.endCursor
  }
}

/** Every answer over the two months that can be asked for before and after, as text. */
async function answers(world: World): Promise<string> {
  const groupings = [[], ['MODEL'], ['REGION', 'MODEL', 'ENDPOINT_KIND'], ['ENDPOINT_KIND']]
  const filters = [
    BOTH,
    { ...BOTH, model: 'm/b' },
    { ...BOTH, endpointKind: 'BATCH', region: 'eu' },
    { from: '2025-03-03T00:00:00.000Z', to: '2025-04-02T11:30:00.000Z' },
    { ...BOTH, kind: 'SECURITY' },
  ]
  const all: unknown[] = []
  for (const bucket of ['DAY', 'MONTH'])
    for (const filter of filters)
      for (const groupBy of groupings) all.push(await summary(world, filter, bucket, groupBy))
  return JSON.stringify(all)
}

async function state(world: World) {
  return world.resources.db.worker(async (tx) => ({
    march: await tx.usageEvent.count({ where: { occurredAt: { lt: new Date('2025-04-01T00:00:00Z') } } }),
    april: await tx.usageEvent.count({ where: { occurredAt: { gte: new Date('2025-04-01T00:00:00Z') } } }),
    aggregated: Number((await tx.usageAggregate.aggregate({ _sum: { requests: true } }))._sum.requests ?? 0),
    months: (await tx.usageMonth.findMany()).map(({ month }) => month.toISOString().slice(0, 10)),
    held: await tx.usageEventHeld.count(),
  }))
}

const inMarch = (events: readonly Event[]) => events.filter(({ occurredAt }) => occurredAt < '2025-04')

/** The database, of which the worker's transaction number `at` fails: before it commits, or instead of it. */
function failing(db: Database, at: number, kind: 'before' | 'inside'): Database {
  let count = 0
  const worker = <T>(fn: (tx: Tx) => Promise<T>, accountId?: string) => {
    count += 1
    if (count !== at) return db.worker(fn, accountId)
    if (kind === 'before') return Promise.reject(new Error('killed'))
    return db.worker(async (tx) => {
      await fn(tx)
      throw new Error('killed')
    }, accountId)
  }
  return { worker } as unknown as Database
}

const hold = (world: World, accountId: string, subjectId: string | null, to: 'HELD' | 'LIVE' = 'HELD') =>
  world.resources.db.worker((tx) =>
    tx.inventoryItem.updateMany({
      where: { accountId, subjectId, system: 'usage', locator: 'usage_event/2025-03', state: { in: ['LIVE', 'HELD'] } },
      data: { state: to, resumesAs: to === 'HELD' ? 'LIVE' : null },
    }),
  )

let folded: { world: World; events: Event[]; before: string }
beforeAll(async () => {
  const { world, events } = await used(3_000)
  folded = { world, events, before: await answers(world) }
  world.clock.set('2026-03-31T23:59:59.999Z')
  expect(await foldDueMonths(world.resources.db, world.clock)).toBe(0)
})

test('a folded month answers exactly as its events did, in every bucket, grouping and filter', async () => {
  const { world, events, before } = folded
  const march = inMarch(events)
  expect(march.length).toBeGreaterThan(1_000)
  world.clock.set(DUE_AT)
  expect(await foldDueMonths(world.resources.db, world.clock)).toBe(1)
  expect(await answers(world)).toBe(before)
  const [page] = (await summary(world, { from: BOTH.from, to: '2025-04-01T00:00:00.000Z' }, 'MONTH', [])) as {
    totals: { requests: number; inputTokens: number; outputTokens: number; payloadBytes: number }
  }[]
  const sum = (key: 'inputTokens' | 'outputTokens' | 'payloadBytes') =>
    march.reduce((total, event) => total + (event[key] ?? 0), 0)
  expect(page?.totals).toMatchObject({
    requests: march.length,
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    payloadBytes: sum('payloadBytes'),
  })
  const after = await state(world)
  expect(after).toMatchObject({ march: 0, months: ['2025-03-01'], held: 0 })
  expect(after.april).toBeGreaterThan(1_000)
  expect(await foldDueMonths(world.resources.db, world.clock)).toBe(0)
})

test('hours, and bounds within a day, are refused before the first month that is kept', async () => {
  const { world } = folded
  const refusalOf = async (f: object, b: string) => {
    const { errors } = await world.ask('subject', SUMMARY, { f, b, g: [] })
    return [errors?.[0]?.extensions['code'], errors?.[0]?.extensions['field'], errors?.[0]?.message]
  }
  const day = { from: '2025-03-31T00:00:00.000Z', to: '2025-04-01T00:00:00.000Z' }
  const first = '2025-04-01T00:00:00.000Z'
  expect(await refusalOf(day, 'HOUR')).toEqual([
    'BAD_USER_INPUT',
    'filter.from',
    `filter.from must not lie before ${first} for buckets of one HOUR: older usage is kept by day.`,
  ])
  const within = `must be midnight UTC before ${first}: older usage is kept by day.`
  expect(await refusalOf({ ...day, from: '2025-03-30T23:59:59.999Z' }, 'DAY')).toEqual([
    'BAD_USER_INPUT',
    'filter.from',
    `filter.from ${within}`,
  ])
  expect(await refusalOf({ ...day, to: '2025-03-31T00:00:00.001Z' }, 'MONTH')).toEqual([
    'BAD_USER_INPUT',
    'filter.to',
    `filter.to ${within}`,
  ])
  expect(await summary(world, { from: first, to: '2025-04-01T02:00:00.000Z' }, 'HOUR', [])).toHaveLength(1)
})

test('of a person nothing is left in a folded month, and an account sees its own alone', async () => {
  const { world, events } = folded
  const linked = events.filter(({ subjectId }) => subjectId === world.ids.member)
  const requests = async (as: Who, more: object = {}) => {
    const pages = (await summary(world, { ...BOTH, ...more }, 'MONTH', [], as)) as { totals: { requests: number } }[]
    return pages[0]?.totals.requests
  }
  const april = linked.filter(({ occurredAt }) => occurredAt >= '2025-04').length
  expect(await requests('subject', { subjectId: world.ids.member })).toBe(april)
  expect(await requests({ token: await world.memberToken() })).toBe(april)
  expect(await requests('otherSubject')).toBe(200)
  expect(await requests('otherSubject', { accountId: world.ids.account })).toBe(0)
})

test('a late event of a folded month is refused, and its partition is not made again', async () => {
  const { world } = folded
  const late = inference('late', { occurredAt: '2025-03-15T00:00:00.000Z' })
  const outcome = await perform(world, 'gateway', 'recordUsage', { accountId: world.ids.account, events: [late] })
  expect(outcome).toMatchObject({ code: 'USAGE.EVENT_NOT_VALID', index: 0, field: 'occurredAt' })
  await world.runner.runDue()
  expect(await state(world)).toMatchObject({ march: 0, months: ['2025-03-01'] })
})

test('items of the month become anonymised, of other months they stay', async () => {
  const { world } = folded
  const items = await world.resources.db.worker((tx) =>
    tx.inventoryItem.groupBy({ by: ['locator', 'state'], where: { system: 'usage' }, orderBy: { locator: 'asc' } }),
  )
  expect(items.map(({ locator, state }) => [locator, state])).toEqual([
    ['usage_event/2025-03', 'ANONYMISED'],
    ['usage_event/2025-04', 'LIVE'],
  ])
})

test('events under a hold are kept as they were, and their items stay held', async () => {
  const { world, events } = await used(300)
  const accountId = localId(world.ids.account)
  const { id: subjectId } = keyOf(world.ids.member)
  await hold(world, accountId, subjectId)
  await hold(world, localId(world.ids.otherAccount), null)
  world.clock.set(DUE_AT)
  const where = { accountId, subjectId, occurredAt: { lt: new Date('2025-04-01T00:00:00Z') } }
  const orderBy = { requestId: 'asc' } as const
  const before = await world.resources.db.worker((tx) => tx.usageEvent.findMany({ where, orderBy }))
  expect(await foldDueMonths(world.resources.db, world.clock)).toBe(1)
  const kept = await world.resources.db.worker((tx) => tx.usageEventHeld.findMany({ where, orderBy }))
  expect(kept).toEqual(before)
  expect(kept).toHaveLength(inMarch(events).filter((event) => event.subjectId === world.ids.member).length)
  const unlinked = inMarch(eventsOf(200, 8, [world.ids.other])).filter((event) => event.subjectId === null)
  expect((await state(world)).held).toBe(kept.length + unlinked.length)
  const items = await world.resources.db.worker((tx) =>
    tx.inventoryItem.count({ where: { system: 'usage', locator: 'usage_event/2025-03', state: 'HELD' } }),
  )
  expect(items).toBe(2)
})

test('a fold that is killed at any of its transactions loses nothing and doubles nothing', async () => {
  const { world, events } = await used(120)
  await hold(world, localId(world.ids.account), keyOf(world.ids.member).id)
  const before = JSON.stringify(await summary(world, BOTH, 'DAY', ['MODEL', 'REGION']))
  world.clock.set(DUE_AT)
  const { db } = world.resources
  let kills = 0
  for (let at = 1; (await state(world)).months.length === 0; at += 1)
    for (const kind of ['before', 'inside'] as const) {
      await foldDueMonths(failing(db, at, kind), world.clock).then(
        () => undefined,
        (error: Error) => {
          expect(error.message).toBe('killed')
          kills += 1
        },
      )
      expect(JSON.stringify(await summary(world, BOTH, 'DAY', ['MODEL', 'REGION']))).toBe(before)
    }
  // The list of months, that of accounts, two accounts one after the other, the end of the month.
  expect(kills).toBeGreaterThanOrEqual(8)
  const march = inMarch(events).length + inMarch(eventsOf(200, 8, [world.ids.other])).length
  const held = inMarch(events).filter((event) => event.subjectId === world.ids.member).length
  expect(await state(world)).toMatchObject({ march: 0, aggregated: march, months: ['2025-03-01'], held })
})

test('what comes, goes or is held after an account was folded is folded again before anything is dropped', async () => {
  const { world, events } = await used(120)
  const { db } = world.resources
  const accountId = localId(world.ids.account)
  world.clock.set(DUE_AT)
  // Both accounts are folded; the end of the month is not reached.
  await expect(foldDueMonths(failing(db, 5, 'before'), world.clock)).rejects.toThrow('killed')
  expect((await state(world)).aggregated).toBeGreaterThan(0)
  const gone = inMarch(events)[5]?.requestId ?? ''
  await db.worker((tx) => tx.usageEvent.deleteMany({ where: { accountId, requestId: gone } }), accountId)
  await hold(world, accountId, keyOf(world.ids.endUser).id)
  const before = JSON.stringify(await summary(world, BOTH, 'DAY', ['ENDPOINT_KIND']))
  expect(await foldDueMonths(db, world.clock)).toBe(1)
  expect(JSON.stringify(await summary(world, BOTH, 'DAY', ['ENDPOINT_KIND']))).toBe(before)
  const held = inMarch(events).filter((each) => each.subjectId === world.ids.endUser && each.requestId !== gone)
  expect((await state(world)).held).toBe(held.length)
})

test('a hold that is lifted before the month ends takes its copies along', async () => {
  const { world } = await used(60)
  const { db } = world.resources
  const { id } = keyOf(world.ids.member)
  await hold(world, localId(world.ids.account), id)
  world.clock.set(DUE_AT)
  await expect(foldDueMonths(failing(db, 5, 'before'), world.clock)).rejects.toThrow('killed')
  expect((await state(world)).held).toBeGreaterThan(0)
  await hold(world, localId(world.ids.account), id, 'LIVE')
  expect(await foldDueMonths(db, world.clock)).toBe(1)
  expect((await state(world)).held).toBe(0)
})

test('workers that fold at once fold once', async () => {
  const { world, events } = await used(200)
  const before = JSON.stringify(await summary(world, BOTH, 'DAY', ['MODEL']))
  world.clock.set(DUE_AT)
  const { db } = world.resources
  const workers = inject('backend') === 'pglite' ? 2 : 3
  const dropped = await Promise.all(Array.from({ length: workers }, () => foldDueMonths(db, world.clock)))
  expect(dropped.reduce((total, each) => total + each, 0)).toBe(1)
  expect(JSON.stringify(await summary(world, BOTH, 'DAY', ['MODEL']))).toBe(before)
  const march = inMarch(events).length + inMarch(eventsOf(200, 8, [world.ids.other])).length
  expect(await state(world)).toMatchObject({ march: 0, aggregated: march, months: ['2025-03-01'] })
})

test('readers that ask while a month is folded are answered the same throughout', async () => {
  const { world } = await used(400)
  const before = JSON.stringify(await summary(world, BOTH, 'DAY', ['REGION']))
  world.clock.set(DUE_AT)
  let isFolding = true
  const fold = foldDueMonths(world.resources.db, world.clock).finally(() => {
    isFolding = false
  })
  let meanwhile = 0
  for (let asked = 0; isFolding || asked < 5; asked += 1) {
    if (isFolding) meanwhile += 1
    expect(JSON.stringify(await summary(world, BOTH, 'DAY', ['REGION']))).toBe(before)
  }
  expect(await fold).toBe(1)
  expect(meanwhile).toBeGreaterThan(0)
})

test('a due month without events is dropped too', async () => {
  const world = await openWorld({ now: RECORDED_AT })
  worlds.push(world)
  await world.resources.db.worker((tx) => tx.$queryRaw`select app.ensure_usage_partition('2024-02-01'::date) as made`)
  expect(await foldDueMonths(world.resources.db, world.clock)).toBe(1)
  expect(await state(world)).toMatchObject({ months: ['2024-02-01'], aggregated: 0 })
})
