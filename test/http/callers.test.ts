import { getIntrospectionQuery } from 'graphql'
import { describe, expect, test } from 'vitest'
import { anonymousSession } from '../../src/auth/session.ts'
import { createRateLimits } from '../../src/http/rate-limit.ts'
import { answerOf, createTestWire, type TestWire } from './wire-kit.ts'

const full = { descriptions: true, schemaDescription: true, specifiedByUrl: true, directiveIsRepeatable: true }
const INTROSPECTION = getIntrospectionQuery({ ...full, inputValueDeprecation: true, oneOf: true })

const anonymous = (wire: TestWire, query: string, headers: Record<string, string> = {}) =>
  wire.yoga.fetch('http://api.example/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  })

describe('introspection', () => {
  test('the query of GraphiQL passes all limits with a token, and in development without', async () => {
    const answers = [
      await answerOf(await createTestWire().post({ query: INTROSPECTION })),
      await answerOf(await anonymous(createTestWire({ development: true }), INTROSPECTION)),
    ]
    for (const { data, errors } of answers) {
      expect(errors).toBeUndefined()
      expect(Object.keys(data ?? {})).toEqual(['__schema'])
    }
  })

  test.each([
    ['{ __schema { queryType { name } } }'],
    ['{ __type(name: "Item") { name } }'],
    ['{ ...A } fragment A on Query { ... { a: __schema { queryType { name } } } }'],
  ])('is refused without a token: %s', async (query) => {
    const response = await anonymous(createTestWire(), query)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer, DPoP algs="ES256 ES384 EdDSA Ed25519 RS256 PS256"',
    ])
    expect((await answerOf(response)).errors?.[0]?.message).toBe('Introspection needs an access token.')
  })

  test('__typename is open to everyone', async () => {
    expect(await answerOf(await anonymous(createTestWire(), '{ __typename }'))).toEqual({
      data: { __typename: 'Query' },
    })
  })
})

describe('rate limits', () => {
  const few = () => createRateLimits({ callerPerMinute: 3, anonymousPerMinute: 2, failuresPerMinute: 2 })
  const statuses = async (count: number, send: () => PromiseLike<Response> | Response) => {
    const found: number[] = []
    for (let sent = 0; sent < count; sent += 1) found.push((await send()).status)
    return found
  }

  test('a caller has a quota, is told it, and is refused beyond it with the time to wait', async () => {
    const wire = createTestWire({ rateLimits: few() })
    const first = await wire.post({ query: '{ me }' })
    expect(first.headers.get('ratelimit-policy')).toBe('"caller";q=3;w=60')
    expect(first.headers.get('ratelimit')).toBe('"caller";r=2;t=60')
    expect(await statuses(2, () => wire.post({ query: '{ me }' }))).toEqual([200, 200])
    const refused = await wire.post({ query: '{ me }' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
    expect(refused.headers.get('ratelimit')).toBe('"caller";r=0;t=60')
    const [error] = (await answerOf(refused)).errors ?? []
    expect([error?.extensions.code, error?.extensions.retryAfterSeconds]).toEqual(['RATE_LIMITED', 60])
    expect(JSON.parse(wire.lines.at(-1) ?? '{}')).toMatchObject({ codes: ['RATE_LIMITED'], limiter: 'caller' })
    expect(await wire.metrics.registry.metrics()).toContain('rate_limited_total{limiter="caller"} 1')
  })

  test('documents that fail count too', async () => {
    const wire = createTestWire({ rateLimits: few() })
    expect(await statuses(3, () => wire.post({ query: '{ nothing }' }))).toEqual([200, 200, 200])
    expect((await wire.post({ query: '{ me }' })).status).toBe(429)
  })

  test('requests without a token share the quota of their address', async () => {
    const wire = createTestWire({ rateLimits: few() })
    expect(await statuses(3, () => anonymous(wire, '{ me }'))).toEqual([200, 200, 429])
    expect((await wire.post({ query: '{ me }' })).status).toBe(200)
  })

  test('an address that presents refused tokens is told so a number of times; good ones from there pass', async () => {
    const wire = createTestWire({ rateLimits: few() })
    const bad = { authorization: 'Bearer forged' }
    expect(await statuses(3, () => wire.post({ query: '{ me }' }, bad))).toEqual([401, 401, 429])
    expect((await wire.post({ query: '{ me }' })).status).toBe(200)
    expect((await anonymous(wire, '{ me }')).status).toBe(429)
  })

  test('persons who are nobody here do not share one quota', async () => {
    const unlinked = { ...anonymousSession, principal: 'SUBJECT' as const }
    const wire = createTestWire({ rateLimits: few(), authenticate: async () => unlinked })
    expect(await statuses(3, () => wire.post({ query: '{ me }' }))).toEqual([200, 200, 429])
    expect(JSON.parse(wire.lines.at(-1) ?? '{}')).toMatchObject({ limiter: 'anonymous' })
  })

  test('a good token of nobody here counts by address', async () => {
    const wire = createTestWire({ rateLimits: few(), authenticate: async () => anonymousSession })
    expect(await statuses(3, () => wire.post({ query: '{ me }' }))).toEqual([200, 200, 429])
  })
})

describe('CORS', () => {
  const origin = 'https://app.example'
  const headersOf = ({ headers }: Response) =>
    Object.fromEntries([...headers].filter(([name]) => name === 'vary' || name.startsWith('access-control-')))

  test('a listed origin may call, without credentials', async () => {
    const wire = createTestWire({ cors: { origins: [origin] } })
    expect(headersOf(await wire.post({ query: '{ me }' }, { origin }))).toEqual({
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After',
    })
    const preflight = await wire.yoga.fetch('http://api.example/graphql', { method: 'OPTIONS', headers: { origin } })
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, POST'])
  })

  test.each([['https://evil.example'], ['https://app.example.evil.example'], ['null'], ['http://app.example']])(
    'another origin is not echoed: %s',
    async (other) => {
      for (const origins of [[], [origin]]) {
        const wire = createTestWire({ cors: { origins } })
        const preflight = await wire.yoga.fetch('http://api.example/graphql', {
          method: 'OPTIONS',
          headers: { origin: other, 'access-control-request-method': 'POST' },
        })
        for (const response of [preflight, await wire.post({ query: '{ me }' }, { origin: other })])
          expect(Object.keys(headersOf(response)).filter((name) => name !== 'vary')).toEqual([])
      }
    },
  )

  test.each([['*'], ['https://app.example/'], ['https://*.example'], ['null'], ['app.example']])(
    'a start with the entry %s is refused',
    (entry) => expect(() => createTestWire({ cors: { origins: [entry] } })).toThrow('exact origin'),
  )
})

describe('GraphiQL', () => {
  const tabs = [{ title: 'Gateway', query: '{ me }', headers: { authorization: 'Bearer demo' } }]
  const open = (wire: TestWire) =>
    wire.yoga.fetch('http://api.example/graphql', { headers: { accept: 'text/html,*/*' } })

  test('is served in development with a tab per principal and loads nothing from elsewhere', async () => {
    const response = await open(createTestWire({ development: true, graphiqlTabs: tabs }))
    const page = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page).toContain('# Gateway\\n{ me }')
    expect(page).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?\/\//)
  })

  test('is not served otherwise', async () => {
    expect((await open(createTestWire({ graphiqlTabs: tabs }))).status).toBe(403)
  })
})
