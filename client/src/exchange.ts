import { PrivacyApiError } from './errors.ts'

/** An answer that was read to its end. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string }

/** One HTTP request. Redirects are not followed: they would carry token and body elsewhere. */
export type Exchange = {
  readonly fetch: typeof globalThis.fetch
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutSeconds: number
  readonly requestId: string | null
  readonly signal: AbortSignal | undefined
}

/**
 * Posts and reads the whole answer within the timeout.
 * @throws PrivacyApiError TIMEOUT or NETWORK; the signal's reason when the caller ended it
 */
export async function exchange(request: Exchange): Promise<Answer> {
  const { fetch, url, headers, body, timeoutSeconds, requestId, signal } = request
  const timeout = AbortSignal.timeout(Math.ceil(timeoutSeconds * 1000))
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  } catch (cause) {
    signal?.throwIfAborted()
    const facts = { requestId, retryable: true, cause }
    if (timeout.aborted)
      throw new PrivacyApiError(`No answer within ${timeoutSeconds} seconds.`, { ...facts, code: 'TIMEOUT' })
    throw new PrivacyApiError('The server could not be reached.', { ...facts, code: 'NETWORK' })
  }
}

/** The answer's JSON; undefined where it is none. */
export function jsonOf({ text }: Answer): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Seconds that `Retry-After` asks to wait, which is a number or a date; null without a readable one.
 * @see RFC 9110 section 10.2.3
 */
export function retryAfterSecondsOf({ headers }: Answer, nowMs: number): number | null {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(value)) return Number(value)
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - nowMs) / 1000))
}

/** Whether a request with this status may succeed later without a change. */
export const isRetryableStatus = (status: number): boolean => status === 408 || status === 429 || status >= 500
