import { PrivacyApiError } from './errors.ts'
import type { Answer, Exchange } from './exchange.ts'
import { orAborted } from './tools.ts'

/** An answer whose body comes bit by bit. */
export type Stream = {
  readonly status: number
  readonly headers: Headers
  /** The next bytes; null at the end. @throws PrivacyApiError TIMEOUT after `seconds` without any, NETWORK */
  read(seconds: number): Promise<Uint8Array | null>
  /** Ends the connection. May be called again. */
  close(): void
}

/**
 * Posts and gives the answer as a stream of server-sent events, or whole where it is none.
 * @throws PrivacyApiError TIMEOUT or NETWORK; the signal's reason when the caller ended it
 */
export async function openStream(request: Exchange): Promise<Stream | Answer> {
  const { fetch, url, headers, body, timeoutSeconds, requestId, signal: ofCaller } = request
  const ending = new AbortController()
  const signal = ofCaller ? AbortSignal.any([ofCaller, ending.signal]) : ending.signal
  const within = async <T>(seconds: number, work: () => Promise<T>): Promise<T> => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      ending.abort()
    }, seconds * 1000)
    try {
      return await orAborted(work(), signal)
    } catch (cause) {
      ending.abort()
      ofCaller?.throwIfAborted()
      const facts = { requestId, retryable: true, cause }
      if (isLate) throw new PrivacyApiError(`No answer within ${seconds} seconds.`, { ...facts, code: 'TIMEOUT' })
      throw new PrivacyApiError('The connection failed.', { ...facts, code: 'NETWORK' })
    } finally {
      clearTimeout(timer)
    }
  }
  const send = () => fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  const response = await within(timeoutSeconds, send)
  const { status, body: stream } = response
  if (status !== 200 || !stream || !/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? ''))
    return { status, headers: response.headers, text: await within(timeoutSeconds, () => response.text()) }
  const reader = stream.getReader()
  return {
    status,
    headers: response.headers,
    read: (seconds) => within(seconds, async () => (await reader.read()).value ?? null),
    close: () => {
      ending.abort()
      reader.cancel().catch(() => {})
    },
  }
}
