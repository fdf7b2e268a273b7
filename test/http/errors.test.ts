import { expect, test } from 'vitest'
import { answerOf, CANARY, createTestWire } from './wire-kit.ts'

const ID = { 'x-request-id': 'request-1' }

async function errorsOf(query: string, variables?: unknown, headers: Record<string, string> = ID) {
  const wire = createTestWire()
  const response = await wire.post({ query, variables }, headers)
  return { wire, response, answer: await answerOf(response) }
}

test('a bug is answered as INTERNAL without its text and logged once with the request id', async () => {
  const { wire, response, answer } = await errorsOf('{ boom }')
  expect(response.status).toBe(200)
  expect(answer).toEqual({
    data: { boom: null },
    errors: [
      {
        message: 'Internal error',
        locations: [{ line: 1, column: 3 }],
        path: ['boom'],
        extensions: { code: 'INTERNAL', requestId: 'request-1' },
      },
    ],
  })
  const faults = wire.lines.filter((line) => line.includes('request.failed')).map((line) => JSON.parse(line))
  expect(faults).toHaveLength(1)
  expect(faults[0]).toMatchObject({ level: 'error', requestId: 'request-1', error: { name: 'Error' } })
  expect(faults[0].error.stack[0]).toMatch(/^\S*boom test\/http\/wire-kit\.ts:\d+:\d+$/)
  expect(wire.lines.join('')).not.toContain('canary')
})

test.each([['leak'], ['wrong']])('a GraphQL error without a code of ours is masked (%s)', async (field) => {
  const { wire, answer } = await errorsOf(`{ ${field} }`)
  expect(answer.errors?.map(({ message, extensions }) => [message, extensions.code])).toEqual([
    ['Internal error', 'INTERNAL'],
  ])
  expect(JSON.stringify(answer) + wire.lines.join('')).not.toContain('canary')
})

test('a root field that the scopes do not open has one text', async () => {
  const { answer } = await errorsOf('{ closed me }')
  expect(answer).toEqual({
    data: { closed: null, me: 'INTEGRATION' },
    errors: [
      {
        message: 'Not available to this caller.',
        locations: [{ line: 1, column: 3 }],
        path: ['closed'],
        extensions: { code: 'FORBIDDEN', requestId: 'request-1' },
      },
    ],
  })
})

test('a refused token is answered 401 with a challenge, also for a document that cannot be parsed', async () => {
  for (const query of ['{ me }', '{ no such', '{ nothing }']) {
    const { wire, response, answer } = await errorsOf(query, undefined, { ...ID, authorization: 'Bearer forged' })
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"'])
    expect(answer).toEqual({
      errors: [
        {
          message: 'The access token is missing, malformed, expired or not valid here.',
          extensions: { code: 'UNAUTHENTICATED', requestId: 'request-1' },
        },
      ],
    })
    expect(wire.lines.map((line) => JSON.parse(line).reason)).toEqual(['signature'])
  }
})

test('a failing authentication that is no refusal is INTERNAL, with status 500', async () => {
  const wire = createTestWire({ authenticate: () => Promise.reject(new Error(CANARY)) })
  const response = await wire.post({ query: '{ me }' }, ID)
  expect([response.status, await answerOf(response)]).toEqual([
    500,
    { errors: [{ message: 'Internal error', extensions: { code: 'INTERNAL', requestId: 'request-1' } }] },
  ])
  expect(wire.lines.join('')).not.toContain('canary')
})

test('variables that do not fit are named by path and reason, never by value', async () => {
  const document = 'query($i: Inner!, $n: Int!, $m: Int!) { hello(inner: $i, count: $n) a: hello(count: $m) }'
  const inner = { email: CANARY, colour: CANARY, names: ['a', null], inner: { count: CANARY, [CANARY]: 1 } }
  const { answer } = await errorsOf(document, { i: inner, n: null })
  expect(answer.errors?.map(({ message, extensions }) => `${extensions.code} ${message}`)).toMatchInlineSnapshot(`
    [
      "BAD_USER_INPUT Variable "$i" at "i.email": the value does not fit the type "Email".",
      "BAD_USER_INPUT Variable "$i" at "i.names[1]": type "String!" must not be null.",
      "BAD_USER_INPUT Variable "$i" at "i.inner.count": the value does not fit the type "Int".",
      "BAD_USER_INPUT Variable "$i" at "i.inner": it has a field that type "Inner" does not define.",
      "BAD_USER_INPUT Variable "$i" at "i.colour": the value does not fit the type "Colour".",
      "BAD_USER_INPUT Variable "$n" of type "Int!" must not be null.",
      "BAD_USER_INPUT Variable "$m" of required type "Int!" was not provided.",
    ]
  `)
})

test('syntax errors and literals lose the text that was sent and keep the place', async () => {
  const texts: unknown[] = []
  for (const query of [
    `{ hello "${CANARY}" }`,
    `{ hello(count: "${CANARY}") }`,
    `{ hello(email: "${CANARY}") }`,
    '{ hello(inner: {colour: BLUE}) }',
    'mutation { record(input: {name: "x"}) }',
    '{ helo }',
  ]) {
    const { answer } = await errorsOf(query)
    texts.push(answer.errors?.map(({ message, locations }) => `${message} ${JSON.stringify(locations ?? [])}`).join())
  }
  expect(texts).toMatchInlineSnapshot(`
    [
      "Syntax error: expected Name, found String. [{"line":1,"column":9}]",
      "A literal does not fit its type. [{"line":1,"column":16}]",
      "A literal does not fit its type. []",
      "A literal does not fit its type. [{"line":1,"column":25}]",
      "Field "RecordInput.events" of required type "[Inner!]!" was not provided. [{"line":1,"column":26}]",
      "Cannot query field "helo" on type "Query". [{"line":1,"column":3}]",
    ]
  `)
})

test('suggestions are made in development only', async () => {
  const wire = createTestWire({ development: true })
  expect((await answerOf(await wire.post({ query: '{ helo }' }))).errors?.[0]?.message).toContain(
    'Did you mean "hello"',
  )
})

test('an error in a stream of events is masked and logged', async () => {
  const wire = createTestWire()
  const response = await wire.post({ query: 'subscription { ticks }' }, { ...ID, accept: 'text/event-stream' })
  const text = await response.text()
  expect(text).toContain('{"data":{"ticks":1}}')
  expect(text).toContain('"code":"INTERNAL"')
  expect(text + wire.lines.join('')).not.toContain('canary')
})

test('an access line says who, what, how it ended and nothing of the arguments', async () => {
  const { wire } = await errorsOf('query($n: String) { hello(name: $n) me }', { n: CANARY })
  expect(wire.lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      event: 'graphql.request',
      requestId: 'request-1',
      principal: 'INTEGRATION',
      operation: 'query',
      fields: ['hello', 'me'],
      status: 200,
      durationMs: 0,
    },
  ])
})

test('every answer has a request id, the one sent when it is well formed', async () => {
  const wire = createTestWire()
  const sent = await wire.post({ query: '{ me }' }, ID)
  const broken = await wire.post({ query: '{ me }' }, { 'x-request-id': 'jane doe' })
  expect(sent.headers.get('x-request-id')).toBe('request-1')
  expect(broken.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})
