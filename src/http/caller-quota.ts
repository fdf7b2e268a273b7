import { addSeconds } from '../time/clock.ts'
import { type RateLimits, WINDOW_SECONDS } from './rate-limit.ts'

/**
 * What is left of a caller's requests, as this process counts them; counts nothing.
 * @param name the caller's, as `callerName` gives it
 */
export async function callerQuotaOf(limits: RateLimits, name: string, now: Date) {
  const limit = limits.limitOf('caller')
  const quota = await limits.peek('caller', name)
  return {
    limit,
    remaining: quota ? Math.max(0, quota.remaining) : limit,
    resetsAt: quota ? addSeconds(now, quota.resetSeconds) : null,
    windowSeconds: WINDOW_SECONDS,
  }
}
