import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { type DialOptions, dial } from './guarded-dial.ts'
import { PostFailure, type PostProblem } from './post-failure.ts'

/** How a request is sent. */
export type PostOptions = DialOptions & {
  /** How long all of it may take, in milliseconds. Default 15,000. */
  readonly timeoutMs?: number
}

/** How a request ended: never what was answered. */
export type PostOutcome = {
  /** The status, where there was an answer. */
  readonly status: number | null
  /** Null where the status was a success (200 to 299). */
  readonly problem: PostProblem | null
  readonly durationMs: number
}

/** What is sent. */
export type Post = { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string }

const TIMEOUT_MS = 15_000
const RESPONSE_BYTES_MAX = 16_384

/**
 * Sends a body by POST to an address that may be dialled, over a connection of its own. Redirects are not followed. Of
 * the answer the status counts; its body is read to at most 16 kB and dropped. Does not throw for what the other end
 * does.
 * @see dial for which addresses may be dialled
 */
export async function postGuarded(post: Post, options: PostOptions): Promise<PostOutcome> {
  const startedMs = performance.now()
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), options.timeoutMs ?? TIMEOUT_MS)
  const ended = (status: number | null, problem: PostProblem | null): PostOutcome => ({
    status,
    problem,
    durationMs: Math.round(performance.now() - startedMs),
  })
  try {
    const url = new URL(post.url)
    const socket = await dial(url, options, deadline.signal)
    const status = await exchange(socket, url, post, deadline.signal).finally(() => socket.destroy())
    return ended(status, problemOf(status))
  } catch (error) {
    if (error instanceof PostFailure) return ended(null, error.problem)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function problemOf(status: number): PostProblem | null {
  if (status >= 200 && status <= 299) return null
  if (status >= 300 && status <= 399) return 'REDIRECTED'
  return status === 410 ? 'GONE' : 'STATUS_NOT_SUCCESS'
}

/** @returns the status of the answer */
function exchange(socket: Socket, url: URL, { headers, body }: Post, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const sent: ClientRequest = request({
    createConnection: () => socket,
    method: 'POST',
    path: `${url.pathname}${url.search}`,
    setHost: false,
    maxHeaderSize: RESPONSE_BYTES_MAX,
    headers: { ...headers, host: url.host, 'content-length': Buffer.byteLength(body), connection: 'close' },
  })
  let status: number | null = null
  const expire = () => {
    if (status === null) reject(new PostFailure('TIMEOUT'))
    else resolve(status)
    sent.destroy()
  }
  signal.addEventListener('abort', expire, { once: true })
  if (signal.aborted) expire()
  sent.on('error', (error) => reject(new PostFailure(problemOfError(error))))
  sent.on('close', () => reject(new PostFailure('CONNECTION_LOST')))
  sent.on('response', (response) => {
    const code = response.statusCode ?? 0
    status = code
    drain(response, () => resolve(code))
  })
  sent.end(body)
  return promise.finally(() => {
    signal.removeEventListener('abort', expire)
    sent.destroy()
  })
}

/** Reads to the end of the body or to its limit; however it ends, the status stands. */
function drain(response: IncomingMessage, done: () => void): void {
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > RESPONSE_BYTES_MAX) done()
  })
  response.on('end', done)
  response.on('error', done)
  response.on('close', done)
}

function problemOfError(error: Error): PostProblem {
  const code = String((error as { code?: unknown }).code)
  if (code === 'HPE_HEADER_OVERFLOW') return 'RESPONSE_TOO_LARGE'
  return code.startsWith('HPE_') ? 'RESPONSE_NOT_VALID' : 'CONNECTION_LOST'
}
