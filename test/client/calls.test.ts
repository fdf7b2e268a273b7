import { expect, test } from 'vitest'
import { createClientWith } from '../../client/src/client.ts'
import type { PrivacyApiError } from '../../client/src/errors.ts'
import type { ClientOptions } from '../../client/src/types.ts'
import { failure, json, scriptedFetch, testTools } from './kit.ts'

const VIEWER = json({ data: { viewer: { principal: 'STAFF' } } })
const SUBJECT = { data: { createSubject: { __typename: 'CreateSubjectSuccess' } } }

function setup(answers: Parameters<typeof scriptedFetch>, options: Partial<ClientOptions> = {}) {
  const { tools, waits, move } = testTools()
  const { fetch, seen } = scriptedFetch(...answers)
  const client = createClientWith(tools, { url: 'http://api.test', token: 't0', fetch, ...options })
  const inputs = () => seen.map(({ body }) => JSON.parse(body).variables.input)
  return { client, seen, waits, move, inputs }
}

const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: PrivacyApiError) => error,
  )

test('a request carries the operation, the token, the account and an id, and goes to /graphql', async () => {
  const { client, seen } = setup([VIEWER.clone()], { accountId: 'a-1', headers: { 'X-Trace': 'one' } })
  expect(await client.viewer({}, { headers: { 'x-trace': 'two' } })).toEqual({ principal: 'STAFF' })
  expect(seen[0]?.url).toBe('http://api.test/graphql')
  expect(seen[0]?.headers).toEqual({
    accept: 'application/graphql-response+json, application/json;q=0.9',
    authorization: 'Bearer t0',
    'content-type': 'application/json',
    'x-account-id': 'a-1',
    'x-request-id': 'id-1',
    'x-trace': 'two',
  })
  const { query, ...rest } = JSON.parse(seen[0]?.body ?? '')
  expect(query).toMatch(/^query viewer\{viewer\{principal scopes/)
  expect(rest).toEqual({ operationName: 'viewer', variables: {} })
})

test.each([
  ['no answer', new Error('ECONNRESET'), 'NETWORK'],
  ['a busy server', failure('RATE_LIMITED', 429), 'RATE_LIMITED'],
  ['a bug', failure('INTERNAL', 500), 'INTERNAL'],
  ['a call that still runs', failure('IDEMPOTENCY_KEY_IN_PROGRESS'), 'IDEMPOTENCY_KEY_IN_PROGRESS'],
  ['keys of an issuer that are out of reach', failure('ISSUER_UNAVAILABLE', 503), 'ISSUER_UNAVAILABLE'],
  ['a proxy without a server', new Response('<html>', { status: 502 }), 'HTTP_ERROR'],
])('a query is tried again after %s', async (_what, answer, code) => {
  const retried: unknown[] = []
  const { client, waits, seen } = setup([answer, VIEWER.clone()], { onRetry: (event) => retried.push(event) })
  expect(await client.viewer()).toEqual({ principal: 'STAFF' })
  expect(seen.length).toBe(2)
  expect(waits).toEqual([500])
  expect(retried).toEqual([{ operation: 'viewer', requestId: 'id-1', attempt: 1, code, delayMs: 500 }])
})

test('after two more tries the last failure is told', async () => {
  const { client, waits, seen } = setup([failure('INTERNAL', 500), new Error('reset'), failure('INTERNAL', 500)])
  expect(await caught(client.viewer())).toMatchObject({ code: 'INTERNAL', status: 500, retryable: true })
  expect(seen.length).toBe(3)
  expect(waits).toEqual([500, 1000])
})

test('the wait grows to 8 seconds and no further', async () => {
  const { client, waits } = setup(
    Array.from({ length: 8 }, () => failure('INTERNAL', 500)),
    { retriesMax: 7 },
  )
  await caught(client.viewer())
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000])
})

test.each([
  ['FORBIDDEN', 200],
  ['BAD_USER_INPUT', 400],
  ['UNAUTHENTICATED', 401],
])('%s is told at once', async (code, status) => {
  const { client, waits, seen } = setup([failure(code, status, { 'x-request-id': 'r-9' })])
  expect(await caught(client.viewer())).toMatchObject({ code, status, requestId: 'r-9', retryable: false })
  expect([seen.length, waits]).toEqual([1, []])
})

test('Retry-After decides the wait, up to 60 seconds; beyond that the failure is told', async () => {
  const asked = (value: string) => failure('RATE_LIMITED', 429, { 'retry-after': value })
  const { client, waits } = setup([asked('60'), asked('Thu, 01 Jan 1970 00:00:07 GMT'), VIEWER.clone(), asked('61')])
  await client.viewer()
  expect(waits).toEqual([60_000, 7_000])
  expect(await caught(client.viewer())).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 61 })
})

test('a mutation carries the same idempotency key in every try and another one in every call', async () => {
  const { client, inputs } = setup([new Error('reset'), failure('INTERNAL', 500), json(SUBJECT), json(SUBJECT)])
  await client.createSubject({ reference: 'r' })
  await client.createSubject({ reference: 'r' })
  expect(inputs()).toEqual([
    { reference: 'r', idempotencyKey: 'id-1' },
    { reference: 'r', idempotencyKey: 'id-1' },
    { reference: 'r', idempotencyKey: 'id-1' },
    { reference: 'r', idempotencyKey: 'id-3' },
  ])
})

test('a key of the caller is kept', async () => {
  const { client, inputs } = setup([json(SUBJECT)])
  await client.createSubject({ reference: 'r', idempotencyKey: 'my-own-key' })
  expect(inputs()).toEqual([{ reference: 'r', idempotencyKey: 'my-own-key' }])
})

test('a raw mutation with its whole input is keyed and tried again, any other is sent once', async () => {
  const { client, inputs, seen } = setup([new Error('reset'), json(SUBJECT), new Error('reset')])
  const whole = 'mutation M($input: CreateSubjectInput!) { createSubject(input: $input) { __typename } }'
  expect(await client.request(whole, { input: { reference: 'r' } })).toEqual(SUBJECT.data)
  expect(inputs().map(({ idempotencyKey }) => idempotencyKey)).toEqual(['id-1', 'id-1'])
  const other = '# query\nmutation { createSubject(input: {reference: "query"}) { __typename } }'
  expect(await caught(client.request(other))).toMatchObject({ code: 'NETWORK' })
  expect(seen.length).toBe(3)
})

test('a raw query is tried again, also when a string in it says mutation', async () => {
  const { client, seen } = setup([new Error('reset'), json({ data: { a: 1 } })])
  expect(await client.request('query Q { a(b: "mutation { x }") # mutation\n }')).toEqual({ a: 1 })
  expect(JSON.parse(seen[1]?.body ?? '').operationName).toBe('Q')
})

test('an answer with data and a failure is a failure', async () => {
  const { client } = setup([
    json({ data: { account: null }, errors: [{ message: 'x', extensions: { code: 'FORBIDDEN' } }] }),
  ])
  expect(await caught(client.account({ id: 'x' }))).toMatchObject({ code: 'FORBIDDEN', requestId: 'id-1' })
})

test.each([
  ['not JSON', new Response('<html>')],
  ['JSON of another kind', json([])],
  ['nothing', json({ data: null })],
  ['a redirect', new Response(null, { status: 307, headers: { location: 'http://elsewhere.test' } })],
])('an answer of %s is a failure that is told at once', async (_what, answer) => {
  const { client } = setup([answer])
  expect(await caught(client.viewer())).toMatchObject({ code: 'HTTP_ERROR', retryable: false })
})

test('a bigint and a Date of the caller travel exactly', async () => {
  const { client, inputs } = setup([json({ data: { openUsageImport: {} } }), json({ data: { recordUsage: {} } })])
  await client.openUsageImport({ accountId: 'a', fileHash: 'f', shiftMs: 2n ** 60n })
  const event = { occurredAt: new Date(0), requestId: 'r', kind: 'API_REQUEST' as const }
  await client.recordUsage({ accountId: 'a', events: [event] })
  expect(inputs()[0].shiftMs).toBe('1152921504606846976')
  expect(inputs()[1].events[0].occurredAt).toBe('1970-01-01T00:00:00.000Z')
})

test('hooks see each try and no body, variable or header', async () => {
  const events: object[] = []
  const log = (name: string) => (event: object) => events.push({ name, ...event })
  const hooks = { onRequest: log('request'), onResponse: log('response'), onRetry: log('retry') }
  const { client } = setup([failure('INTERNAL', 500), json(SUBJECT)], hooks)
  await client.createSubject({ reference: 'secret' })
  const event = { operation: 'createSubject', requestId: 'id-2' }
  expect(events).toEqual([
    { name: 'request', ...event, attempt: 1 },
    { name: 'response', ...event, attempt: 1, status: 500, durationMs: 0 },
    { name: 'retry', ...event, attempt: 1, code: 'INTERNAL', delayMs: 500 },
    { name: 'request', ...event, attempt: 2 },
    { name: 'response', ...event, attempt: 2, status: 200, durationMs: 0 },
  ])
})

test('a call that was aborted before sends nothing and rejects with the reason', async () => {
  const { client, seen } = setup([])
  const reason = new Error('enough')
  expect(await caught(client.viewer({}, { signal: AbortSignal.abort(reason) }))).toBe(reason)
  expect(seen.length).toBe(0)
})
