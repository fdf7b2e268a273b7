import { PrivacyApiError } from './errors.ts'
import type { Tools } from './tools.ts'

const DELAY_MS_MIN = 500
const DELAY_MS_MAX = 8_000
const RETRY_AFTER_SECONDS_MAX = 60

/** How a call is tried again. */
export type RetryOptions = {
  readonly retriesMax: number
  readonly signal?: AbortSignal | undefined
  readonly tools: Tools
  readonly onRetry?: (attempt: number, code: string, delayMs: number) => void
}

/** 0.5 s, doubled with each attempt up to 8 s; of that, half to all, by chance. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** (attempt - 1)) * (0.5 + random / 2))
}

/** How long to wait before the next try; null when there is none. */
function delayMsAfter(error: unknown, attempt: number, { retriesMax, tools }: RetryOptions): number | null {
  if (!(error instanceof PrivacyApiError) || !error.retryable || attempt > retriesMax) return null
  const { retryAfterSeconds } = error
  if (retryAfterSeconds === null) return backoffMs(attempt, tools.random())
  return retryAfterSeconds <= RETRY_AFTER_SECONDS_MAX ? retryAfterSeconds * 1000 : null
}

/**
 * Runs `attempt` until it succeeds, fails for good, or was tried often enough. Waits as long as the server asks, up to
 * 60 s; beyond that it gives up at once.
 */
export async function withRetries<T>(options: RetryOptions, run: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      options.signal?.throwIfAborted()
      return await run(attempt)
    } catch (error) {
      const delayMs = delayMsAfter(error, attempt, options)
      if (delayMs === null) throw error
      options.onRetry?.(attempt, (error as PrivacyApiError).code, delayMs)
      await options.tools.wait(delayMs, options.signal)
    }
  }
}
