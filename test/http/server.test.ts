import { once } from 'node:events'
import { request as httpRequest, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { securityHeaders } from '../../src/http/headers.ts'
import { healthListener, metricsListener, readyListener } from '../../src/http/health.ts'
import { countAnswer } from '../../src/http/metrics.ts'
import { createRateLimits, limitByAddress } from '../../src/http/rate-limit.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/http/server.ts'
import { answerOf, createTestWire, TOKEN } from './wire-kit.ts'

const wire = createTestWire({ limits: { bodyBytes: 1_000 } })
const servers: HttpServer[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function serve(routes: HttpServerOptions['routes'], more: Partial<HttpServerOptions> = {}) {
  const server = createHttpServer({
    routes,
    bodyBytesMax: 1_000,
    headers: securityHeaders('https://api.example'),
    newRequestId: () => 'made-by-server',
    log: wire.log,
    observe: (status) => countAnswer(wire.metrics, status),
    ...more,
  })
  servers.push(server)
  return { server, url: await server.listen(0, '127.0.0.1') }
}

const echo: RequestListener = (request, response) => {
  const { originalUrl } = request as typeof request & { originalUrl?: string }
  response.end(JSON.stringify({ url: request.url, originalUrl }))
}
const graphql = { listener: wire.yoga.requestListener, capsBody: true } as const

/** Sends bytes and returns all that comes back until the server closes. */
async function raw(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.write(text)
  await once(socket, 'close')
  return answer
}

test('paths lead to their listeners; a mounted one sees its own part of the path', async () => {
  const { url } = await serve({ '/graphql': echo, '/oauth/*': echo })
  const found: unknown[] = []
  for (const path of ['/graphql?a=1', '/oauth/token?b=2', '/oauth', '/oauth?c=3'])
    found.push(await (await fetch(url + path)).json())
  expect(found).toEqual([
    { url: '/graphql?a=1' },
    { url: '/token?b=2', originalUrl: '/oauth/token?b=2' },
    { url: '/', originalUrl: '/oauth' },
    { url: '/?c=3', originalUrl: '/oauth?c=3' },
  ])
})

test.each([['/'], ['/graphql/'], ['/oauthx'], ['/GRAPHQL'], ['/../etc/passwd']])(
  'an unknown path is answered 404 in JSON: %s',
  async (path) => {
    const { url } = await serve({ '/graphql': echo, '/oauth/*': echo })
    const response = await fetch(url + path, { headers: { 'x-request-id': 'sent-by-caller' } })
    expect([response.status, response.headers.get('x-request-id'), await answerOf(response)]).toEqual([
      404,
      'sent-by-caller',
      {
        errors: [
          {
            message: 'There is nothing at this address.',
            extensions: { code: 'NOT_FOUND', requestId: 'sent-by-caller' },
          },
        ],
      },
    ])
  },
)

test('every answer has the security headers and a request id, GraphQL too', async () => {
  const { url } = await serve({ '/graphql': graphql })
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: '{"query":"{ me }"}',
  })
  expect(await answerOf(response)).toEqual({ data: { me: 'INTEGRATION' } })
  const names = ['x-request-id', 'cache-control', 'x-content-type-options', 'referrer-policy', 'x-frame-options']
  expect(names.map((name) => response.headers.get(name))).toEqual([
    'made-by-server',
    'no-store',
    'nosniff',
    'no-referrer',
    'DENY',
  ])
  expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(response.headers.get('strict-transport-security')).toContain('max-age=31536000')
})

test('a body that says it is too long is refused before it is sent, and the connection closed', async () => {
  const { url } = await serve({ '/graphql': graphql, '/oauth/*': echo })
  for (const path of ['/graphql', '/oauth/token']) {
    const answer = await raw(url, `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n{`)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('"code":"BODY_TOO_LARGE"')
  }
})

test('a streamed body is cut off at the limit', async () => {
  const { url } = await serve({ '/graphql': graphql })
  const request = httpRequest(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' } })
  request.on('error', () => undefined)
  const answered = once(request, 'response')
  request.write('{"query":"')
  for (let sent = 0; sent < 20; sent += 1) request.write('x'.repeat(100))
  const [response] = await answered
  expect(response.statusCode).toBe(413)
  request.destroy()
})

test('a streamed body is refused where the listener does not cap it', async () => {
  const { url } = await serve({ '/oauth/*': echo })
  const answer = await raw(url, 'POST /oauth/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 411 /)
})

test.each([
  ['a length that is no number', 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400],
  ['two lengths', 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', 400],
  [
    'length and chunks',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['20 KiB of headers', `GET /graphql HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
])('HTTP that could be read in two ways is refused: %s', async (_, text, status) => {
  const { url } = await serve({ '/graphql': graphql })
  expect(await raw(url, text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
})

test('a listener that throws is answered 500 without its text', async () => {
  const { url } = await serve({
    '/oauth/*': async () => {
      throw new Error('canary')
    },
  })
  const response = await fetch(`${url}/oauth/x`)
  expect([response.status, await response.text()]).toEqual([
    500,
    '{"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL","requestId":"made-by-server"}}]}',
  ])
  expect(wire.lines.join('')).not.toContain('canary')
})

test('stopping lets an operation in flight finish and takes no new ones', async () => {
  const started = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const { server, url } = await serve({
    '/slow': async (_, response) => {
      started.resolve()
      await release.promise
      response.end('done')
    },
  })
  const answer = fetch(`${url}/slow`).then((response) => response.text())
  await started.promise
  const stopped = server.stop()
  await expect(fetch(`${url}/slow`)).rejects.toThrow('fetch failed')
  release.resolve()
  expect(await answer).toBe('done')
  await stopped
})

test('stopping closes what does not finish in time', async () => {
  const started = Promise.withResolvers<void>()
  const { server, url } = await serve({ '/stuck': () => started.resolve() }, { graceSeconds: 0.05 })
  const answer = fetch(`${url}/stuck`)
  const refused = expect(answer).rejects.toThrow('fetch failed')
  await started.promise
  await server.stop()
  await refused
})

test('health, readiness and metrics are answered; metrics only to this machine or by token', async () => {
  const { registry } = wire.metrics
  const fail = () => Promise.reject(new Error('canary'))
  const never = () => new Promise(() => undefined)
  const { url } = await serve({
    '/health': healthListener(),
    '/ready': readyListener({ database: async () => true }),
    '/broken': readyListener({ database: fail, jobs: async () => true, keys: never }, 0.05),
    '/metrics': metricsListener(registry, null),
    '/guarded': metricsListener(registry, 'secret'),
  })
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, { headers })
    return [response.status, await response.text()]
  }
  expect(await get('/health')).toEqual([200, '{"status":"up"}'])
  expect(await get('/ready')).toEqual([200, '{"status":"ready","failing":[]}'])
  expect(await get('/broken')).toEqual([503, '{"status":"not ready","failing":["database","keys"]}'])
  const [status, text] = await get('/metrics')
  expect(status).toBe(200)
  expect(text).toContain('http_requests_total{status_class="4xx"}')
  expect((await get('/metrics', { 'x-forwarded-for': '127.0.0.1' }))[0]).toBe(404)
  expect((await get('/guarded'))[0]).toBe(404)
  expect((await get('/guarded', { authorization: 'Bearer wrong' }))[0]).toBe(404)
  expect((await get('/guarded', { authorization: 'Bearer secret' }))[0]).toBe(200)
})

test('a listener beside GraphQL can be limited by address', async () => {
  const limits = createRateLimits({ callerPerMinute: 1, anonymousPerMinute: 1, failuresPerMinute: 1 })
  const { url } = await serve({ '/oauth/*': limitByAddress(echo, { limits, trustedProxies: 0 }) })
  expect((await fetch(`${url}/oauth/token`)).status).toBe(200)
  const second = await fetch(`${url}/oauth/token`)
  expect([second.status, second.headers.get('retry-after')]).toEqual([429, '60'])
})
