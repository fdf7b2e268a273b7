import { afterEach, expect, test } from 'vitest'
import { createClientWith } from '../../client/src/client.ts'
import { createClient } from '../../client/src/index.ts'
import { bodyOf, listen, testTools } from './kit.ts'

const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.close())))

async function server(...args: Parameters<typeof listen>) {
  const listening = await listen(...args)
  open.push(listening)
  return listening.url
}

test('a server that never answers ends in TIMEOUT, and is tried three times', async () => {
  let requests = 0
  const url = await server(() => {
    requests += 1
  })
  const { tools, waits } = testTools()
  const client = createClientWith(tools, { url, token: 't', timeoutSeconds: 0.05 })
  await expect(client.viewer()).rejects.toMatchObject({ code: 'TIMEOUT', status: null, requestId: 'id-1' })
  expect([requests, waits]).toEqual([3, [500, 1000]])
})

test('the timeout covers the body of the answer too', async () => {
  const url = await server((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"data"')
  })
  const client = createClient({ url, token: 't', retriesMax: 0 })
  await expect(client.viewer({}, { timeoutSeconds: 0.05 })).rejects.toMatchObject({ code: 'TIMEOUT' })
})

test('a caller can end a call while it runs, and is given its own reason', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const url = await server(() => controller.abort(reason))
  const client = createClient({ url, token: 't' })
  await expect(client.viewer({}, { signal: controller.signal })).rejects.toBe(reason)
})

test('a caller can end a call while it waits to be tried again', async () => {
  const controller = new AbortController()
  const url = await server((_request, response) => response.writeHead(503, { 'retry-after': '60' }).end())
  const client = createClient({ url, token: 't', onRetry: () => queueMicrotask(() => controller.abort()) })
  await expect(client.viewer({}, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
})

test('a connection that breaks twice is tried again with the same idempotency key', async () => {
  const keys: string[] = []
  const url = await server(async (request, response) => {
    keys.push(JSON.parse(await bodyOf(request)).variables.input.idempotencyKey)
    if (keys.length < 3) request.socket.destroy()
    else response.end('{"data":{"createSubject":{"__typename":"ReferenceTaken"}}}')
  })
  const client = createClientWith(testTools().tools, { url, token: 't' })
  expect(await client.createSubject({ reference: 'r' })).toEqual({ __typename: 'ReferenceTaken' })
  expect(keys).toEqual(['id-1', 'id-1', 'id-1'])
})

test('a server that asks to come back at once is asked at once', async () => {
  let requests = 0
  const url = await server((_request, response) => {
    requests += 1
    if (requests < 3) response.writeHead(503, { 'retry-after': '0' }).end()
    else response.end('{"data":{"viewer":"ok"}}')
  })
  expect(await createClient({ url, token: 't' }).viewer()).toBe('ok')
  expect(requests).toBe(3)
})

test('neither token nor body follows a redirect', async () => {
  let reached = 0
  const elsewhere = await server((_request, response) => {
    reached += 1
    response.end('{"data":{"viewer":"stolen"}}')
  })
  const url = await server((_request, response) => response.writeHead(307, { location: elsewhere }).end())
  await expect(createClient({ url, token: 't' }).viewer()).rejects.toMatchObject({ code: 'HTTP_ERROR', status: 307 })
  expect(reached).toBe(0)
})
