import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { createClientWith } from '../../client/src/client.ts'
import type { PrivacyApiError } from '../../client/src/errors.ts'
import type { ClientOptions } from '../../client/src/types.ts'
import { bodyOf, listen, testTools } from './kit.ts'

type Asked = { after: string | null; filter: unknown; authorization: string | undefined; accept: string | undefined }
type Answer = (response: ServerResponse, asked: Asked) => void

const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.close())))

/** A server that answers each request in its turn, the last answer again and again, and what it was asked. */
async function eventServer(...answers: Answer[]) {
  const asked: Asked[] = []
  const server = await listen(async (request, response) => {
    const { query, variables, operationName } = JSON.parse(await bodyOf(request))
    if (operationName !== 'followEvents' || !query.startsWith('subscription')) throw new Error('another operation')
    const { authorization, accept } = request.headers
    asked.push({ after: variables.after ?? null, filter: variables.filter, authorization, accept })
    const answer = answers[Math.min(asked.length, answers.length) - 1]
    answer?.(response, asked.at(-1) as Asked)
  })
  open.push(server)
  return { url: server.url, asked }
}

const begin = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).write(':\n\n')
const eventText = (n: number) =>
  `event: next\nid: c${n}\ndata: ${JSON.stringify({ data: { events: { id: `e${n}`, cursor: `c${n}`, sequence: n } } })}\n\n`
const failureText = (code: string, more: object = {}) =>
  `event: next\ndata: ${JSON.stringify({ errors: [{ message: 'Told so.', extensions: { code, ...more } }] })}\n\n`
const COMPLETE = 'event: complete\ndata:\n\n'

/** Sends these and then leaves the connection open, completes it, or cuts it. */
const send =
  (texts: readonly string[], end: 'stay' | 'complete' | 'cut' = 'stay'): Answer =>
  (response) => {
    begin(response)
    response.write(texts.join(''))
    if (end === 'complete') response.end(COMPLETE)
    if (end === 'cut') setImmediate(() => response.destroy())
  }
const answerJson =
  (code: string, status: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    const body = JSON.stringify({ errors: [{ message: 'Told so.', extensions: { code } }] })
    response.writeHead(status, { 'content-type': 'application/graphql-response+json', ...headers }).end(body)
  }

function clientOf(url: string, options: Partial<ClientOptions> = {}) {
  const { tools, waits, move } = testTools()
  return { client: createClientWith(tools, { url, token: 't0', ...options }), waits, move }
}

type Client = ReturnType<typeof clientOf>['client']

/** The numbers of the first `count` events. */
async function take(client: Client, count: number, variables: { after?: string } = {}): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const { sequence } of client.followEvents(variables)) {
    seen.push(sequence)
    if (seen.length === count) break
  }
  return seen
}

const caught = (promise: Promise<unknown>) =>
  promise.then(
    (value) => {
      throw new Error(`it did not fail: ${value}`)
    },
    (error: PrivacyApiError) => error,
  )

test('events come in order, with what was asked for', async () => {
  const { url, asked } = await eventServer(send([eventText(1), eventText(2)]))
  const { client } = clientOf(url)
  const seen: unknown[] = []
  for await (const event of client.followEvents({ after: 'c0', filter: { kinds: ['subject.created'] } })) {
    seen.push(event)
    if (seen.length === 2) break
  }
  expect(seen).toEqual([
    { id: 'e1', cursor: 'c1', sequence: 1 },
    { id: 'e2', cursor: 'c2', sequence: 2 },
  ])
  expect(asked).toEqual([
    {
      after: 'c0',
      filter: { kinds: ['subject.created'] },
      authorization: 'Bearer t0',
      accept: 'text/event-stream, application/graphql-response+json;q=0.9, application/json;q=0.8',
    },
  ])
})

test('a connection that is cut or completed is taken up after the last event that was given', async () => {
  const { url, asked } = await eventServer(
    send([eventText(1), eventText(2)], 'cut'),
    send([eventText(3)], 'complete'),
    send([], 'cut'),
    send([eventText(4)]),
  )
  const { client, waits } = clientOf(url)
  expect(await take(client, 4)).toEqual([1, 2, 3, 4])
  expect(asked.map(({ after }) => after)).toEqual([null, 'c2', 'c3', 'c3'])
  expect(waits).toEqual([500, 500, 1000])
})

test('half an event before the cut is not given, and comes whole after it', async () => {
  const text = eventText(2)
  for (let at = 1; at < text.length; at += 7) {
    const { url } = await eventServer(send([eventText(1), text.slice(0, at)], 'cut'), (response, asked) =>
      send(asked.after === 'c1' ? [eventText(2)] : [eventText(99)])(response, asked),
    )
    expect(await take(clientOf(url).client, 2)).toEqual([1, 2])
  }
})

test('of 1,000 events over connections that break at any byte none is lost and none comes twice', async () => {
  let connections = 0
  const { url } = await eventServer((response, { after }) => {
    connections += 1
    const from = after === null ? 1 : Number(after.slice(1)) + 1
    const text = Array.from({ length: 40 }, (_, index) => eventText(from + index)).join('')
    begin(response)
    // A cut at another place each time, most of them inside an event.
    response.write(text.slice(0, (connections * 977) % text.length), () => response.destroy())
  })
  const seen = await take(clientOf(url).client, 1_000)
  expect(seen).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
  expect(connections).toBeGreaterThan(25)
})

test('an id without an event names the place to begin from, before any event', async () => {
  const { url, asked } = await eventServer(send(['id: c41\n\n'], 'cut'), send([eventText(42)]))
  expect(await take(clientOf(url).client, 1)).toEqual([42])
  expect(asked.map(({ after }) => after)).toEqual([null, 'c41'])
})

test('while nothing comes the waits grow to 8 seconds; an event sets them back', async () => {
  const failing = Array.from({ length: 6 }, () => answerJson('INTERNAL', 500))
  const { url } = await eventServer(
    ...failing,
    send([eventText(1)], 'cut'),
    answerJson('INTERNAL', 503),
    send([eventText(2)]),
  )
  const { client, waits } = clientOf(url)
  expect(await take(client, 2)).toEqual([1, 2])
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 500, 1000])
})

test('a connection that lasted 5 seconds sets the waits back too', async () => {
  const streams: ServerResponse[] = []
  const { url } = await eventServer(
    answerJson('INTERNAL', 500),
    answerJson('INTERNAL', 500),
    (response) => {
      begin(response)
      streams.push(response)
    },
    send([eventText(1)]),
  )
  const onResponse = () =>
    void setImmediate(() => {
      if (streams.length === 0) return
      follower.move(5)
      streams.pop()?.end()
    })
  const follower = clientOf(url, { onResponse })
  expect(await take(follower.client, 1)).toEqual([1])
  expect(follower.waits).toEqual([500, 1000, 500])
})

test('Retry-After is waited for, up to an hour', async () => {
  const { url } = await eventServer(
    answerJson('RATE_LIMITED', 429, { 'retry-after': '61' }),
    answerJson('TOO_MANY_STREAMS', 429, { 'retry-after': '99999999' }),
    send([eventText(1)]),
  )
  const retried: unknown[] = []
  const { client, waits } = clientOf(url, { onRetry: ({ code, attempt }) => retried.push([attempt, code]) })
  expect(await take(client, 1)).toEqual([1])
  expect(waits).toEqual([61_000, 3_600_000])
  expect(retried).toEqual([
    [1, 'RATE_LIMITED'],
    [2, 'TOO_MANY_STREAMS'],
  ])
})

test('a server that cannot be reached is asked again', async () => {
  const { url } = await eventServer((response) => response.socket?.destroy(), send([eventText(1)]))
  const { client, waits } = clientOf(url)
  expect(await take(client, 1)).toEqual([1])
  expect(waits).toEqual([500])
})

test('a server that never answers is given up after the timeout and asked again', async () => {
  const { url } = await eventServer(() => {}, send([eventText(1)]))
  const codes: string[] = []
  const { client } = clientOf(url, { timeoutSeconds: 0.05, onRetry: ({ code }) => codes.push(code) })
  expect(await take(client, 1)).toEqual([1])
  expect(codes).toEqual(['TIMEOUT'])
})

const tokens = () => {
  const renewals: boolean[] = []
  const token = ({ renew }: { renew: boolean }) => {
    renewals.push(renew)
    return `t${renewals.length}`
  }
  return { token, renewals }
}

test('a token that ends on the way is renewed at once, and no event is lost', async () => {
  const { url, asked } = await eventServer(
    send([eventText(1), failureText('UNAUTHENTICATED')], 'complete'),
    answerJson('INTERNAL', 500),
    answerJson('UNAUTHENTICATED', 401),
    send([eventText(2)]),
  )
  const { token, renewals } = tokens()
  const { client, waits } = clientOf(url, { token })
  expect(await caught(take(client, 2))).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
  expect(waits).toEqual([500])
  expect(renewals).toEqual([false, true, false])
  expect(await take(client, 1, { after: 'c1' })).toEqual([2])
  expect(asked.map(({ after, authorization }) => [after, authorization])).toEqual([
    [null, 'Bearer t1'],
    ['c1', 'Bearer t2'],
    ['c1', 'Bearer t3'],
    ['c1', 'Bearer t4'],
  ])
})

test('token after token is renewed as long as each one brought something', async () => {
  const { url } = await eventServer(
    ...[1, 2, 3, 4].map((n) => send([eventText(n), failureText('UNAUTHENTICATED')], 'complete')),
    send([eventText(5)]),
  )
  const { token, renewals } = tokens()
  const { client, waits } = clientOf(url, { token })
  expect(await take(client, 5)).toEqual([1, 2, 3, 4, 5])
  expect([waits, renewals]).toEqual([[], [false, true, true, true, true]])
})

test.each([
  ['in the answer', answerJson('UNAUTHENTICATED', 401)],
  ['in the stream', send([failureText('UNAUTHENTICATED')], 'complete')],
])('a second token that is refused %s ends it, and so does a fixed token at once', async (_where, refuse) => {
  const { url, asked } = await eventServer(refuse)
  const { token, renewals } = tokens()
  expect(await caught(take(clientOf(url, { token }).client, 1))).toMatchObject({ code: 'UNAUTHENTICATED' })
  expect([asked.length, renewals]).toEqual([2, [false, true]])
  expect(await caught(take(clientOf(url).client, 1))).toMatchObject({ code: 'UNAUTHENTICATED' })
  expect(asked.length).toBe(3)
})

test.each([
  ['FORBIDDEN', {}],
  ['CURSOR_EXPIRED', { field: 'after', oldestCursor: 'c7' }],
  ['BAD_USER_INPUT', { field: 'after' }],
])('%s ends it with what the server said, also after events', async (code, details) => {
  const { url, asked } = await eventServer(send([eventText(1), failureText(code, details)]))
  const { client, waits } = clientOf(url)
  expect(await caught(take(client, 2))).toMatchObject({ name: 'PrivacyApiError', code, retryable: false, details })
  expect([asked.length, waits]).toEqual([1, []])
})

test.each([
  [
    'a page of HTML',
    (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  ],
  ['a redirect', (response: ServerResponse) => response.writeHead(307, { location: 'http://127.0.0.1:1' }).end()],
  ['a stream of something else', send(['event: next\ndata: hello\n\n'])],
] as [string, Answer][])('%s ends it with HTTP_ERROR', async (_what, answer) => {
  const { url } = await eventServer(answer)
  expect(await caught(take(clientOf(url).client, 1))).toMatchObject({ code: 'HTTP_ERROR', retryable: false })
})

test('aborting ends the loop, while it waits for an event, for the server and for the next try', async () => {
  const answers: Answer[] = [send([eventText(1)]), () => {}, answerJson('INTERNAL', 500)]
  for (const answer of answers) {
    const controller = new AbortController()
    const { url } = await eventServer((response, asked) => {
      answer(response, asked)
      setImmediate(() => controller.abort())
    })
    const seen: unknown[] = []
    const { tools } = testTools()
    const client = createClientWith(
      { ...tools, wait: () => new Promise(() => controller.signal.throwIfAborted()) },
      { url, token: 't' },
    )
    for await (const { sequence } of client.followEvents({}, { signal: controller.signal })) seen.push(sequence)
    expect(seen.length).toBeLessThan(2)
  }
})

test('a signal that was aborted before sends nothing', async () => {
  const { url, asked } = await eventServer(send([eventText(1)]))
  const { client } = clientOf(url)
  for await (const event of client.followEvents({}, { signal: AbortSignal.abort() })) throw new Error(`${event}`)
  expect(asked.length).toBe(0)
})

test('leaving the loop closes the connection', async () => {
  let closed: Promise<unknown> = Promise.resolve()
  const { url } = await eventServer((response, asked) => {
    closed = new Promise((resolve) => response.on('close', resolve))
    send([eventText(1), eventText(2)])(response, asked)
  })
  expect(await take(clientOf(url).client, 1)).toEqual([1])
  await closed
})

test('an unknown option is refused', async () => {
  const { url } = await eventServer(send([]))
  const options = { timeout: 3 } as object
  await expect(clientOf(url).client.followEvents({}, options).next()).rejects.toThrow(/Unknown option of a call/)
})
