import type { IncomingMessage, RequestListener } from 'node:http'
import type { Plugin } from 'graphql-yoga'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Session } from '../auth/session.ts'
import { callerName } from '../db/caller.ts'
import { addressKeyOf } from './address.ts'
import { answerRefusal } from './answer.ts'
import { type RequestError, refused } from './request-error.ts'
import type { WireStates } from './state.ts'

/** How many requests a window of a minute takes. */
export type RateLimitSettings = {
  /** Of one caller with a token; default 600. */
  readonly callerPerMinute: number
  /** Of one address without a token; default 120. */
  readonly anonymousPerMinute: number
  /** Refused tokens from one address that are told why; further ones get 429 for the rest of the window. Default 30. */
  readonly failuresPerMinute: number
}

/** The defaults of `RateLimitSettings`. */
export const DEFAULT_RATE_LIMITS: RateLimitSettings = {
  callerPerMinute: 600,
  anonymousPerMinute: 120,
  failuresPerMinute: 30,
}

/** The name of a counter: by caller, by address without a token, by address with refused tokens. */
export type Limiter = 'caller' | 'anonymous' | 'failure'

/** What a counter says of one key. */
export type Quota = {
  readonly limiter: Limiter
  readonly limit: number
  readonly remaining: number
  readonly resetSeconds: number
  readonly exceeded: boolean
}

/** How long a window is, in seconds. */
export const WINDOW_SECONDS = 60

/** The counters. In memory, each process for itself: n processes let n times as much pass. */
export type RateLimits = {
  take(limiter: Limiter, key: string): Promise<Quota>
  /** What a counter says, without counting; null where no window is open. */
  peek(limiter: Limiter, key: string): Promise<Quota | null>
  /** How many requests a window takes. */
  limitOf(limiter: Limiter): number
}

/** Makes the counters; a window starts with a key's first request and lasts a minute. */
export function createRateLimits(settings: RateLimitSettings = DEFAULT_RATE_LIMITS): RateLimits {
  const limits = {
    caller: settings.callerPerMinute,
    anonymous: settings.anonymousPerMinute,
    failure: settings.failuresPerMinute,
  }
  const counter = (points: number) => new RateLimiterMemory({ points, duration: WINDOW_SECONDS })
  const counters = {
    caller: counter(limits.caller),
    anonymous: counter(limits.anonymous),
    failure: counter(limits.failure),
  }
  const quota = (limiter: Limiter, state: RateLimiterRes | null, exceeded: boolean): Quota => ({
    limiter,
    limit: limits[limiter],
    remaining: state?.remainingPoints ?? limits[limiter],
    resetSeconds: Math.max(1, Math.ceil((state?.msBeforeNext ?? 0) / 1000)),
    exceeded,
  })
  return {
    async take(limiter, key) {
      try {
        return quota(limiter, await counters[limiter].consume(key), false)
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return quota(limiter, refusal, true)
        throw refusal
      }
    },
    async peek(limiter, key) {
      const state = await counters[limiter].get(key)
      return state && quota(limiter, state, state.consumedPoints > limits[limiter])
    },
    limitOf: (limiter) => limits[limiter],
  }
}

/**
 * The headers that tell a caller its quota.
 * @see draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` q (requests) in w (seconds), `RateLimit` r (left)
 * and t (seconds until the window ends).
 */
export function quotaHeaders({ limiter, limit, remaining, resetSeconds, exceeded }: Quota): Record<string, string> {
  return {
    'RateLimit-Policy': `"${limiter}";q=${limit};w=${WINDOW_SECONDS}`,
    RateLimit: `"${limiter}";r=${Math.max(0, remaining)};t=${resetSeconds}`,
    ...(exceeded ? { 'Retry-After': String(resetSeconds) } : {}),
  }
}

/** The refusal of a request beyond its quota: 429 with `Retry-After`. */
export function rateLimited(quota: Quota): RequestError {
  return refused('RATE_LIMITED', undefined, {
    retryAfterSeconds: quota.resetSeconds,
    http: { headers: quotaHeaders(quota) },
  })
}

type Options = { readonly states: WireStates; readonly limits: RateLimits; readonly trustedProxies: number }
type NodeContext = { readonly req?: IncomingMessage }

const hasCredentials = (request: Request) => request.headers.has('authorization')

/** Counts requests without `Authorization` by address, before anything of them is read. */
export function useAddressRateLimit({ states, limits, trustedProxies }: Options): Plugin {
  return {
    async onRequestParse({ request, serverContext }) {
      if (hasCredentials(request)) return
      const quota = await limits.take('anonymous', addressKeyOf((serverContext as NodeContext).req, trustedProxies))
      states.of(request).quota = quota
      if (quota.exceeded) throw rateLimited(quota)
    },
  }
}

/** Counts a proven caller. Stands after `useAuthentication`; a token of nobody here counts by address. */
export function useCallerRateLimit({ states, limits, trustedProxies }: Options): Plugin {
  return {
    async onParams({ request, context }) {
      const state = states.of(request)
      if (!hasCredentials(request) || !state.session) return
      state.quota = await takeFor(state.session, addressKeyOf((context as NodeContext).req, trustedProxies), limits)
      if (state.quota.exceeded) throw rateLimited(state.quota)
    },
  }
}

function takeFor(session: Session, addressKey: string, limits: RateLimits): Promise<Quota> {
  return session.callerId === null ? limits.take('anonymous', addressKey) : limits.take('caller', callerName(session))
}

/**
 * Counts a refused token against its address, and as a request without one. Good tokens from the same address, of
 * others behind one proxy perhaps, are not held up by it.
 * @throws RATE_LIMITED when the address has presented too many
 */
export async function countFailure(
  { states, limits, trustedProxies }: Options,
  request: Request,
  serverContext: unknown,
): Promise<void> {
  const key = addressKeyOf((serverContext as NodeContext).req, trustedProxies)
  await limits.take('anonymous', key)
  const quota = await limits.take('failure', key)
  if (!quota.exceeded) return
  states.of(request).quota = quota
  throw rateLimited(quota)
}

/** Tells every caller its quota. */
export function useQuotaHeaders(states: WireStates): Plugin {
  return {
    onResponse({ request, response }) {
      const { quota } = states.of(request)
      if (quota) for (const [name, value] of Object.entries(quotaHeaders(quota))) response.headers.set(name, value)
    },
  }
}

/** Counts the requests of a listener beside GraphQL, such as the token endpoint, by address. */
export function limitByAddress(
  listener: RequestListener,
  { limits, trustedProxies }: Omit<Options, 'states'>,
): RequestListener {
  return async (request, response) => {
    const quota = await limits.take('anonymous', addressKeyOf(request, trustedProxies))
    for (const [name, value] of Object.entries(quotaHeaders(quota))) response.setHeader(name, value)
    if (quota.exceeded) answerRefusal(response, 'RATE_LIMITED')
    else return listener(request, response)
  }
}
