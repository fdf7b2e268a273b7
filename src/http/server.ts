import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { answerRefusal } from './answer.ts'
import type { Log } from './logging.ts'
import { requestIdOf } from './request-id.ts'

/** A listener, or one that holds streamed bodies to their limit itself and so may be sent bodies of unknown length. */
export type Route = RequestListener | { readonly listener: RequestListener; readonly capsBody: true }

/** Settings of the server. */
export type HttpServerOptions = {
  /**
   * Listeners by path. `/graphql` is exactly that path; `/oauth/*` is everything below `/oauth`, whose listener sees
   * `url` without the prefix and the whole in `originalUrl`.
   */
  readonly routes: Readonly<Record<string, Route>>
  readonly bodyBytesMax: number
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>
  readonly newRequestId: () => string
  readonly log: Log
  /** Called with the status of each answer. */
  readonly observe: (status: number) => void
  /** Seconds that operations in flight have when the server stops; default 10. */
  readonly graceSeconds?: number
}

/** A server that listens once and stops once. */
export type HttpServer = {
  /** Starts listening (port 0 takes a free one) and says where. */
  listen(port: number, host: string): Promise<string>
  /** Takes no more connections, lets requests in flight finish within `graceSeconds`, then closes what is left. */
  stop(): Promise<void>
}

const HEADERS_SECONDS_MAX = 15
const REQUEST_SECONDS_MAX = 60
const IDLE_SECONDS_MAX = 65
const HEADER_BYTES_MAX = 16 * 1024
const LINGER_MS = 1_000

type Found = { readonly listener: RequestListener; readonly capsBody: boolean; readonly prefix: string }

function findRoute(routes: HttpServerOptions['routes'], path: string): Found | null {
  for (const [key, route] of Object.entries(routes)) {
    const prefix = key.endsWith('/*') ? key.slice(0, -2) : ''
    if (prefix ? path !== prefix && !path.startsWith(`${prefix}/`) : path !== key) continue
    return typeof route === 'function'
      ? { listener: route, capsBody: false, prefix }
      : { listener: route.listener, capsBody: true, prefix }
  }
  return null
}

/** Ends a connection whose request was answered before it was read, with time for the answer to arrive. */
function dropUnreadBody(request: IncomingMessage, socket: Socket): void {
  if (request.complete) return
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

function refuseBody(request: IncomingMessage, found: Found, bytesMax: number) {
  const length = request.headers['content-length']
  if (length !== undefined) return Number(length) > bytesMax ? 'BODY_TOO_LARGE' : null
  return request.headers['transfer-encoding'] !== undefined && !found.capsBody ? 'LENGTH_REQUIRED' : null
}

function cutPrefix(request: IncomingMessage & { originalUrl?: string }, prefix: string): void {
  request.originalUrl = request.url ?? '/'
  const rest = request.originalUrl.slice(prefix.length)
  request.url = rest.startsWith('/') ? rest : `/${rest}`
}

async function handle(request: IncomingMessage, response: ServerResponse, options: HttpServerOptions): Promise<void> {
  const { socket } = request
  const requestId = requestIdOf(request.headers['x-request-id']?.toString(), options.newRequestId)
  request.headers['x-request-id'] = requestId
  response.setHeader('X-Request-Id', requestId)
  for (const [name, value] of Object.entries(options.headers)) response.setHeader(name, value)
  response.once('finish', () => {
    options.observe(response.statusCode)
    dropUnreadBody(request, socket)
  })
  const found = findRoute(options.routes, (request.url ?? '/').split('?', 1)[0] ?? '/')
  if (!found) return answerRefusal(response, 'NOT_FOUND')
  const refusal = refuseBody(request, found, options.bodyBytesMax)
  if (refusal) {
    response.setHeader('Connection', 'close')
    return answerRefusal(response, refusal)
  }
  if (found.prefix) cutPrefix(request, found.prefix)
  try {
    await found.listener(request, response)
  } catch (error) {
    options.log.error('http.failed', error, { requestId })
    if (response.headersSent) response.destroy()
    else answerRefusal(response, 'INTERNAL')
  }
}

function urlOf(server: Server): string {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen on a port')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}

/**
 * One HTTP server for all routes, with times and sizes for everything a caller may leave open: 15 s for the headers,
 * 60 s for the whole request, 65 s for an idle connection, 16 KiB of headers, `bodyBytesMax` of body. A body that says
 * it is longer is refused before it is read (413); one that does not say its length is refused (411) unless the route
 * caps it while it streams. Unknown paths are answered 404 in JSON. Every answer has `X-Request-Id`.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  let stopping = false
  const server = createServer(
    {
      headersTimeout: HEADERS_SECONDS_MAX * 1000,
      requestTimeout: REQUEST_SECONDS_MAX * 1000,
      keepAliveTimeout: IDLE_SECONDS_MAX * 1000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (request, response) => {
      if (stopping) response.setHeader('Connection', 'close')
      response.once('close', () => {
        if (stopping) setImmediate(() => server.closeIdleConnections())
      })
      void handle(request, response, options)
    },
  )
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve(urlOf(server))
        })
      }),
    stop: () =>
      new Promise((resolve) => {
        stopping = true
        const late = setTimeout(() => server.closeAllConnections(), (options.graceSeconds ?? 10) * 1000)
        server.close(() => {
          clearTimeout(late)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}
