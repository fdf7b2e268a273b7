import { createServer } from 'node:https'
import { type AddressInfo, connect, createServer as createTcp } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type PostOptions, postGuarded } from '../../src/net/guarded-post.ts'
import { answer, openReceiver } from '../webhooks/receiver.ts'
import { createAuthority } from './certificates.ts'

const authority = createAuthority()
const LOOPBACK = { allowedNetworks: ['127.0.0.0/8'], timeoutMs: 5_000 }
const post = (url: string, options: Partial<PostOptions> = {}) =>
  postGuarded({ url, headers: { 'content-type': 'application/json' }, body: '{}' }, { ...LOOPBACK, ...options })
const ended = async (...args: Parameters<typeof post>) => {
  const { status, problem } = await post(...args)
  return [status, problem]
}

async function httpsReceiver(host: string) {
  const seen: string[] = []
  const server = createServer(authority.issue(host), (request, response) => {
    seen.push(`${request.headers.host} ${request.url}`)
    response.writeHead(204).end()
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, seen }
}

async function plainReceiver() {
  const receiver = await openReceiver()
  onTestFinished(() => receiver.close())
  return receiver
}

test('over TLS the certificate must be of the named host and of a known authority', async () => {
  const { port, seen } = await httpsReceiver('hooks.example')
  const resolve = async () => ['127.0.0.1']
  const { ca } = authority
  expect(await ended(`https://hooks.example:${port}/a?b=1`, { resolve, ca })).toEqual([204, null])
  expect(seen).toEqual([`hooks.example:${port} /a?b=1`])
  expect(await ended(`https://other.example:${port}/`, { resolve, ca })).toEqual([null, 'TLS_FAILED'])
  expect(await ended(`https://hooks.example:${port}/`, { resolve })).toEqual([null, 'TLS_FAILED'])
  expect(await ended(`https://127.0.0.1:${port}/`, { ca })).toEqual([null, 'TLS_FAILED'])
  expect(seen.length).toBe(1)
})

test('over TLS an address can be named where the certificate names it', async () => {
  const { port } = await httpsReceiver('127.0.0.1')
  expect(await ended(`https://127.0.0.1:${port}/`, { ca: authority.ca })).toEqual([204, null])
})

test('a variable of the environment neither trusts every certificate nor names a proxy', async () => {
  const { port } = await httpsReceiver('hooks.example')
  const proxy = await plainReceiver()
  const before = { ...process.env }
  onTestFinished(() => {
    process.env = before
  })
  Object.assign(process.env, { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_USE_ENV_PROXY: '1' })
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY'])
    process.env[name] = proxy.url
  const resolve = async () => ['127.0.0.1']
  expect(await ended(`https://hooks.example:${port}/`, { resolve })).toEqual([null, 'TLS_FAILED'])
  const receiver = await plainReceiver()
  expect(await ended(receiver.url)).toEqual([204, null])
  expect([receiver.arrivals.length, proxy.arrivals.length]).toEqual([1, 0])
})

test('every end of a request is a closed word', async () => {
  const receiver = await plainReceiver()
  const ends: unknown[] = []
  const behaviours: Parameters<typeof receiver.behave>[0][] = [
    answer(200),
    answer(299),
    answer(300),
    answer(304),
    answer(308, { location: '/' }),
    answer(400),
    answer(410),
    answer(599),
    (_arrival, response) => void response.writeHead(200, { 'x-long': 'x'.repeat(20_000) }).end(),
    (_arrival, _response, request) => void request.socket.destroy(),
    (_arrival, _response, request) => void request.socket.end('this is not HTTP\r\n\r\n'),
    (_arrival, response) => void response.writeHead(101, { upgrade: 'other', connection: 'upgrade' }).end(),
  ]
  for (const behaviour of behaviours) {
    receiver.behave(behaviour)
    ends.push(await ended(receiver.url))
  }
  expect(ends).toEqual([
    [200, null],
    [299, null],
    [300, 'REDIRECTED'],
    [304, 'REDIRECTED'],
    [308, 'REDIRECTED'],
    [400, 'STATUS_NOT_SUCCESS'],
    [410, 'GONE'],
    [599, 'STATUS_NOT_SUCCESS'],
    [null, 'RESPONSE_TOO_LARGE'],
    [null, 'CONNECTION_LOST'],
    [null, 'RESPONSE_NOT_VALID'],
    [null, 'CONNECTION_LOST'],
  ])
  const closed = await openReceiver()
  await closed.close()
  expect(await ended(closed.url)).toEqual([null, 'CONNECTION_REFUSED'])
  expect(await ended('https://nowhere.example/', { resolve: async () => [] })).toEqual([null, 'NAME_NOT_RESOLVED'])
  const failing = { resolve: () => Promise.reject(new Error('the name server failed')) }
  expect(await ended('https://nowhere.example/', failing)).toEqual([null, 'NAME_NOT_RESOLVED'])
})

test('all of a request ends at its time, wherever it hangs', async () => {
  const { promise: never } = Promise.withResolvers<never>()
  const silent = createTcp(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as AddressInfo
  const timeoutMs = 50
  expect(await ended(`http://127.0.0.1:${port}/`, { timeoutMs })).toEqual([null, 'TIMEOUT'])
  expect(await ended(`https://127.0.0.1:${port}/`, { timeoutMs })).toEqual([null, 'TIMEOUT'])
  expect(await ended('https://slow.example/', { timeoutMs, resolve: () => never })).toEqual([null, 'TIMEOUT'])
})

test('an answer counts by its status, however long or slow its body is', async () => {
  const receiver = await plainReceiver()
  let written = 0
  receiver.behave((_arrival, response) => {
    response.writeHead(200)
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536))) written += 65_536
      if (!response.destroyed) response.once('drain', write)
    }
    write()
  })
  expect(await ended(receiver.url)).toEqual([200, null])
  expect(written).toBeLessThan(50_000_000)
  receiver.behave((_arrival, response) => void response.writeHead(200).write('x'))
  expect(await ended(receiver.url, { timeoutMs: 50 })).toEqual([200, null])
})

test('of several addresses the next is dialled when one does not answer', async () => {
  const receiver = await plainReceiver()
  const { port } = new URL(receiver.url)
  const dialled: string[] = []
  const resolve = async () => ['127.0.0.2', '127.0.0.3', '127.0.0.1']
  const result = await ended(`http://many.example:${port}/`, {
    resolve,
    connect: (to) => {
      dialled.push(to.host)
      return connect(to)
    },
  })
  expect([result, dialled]).toEqual([
    [204, null],
    ['127.0.0.2', '127.0.0.3', '127.0.0.1'],
  ])
})
