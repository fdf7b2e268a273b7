import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { inference, type Who } from './calls.ts'
import { recordTrace } from './usage-events-kit.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
  // Sixty events in three milliseconds: most pages end within one.
  const events = Array.from({ length: 60 }, (_, index) =>
    inference(`e-${String(index).padStart(2, '0')}`, {
      occurredAt: `2026-03-10T10:00:00.00${index % 3}Z`,
      model: index % 2 ? 'm/odd' : 'm/even',
      subjectId: index % 5 ? null : index % 10 ? world.ids.member : world.ids.endUser,
    }),
  )
  await recordTrace(world, world.ids.account, events)
  await recordTrace(world, world.ids.account, [
    {
      occurredAt: '2026-03-11T10:00:00.000Z',
      requestId: 'view',
      kind: 'PAGE_VIEW',
      page: '/docs/start',
      ip: '203.0.113.77',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
      subjectId: world.ids.member,
    },
  ])
  await recordTrace(world, world.ids.otherAccount, [inference('e-00', { occurredAt: '2026-03-10T10:00:00.000Z' })])
})
afterAll(() => world.close())

const QUERY = `query($f: UsageEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  usageEvents(filter: $f, first: $first, after: $after, last: $last, before: $before) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { accountId requestId occurredAt } } } }`

type Page = {
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null }
  ids: string[]
}

async function ask(as: Who, variables: object): Promise<Page> {
  const { data, errors } = await world.ask(as, QUERY, variables)
  expect(errors).toBeUndefined()
  const { pageInfo, edges } = data.usageEvents
  return { pageInfo, ids: edges.map(({ node }: { node: { requestId: string } }) => node.requestId) }
}

async function walk(as: Who, first: number, f: object = {}): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | null = null; ; ) {
    const page: Page = await ask(as, { f, first, after })
    ids.push(...page.ids)
    after = page.pageInfo.endCursor
    if (!page.pageInfo.hasNextPage) return ids
  }
}

const LATEST_FIRST = ['view', ...[2, 1, 0].flatMap((ms) => Array.from({ length: 20 }, (_, i) => 57 + ms - 3 * i))].map(
  (each) => (typeof each === 'string' ? each : `e-${String(each).padStart(2, '0')}`),
)

test('pages of any size hold every event once, latest first, also within a millisecond', async () => {
  for (const first of [1, 7, 20, 100]) expect(await walk('subject', first)).toEqual(LATEST_FIRST)
})

test('pages backward are the same', async () => {
  const ids: string[] = []
  for (let before: string | null = null; ; ) {
    const page: Page = await ask('subject', { last: 13, before })
    ids.unshift(...page.ids)
    before = page.pageInfo.startCursor
    if (!page.pageInfo.hasPreviousPage) break
  }
  expect(ids).toEqual(LATEST_FIRST)
})

test('events that come in between pages move nothing that follows', async () => {
  const first = await ask('otherSubject', { first: 1 })
  expect(first.ids).toEqual(['e-00'])
  await recordTrace(world, world.ids.otherAccount, [
    inference('later', { occurredAt: '2026-03-12T00:00:00.000Z' }),
    inference('older', { occurredAt: '2026-03-01T00:00:00.000Z' }),
  ])
  const next = await ask('otherSubject', { first: 10, after: first.pageInfo.endCursor })
  expect(next.ids).toEqual(['older'])
})

test('events are filtered by time, kind, model and person', async () => {
  const count = async (f: object) => (await walk('subject', 100, f)).length
  expect({
    from: await count({ from: '2026-03-10T10:00:00.002Z' }),
    to: await count({ to: '2026-03-10T10:00:00.001Z' }),
    kind: await count({ kind: 'PAGE_VIEW' }),
    model: await count({ model: 'm/odd' }),
    subject: await count({ subjectId: world.ids.member }),
    all: await count({
      subjectId: world.ids.member,
      kind: 'INFERENCE',
      model: 'm/odd',
      to: '2026-03-10T10:00:00.001Z',
    }),
    foreign: await count({ accountId: world.ids.otherAccount }),
    foreignSubject: await count({ subjectId: world.ids.other }),
  }).toEqual({ from: 21, to: 20, kind: 1, model: 30, subject: 7, all: 2, foreign: 0, foreignSubject: 0 })
})

test('a member sees its own events, machines of the account all, gateways and processors none', async () => {
  expect((await walk({ token: await world.memberToken() }, 100)).length).toBe(7)
  expect((await walk('integration', 100)).length).toBe(61)
  expect((await walk('staff', 100, { accountId: world.ids.account })).length).toBe(61)
  for (const as of ['gateway', 'processor'] as const) {
    const { errors } = await world.ask(as, QUERY)
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  }
})

test('of an address its network is kept, of a device its families', async () => {
  const query = `{ usageEvents(filter: { kind: PAGE_VIEW }) { edges { node { kind addressPrefix browser os page subjectId
    model endpointKind inputTokens outputTokens payloadBytes latencyMs region recordedAt } } } }`
  const { data } = await world.ask('subject', query)
  expect(data.usageEvents.edges).toEqual([
    {
      node: {
        kind: 'PAGE_VIEW',
        addressPrefix: '203.0.113.0/24',
        browser: 'FIREFOX',
        os: 'LINUX',
        page: '/docs/start',
        subjectId: world.ids.member,
        model: null,
        endpointKind: null,
        inputTokens: null,
        outputTokens: null,
        payloadBytes: null,
        latencyMs: null,
        region: null,
        recordedAt: '2026-03-15T12:00:00.000Z',
      },
    },
  ])
})

test('cursors that no answer gave out are refused in words, on every list', async () => {
  const connections = ['usageEvents', 'subjects', 'accounts', 'auditEvents', 'apiClients']
  const cursor = (text: string) => Buffer.from(text).toString('base64')
  const cursors = ['x', '', cursor('GPC:J:["x","y","z"]'), cursor('GPC:J:["x","y"]'), cursor('GPC:S:nonsense')]
  cursors.push(cursor('GPC:J:{"a":1}'), cursor('GPC:N:1'), cursor('GPC:J:["\u0000","\u0000"]'), cursor('GPC:J:[null]'))
  const codes: string[] = []
  for (const field of connections)
    for (const after of cursors) {
      const { errors } = await world.ask('staff', `query($a: String) { ${field}(after: $a) { edges { cursor } } }`, {
        a: after,
      })
      codes.push(
        `${field} ${JSON.stringify(Buffer.from(after, 'base64').toString())} ${errors?.[0]?.extensions['code']}`,
      )
    }
  expect(codes.length).toBe(45)
  expect(codes.filter((each) => !each.endsWith(' BAD_USER_INPUT'))).toEqual([])
})

test('instants outside the calendar are refused in words', async () => {
  for (const instant of ['0000-01-01T00:00:00Z', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', 'now', '1e9']) {
    const { errors } = await world.ask('subject', QUERY, { f: { from: instant } })
    expect([instant, errors?.[0]?.extensions['code']]).toEqual([instant, 'BAD_USER_INPUT'])
  }
  expect(await walk('subject', 100, { to: '0001-01-01T00:00:00Z' })).toEqual([])
  expect(await walk('subject', 100, { from: '9999-12-31T23:59:59.999Z' })).toEqual([])
})
