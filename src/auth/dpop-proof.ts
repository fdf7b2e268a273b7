import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, errors, type JWK, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Tx } from '../db/database.ts'
import { BadTokenError } from './bad-token.ts'
import { isSigningKey } from './oauth/client-keys.ts'
import { parseJws, type UnverifiedJws } from './strict-jws.ts'
import { TOKEN_ALGORITHMS } from './trusted-issuers.ts'
import { recordUse } from './use-once.ts'

/** How far the time of a proof may be from ours, in seconds, either way. */
export const PROOF_AGE_SECONDS_MAX = 60

/** The request that a proof must have been made for. */
export type ProvenRequest = {
  readonly method: string
  /** The public address, without query and fragment. */
  readonly url: string
  /** The access token that the proof goes with; null where one is asked for. */
  readonly token: string | null
  readonly now: Date
}

/** A proof that holds: its sender has the key. */
export type Proof = {
  /** The key's thumbprint (RFC 7638), as in the claim `cnf.jkt`. */
  readonly thumbprint: string
  /** Names the proof among all proofs of all keys; tells nothing of its content. */
  readonly id: string
  /** From this instant on it would be refused as too old. */
  readonly expiresAt: Date
}

/** Header members that choose other keys or rules of verification. */
const REFUSED_HEADERS = ['jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc', 'cty']

const headerSchema = z.object({
  typ: z.literal('dpop+jwt'),
  alg: z.enum(TOKEN_ALGORITHMS),
  jwk: z.record(z.string(), z.unknown()),
})

const claimsSchema = z.object({
  jti: z.string().min(1).max(255),
  htm: z.string(),
  htu: z.string().max(2048),
  iat: z.number(),
  ath: z.string().optional(),
})

/**
 * Verifies the proof of a request: exactly one header, strict form, an asymmetric algorithm, a public key that fits it
 * and made the signature, this method, this address, this token, this minute. Whether it was used before is said by
 * `recordProof`; whether the key is the one that the token is bound to, by the caller of this function.
 * @throws BadTokenError with a reason of `ProofRefusal`
 * @see RFC 9449 section 4.3
 */
export async function verifyProof(headers: readonly string[], request: ProvenRequest): Promise<Proof> {
  const [sent, ...more] = headers
  if (sent === undefined || more.length > 0) throw new BadTokenError('proof_count')
  const { header, payload } = parseProof(sent)
  const jwk = publicKeyOf(header)
  await jwtVerify(sent, jwk, { algorithms: [...TOKEN_ALGORITHMS], currentDate: request.now }).catch(refuse)
  const { success, data: claims } = claimsSchema.safeParse(payload)
  if (!success) throw new BadTokenError('proof_malformed')
  if (claims.htm !== request.method || !isSameUrl(claims.htu, request.url)) throw new BadTokenError('proof_request')
  if (request.token !== null && claims.ath !== sha256(request.token)) throw new BadTokenError('proof_request')
  const age = request.now.getTime() / 1000 - claims.iat
  if (!(Math.abs(age) <= PROOF_AGE_SECONDS_MAX)) throw new BadTokenError('proof_time')
  const thumbprint = await calculateJwkThumbprint(jwk)
  return {
    thumbprint,
    id: sha256(`${thumbprint}.${claims.jti}`),
    expiresAt: new Date((claims.iat + PROOF_AGE_SECONDS_MAX + 1) * 1000),
  }
}

/**
 * Records in `oauth_state` that a proof was used.
 * @throws BadTokenError when it was used before, also at the same time by another request
 * @see RFC 9449 section 11.1
 */
export async function recordProof(tx: Tx, proof: Proof, now: Date): Promise<void> {
  const isFirst = await recordUse(tx, { kind: 'DPoP', id: proof.id, expiresAt: proof.expiresAt }, now)
  if (!isFirst) throw new BadTokenError('proof_replayed')
}

function parseProof(sent: string): UnverifiedJws {
  try {
    return parseJws(sent)
  } catch (error) {
    throw error instanceof BadTokenError ? new BadTokenError('proof_malformed') : error
  }
}

/** The key of a proof. Members that browsers add when they export a key are let pass; private ones are not. */
function publicKeyOf(header: UnverifiedJws['header']): JWK {
  const { success, data } = headerSchema.safeParse(header)
  if (!success || REFUSED_HEADERS.some((name) => Object.hasOwn(header, name)))
    throw new BadTokenError('proof_malformed')
  const { key_ops: _operations, ext: _extractable, ...jwk } = data.jwk
  if (!isSigningKey(jwk)) throw new BadTokenError('proof_key')
  return jwk
}

/** Whether both are the same address after the normalization of RFC 3986 section 6.2.2; `htu` has no query. */
function isSameUrl(htu: string, url: string): boolean {
  const isPlain = /^https?:\/\/[\x21-\x7e]+$/i.test(htu) && !/[?#\\@]/.test(htu)
  return isPlain && URL.canParse(htu) && URL.canParse(url) && new URL(htu).href === new URL(url).href
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** jose's error as ours. A key that does not fit its algorithm is a TypeError or DOMException there. */
function refuse(error: unknown): never {
  if (error instanceof errors.JWTExpired) throw new BadTokenError('proof_time')
  if (error instanceof errors.JWTClaimValidationFailed) throw new BadTokenError('proof_malformed')
  if (error instanceof errors.JOSEError) throw new BadTokenError('proof_signature')
  if (error instanceof TypeError || error instanceof DOMException) throw new BadTokenError('proof_key')
  throw error
}
