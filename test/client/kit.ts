import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '../../client/src/index.ts'
import type { Tools } from '../../client/src/tools.ts'
import type { ClientOptions } from '../../client/src/types.ts'
import type { DemoPrincipal } from '../../src/demo/demo-tokens.ts'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import type { World } from '../kit/world.ts'

/** The client of a demo principal, straight into the application. */
export function clientOf(world: World, principal: DemoPrincipal, options: Partial<ClientOptions> = {}) {
  return createClient({
    url: 'http://privacy.test',
    token: world.demo.tokens[principal],
    fetch: (url, init) => Promise.resolve(world.serving.app.fetch(String(url), init as RequestInit)),
    ...options,
  })
}

/** The whole server on a free port, on the database of `world`. `stop` leaves the database open. */
export function serve(world: World): Promise<RunningServer> {
  return startServer({
    resources: { ...world.resources, close: async () => {} },
    env: readServerEnv({ NODE_ENV: 'test', PORT: '0', WORKER: 'off', DEMO: 'off' }),
    log: createLog({ level: 'silent' }),
  })
}

/** Credentials of a new gateway, for a server on the world's database. */
export async function newGateway(world: World): Promise<{ clientId: string; clientSecret: string }> {
  const result = await clientOf(world, 'staff').createPlatformClient({ kind: 'GATEWAY', label: 'Test gateway' })
  if (result.__typename !== 'CreatePlatformClientSuccess' || !result.secret) throw new Error('no gateway was made')
  return { clientId: result.apiClient.clientId, clientSecret: result.secret }
}

/** Credentials of a new integration of the first account. */
export async function newIntegration(world: World): Promise<{ clientId: string; clientSecret: string }> {
  const result = await clientOf(world, 'subject').createApiClient({ label: 'Test integration' })
  if (result.__typename !== 'CreateApiClientSuccess' || !result.secret) throw new Error('no integration was made')
  return { clientId: result.apiClient.clientId, clientSecret: result.secret }
}

/** A plain server on a free port. */
export async function listen(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

/** Tools that never wait, and a record of how long they were asked to. */
export function testTools(start = 0) {
  const state = { nowMs: start, ids: 0 }
  const waits: number[] = []
  const tools: Tools = {
    now: () => state.nowMs,
    random: () => 1,
    newId: () => {
      state.ids += 1
      return `id-${state.ids}`
    },
    wait: async (ms) => {
      waits.push(ms)
    },
  }
  return { tools, waits, move: (seconds: number) => (state.nowMs += seconds * 1000) }
}

/** A request as a scripted fetch saw it. */
export type Seen = { url: string; headers: Record<string, string>; body: string }

type Scripted = Response | Error | ((seen: Seen) => Response)

/** A fetch that answers from a list, and what it was asked. */
export function scriptedFetch(...answers: Scripted[]) {
  const seen: Seen[] = []
  const fetch = (async (url: string, init: RequestInit) => {
    init.signal?.throwIfAborted()
    const request = { url, headers: init.headers as Record<string, string>, body: String(init.body) }
    seen.push(request)
    const answer = answers.shift()
    if (!answer) throw new Error('one request too many')
    if (answer instanceof Error) throw answer
    return typeof answer === 'function' ? answer(request) : answer
  }) as typeof globalThis.fetch
  return { fetch, seen }
}

/** An answer in JSON. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

/** An answer that carries a failure of the request. */
export const failure = (code: string, status = 200, headers: Record<string, string> = {}) =>
  json({ errors: [{ message: 'Told so.', extensions: { code, requestId: 'r-1' } }] }, status, headers)
