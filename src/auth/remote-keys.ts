import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Clock } from '../time/clock.ts'
import { IssuerUnavailableError } from './bad-token.ts'

/** How an issuer's published keys are fetched. */
export type RemoteKeysOptions = {
  readonly url: string
  readonly clock: Clock
  readonly fetch: typeof fetch
  /** Least time between two fetches, whatever their outcome, in seconds. Default 30. */
  readonly cooldownSeconds?: number
  /** Age from which keys are fetched anew, in seconds. Default 600. */
  readonly freshSeconds?: number
  /** Age to which keys are used while the issuer does not answer, in seconds. Default 3600. */
  readonly staleSecondsMax?: number
  /** How long a fetch may last, in milliseconds. Default 5000. */
  readonly timeoutMs?: number
}

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.enum(['EC', 'OKP', 'RSA']) })) })

/**
 * Finds keys in a remote JWK set. The set is cached; an unknown key id causes a fetch, but never more than one per
 * cooldown, however many tokens ask and whether the fetch succeeds or not.
 * @throws IssuerUnavailableError when no usable set is at hand.
 * @see RFC 7517
 */
export function remoteKeys(options: RemoteKeysOptions): JWTVerifyGetKey {
  const { cooldownSeconds = 30, freshSeconds = 600, staleSecondsMax = 3600 } = options
  let known: { readonly find: JWTVerifyGetKey; readonly at: number } | null = null
  let attemptedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let pending: Promise<void> | null = null

  const now = () => options.clock.now().getTime() / 1000
  const load = async () => {
    try {
      known = { find: createLocalJWKSet(await fetchKeys(options)), at: now() }
    } catch (error) {
      failure = error
    } finally {
      pending = null
    }
  }
  const refresh = () => {
    if (pending) return pending
    if (now() - attemptedAt < cooldownSeconds) return Promise.resolve()
    attemptedAt = now()
    pending = load()
    return pending
  }
  const usable = () => {
    if (!known || now() - known.at > staleSecondsMax) throw new IssuerUnavailableError(failure)
    return known.find
  }

  return async (header, token) => {
    if (!known || now() - known.at > freshSeconds) await refresh()
    const find = usable()
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await refresh()
      if (usable() === find) throw error
      return usable()(header, token)
    }
  }
}

async function fetchKeys(options: RemoteKeysOptions): Promise<JSONWebKeySet> {
  const response = await options.fetch(options.url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(options.timeoutMs ?? 5000),
  })
  if (response.status !== 200) throw new Error(`the issuer's key set was answered with ${response.status}`)
  return keySet.parse(await response.json())
}
