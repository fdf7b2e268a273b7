import { errors, type JWTHeaderParameters, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Clock } from '../time/clock.ts'
import { BadTokenError, type RefusalReason } from './bad-token.ts'
import { remoteKeys } from './remote-keys.ts'
import { parseJws } from './strict-jws.ts'
import type { IssuerTrust, TrustedIssuer } from './trusted-issuers.ts'

/** Longest life of a token (`exp` minus `iat`) that is accepted, in seconds: 24 hours. */
export const TOKEN_LIFETIME_SECONDS_MAX = 86_400

/** How far clocks may differ, in seconds. */
const CLOCK_TOLERANCE_SECONDS = 5

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string().max(255).regex(/\S/),
  client_id: z.string().min(1).max(255),
  jti: z.string().min(1).max(255),
  iat: z.number().nonnegative(),
  exp: z.number().nonnegative(),
  scope: z.string().max(4096).default(''),
  auth_time: z.number().nonnegative().optional(),
  email: z.string().max(320).optional(),
  email_verified: z.boolean().optional(),
  /** The key that the token is bound to, by its thumbprint (RFC 7638). Nothing else can be proven here. */
  cnf: z.strictObject({ jkt: z.string().regex(/^[\w-]{43}$/) }).optional(),
})

/** The claims of a good token; all others are dropped. */
export type TokenClaims = z.infer<typeof claimsSchema>

/** A token that holds, and the issuer that vouches for it. */
export type VerifiedToken = { readonly trust: IssuerTrust; readonly claims: TokenClaims }

/** Checks access tokens. */
export type TokenVerifier = {
  /**
   * Verifies one access token: form, type, issuer, audience, algorithm, signature, times and claims. Whoever is given
   * claims with `cnf` must still ask for a proof of that key.
   * @throws BadTokenError when any of it fails
   * @throws IssuerUnavailableError when the issuer's keys cannot be had
   * @see RFC 9068 section 4, RFC 8725
   */
  verify(token: string): Promise<VerifiedToken>
}

/** A configured issuer with its published keys, fetched when first needed. */
export function trustRemote(entry: TrustedIssuer, clock: Clock, fetchKeys: typeof fetch): IssuerTrust {
  return { ...entry, keys: remoteKeys({ url: entry.jwksUri, clock, fetch: fetchKeys }) }
}

/** Header members that choose or change the key or the rules of verification: never needed here, so never accepted. */
const REFUSED_HEADERS = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc', 'cty']

/**
 * A verifier for the given issuers.
 * @throws Error when two of them have the same name
 */
export function createTokenVerifier(options: {
  readonly issuers: readonly IssuerTrust[]
  readonly clock: Clock
}): TokenVerifier {
  const byName = new Map(options.issuers.map((trust) => [trust.issuer, trust]))
  if (byName.size !== options.issuers.length) throw new Error('an issuer is trusted twice')

  return {
    async verify(token) {
      const { header, payload } = parseJws(token)
      const { iss } = payload
      const trust = typeof iss === 'string' ? byName.get(iss) : undefined
      if (!trust) throw new BadTokenError('issuer')
      checkHeader(header, trust)
      const verified = await jwtVerify(token, trust.keys, {
        issuer: trust.issuer,
        audience: trust.audience,
        algorithms: [...trust.algorithms],
        typ: 'at+jwt',
        maxTokenAge: trust.tokenAgeSecondsMax,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: options.clock.now(),
        requiredClaims: ['exp', 'sub', 'client_id', 'jti'],
      }).catch(refuse)
      return { trust, claims: checkClaims(verified.payload) }
    },
  }
}

function checkHeader(header: Readonly<Record<string, unknown>>, trust: IssuerTrust): void {
  if (REFUSED_HEADERS.some((name) => Object.hasOwn(header, name))) throw new BadTokenError('header')
  const { typ, alg, kid } = header as Partial<JWTHeaderParameters>
  if (typeof typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(typ)) throw new BadTokenError('type')
  if (!trust.algorithms.some((name) => name === alg)) throw new BadTokenError('algorithm')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 255)) throw new BadTokenError('header')
}

function checkClaims(payload: Record<string, unknown>): TokenClaims {
  const { success, data } = claimsSchema.safeParse(payload)
  if (!success) throw new BadTokenError('claims')
  const lifetime = data.exp - data.iat
  if (lifetime <= 0 || lifetime > TOKEN_LIFETIME_SECONDS_MAX) throw new BadTokenError('lifetime')
  return data
}

const REASONS: Readonly<Record<string, RefusalReason>> = {
  [errors.JWTExpired.code]: 'expired',
  [errors.JWSSignatureVerificationFailed.code]: 'signature',
  [errors.JWKSNoMatchingKey.code]: 'key',
  [errors.JWKSMultipleMatchingKeys.code]: 'key',
  [errors.JOSEAlgNotAllowed.code]: 'algorithm',
  [errors.JWTClaimValidationFailed.code]: 'claims',
}

/** jose's error as ours. A key that does not fit its algorithm is a TypeError or DOMException there. */
function refuse(error: unknown): never {
  if (error instanceof errors.JOSEError) throw new BadTokenError(REASONS[error.code] ?? 'malformed')
  if (error instanceof TypeError || error instanceof DOMException) throw new BadTokenError('key')
  throw error
}
