import type { KeyProvider } from '../crypto/key-provider.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../time/clock.ts'
import { isUuid } from '../time/id.ts'
import { AccountRequiredError, BadTokenError } from './bad-token.ts'
import { type CallerHeaders, type PresentedToken, presentedTokenOf } from './caller-headers.ts'
import { clientSession } from './client-session.ts'
import { type Proof, recordProof, verifyProof } from './dpop-proof.ts'
import { personSession } from './person-session.ts'
import { anonymousSession, type Session } from './session.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** Finds out who calls. */
export type SessionResolver = {
  /**
   * The session of a request: of the one whose token it carries, or the anonymous one where it carries none.
   * Reads identities in one transaction of the login `privacy_auth`, which writes nothing but that a proof was used.
   * A token that is bound to a key is good with a proof of that key, and only as `Authorization: DPoP`; any other is
   * good only as `Authorization: Bearer`.
   * @throws BadTokenError when a token is presented and is no good, revoked, or its client disabled, or when its proof
   *   is missing, no good or used before
   * @throws AccountRequiredError when a person of several accounts names none, or the header is no account's id
   * @throws IssuerUnavailableError when the issuer's keys cannot be had
   * @see RFC 9449 section 7
   */
  resolve(headers: CallerHeaders): Promise<Session>
}

type Deps = {
  readonly db: Database
  readonly keyProvider: Pick<KeyProvider, 'mac'>
  readonly verifier: TokenVerifier
  readonly clock: Clock
  /** Where the API is reached from outside, without a slash at the end: proofs name it. */
  readonly publicUrl: string
}

/** A resolver over the given verifier and database. */
export function createSessionResolver(deps: Deps): SessionResolver {
  return {
    async resolve(headers) {
      const presented = presentedTokenOf(headers)
      if (presented === null) return anonymousSession
      return sessionOf(deps, presented, headers).catch((error: unknown) => {
        if (presented.scheme === 'DPoP' && error instanceof BadTokenError) throw new BadTokenError(error.reason, 'DPoP')
        throw error
      })
    },
  }
}

async function sessionOf(deps: Deps, presented: PresentedToken, headers: CallerHeaders): Promise<Session> {
  const { trust, claims } = await deps.verifier.verify(presented.token)
  const proof = await proofOf(deps, presented, headers, claims.cnf?.jkt)
  const now = deps.clock.now()
  if (trust.principals.includes('CLIENT'))
    return deps.db.auth(async (tx) => {
      if (proof) await recordProof(tx, proof, now)
      return clientSession(tx, claims)
    })
  const accountId = namedAccount(headers.accountId)
  const identityHash = await deps.keyProvider.mac('identity', [claims.iss, claims.sub])
  return deps.db.auth(async (tx) => {
    if (proof) await recordProof(tx, proof, now)
    return personSession(tx, { trust, claims, identityHash, accountId, now })
  })
}

/** The proof of the key that a token is bound to; null for a bearer token, which needs none. */
async function proofOf(
  { publicUrl, clock }: Deps,
  { scheme, token }: PresentedToken,
  { dpop, method, path }: CallerHeaders,
  boundTo: string | undefined,
): Promise<Proof | null> {
  if (scheme === 'Bearer') {
    if (boundTo !== undefined) throw new BadTokenError('sender_constrained', 'DPoP')
    return null
  }
  if (boundTo === undefined) throw new BadTokenError('not_bound')
  const proof = await verifyProof(dpop, { method, url: `${publicUrl}${path}`, token, now: clock.now() })
  if (proof.thumbprint !== boundTo) throw new BadTokenError('proof_key')
  return proof
}

/**
 * The account that `X-Account-Id` names, as UUID or as global id (base64 of `Account:` and the UUID); null for none.
 * @throws AccountRequiredError when it names something else, or the header is repeated
 */
function namedAccount(values: readonly string[]): string | null {
  const [value, ...more] = values
  if (value === undefined) return null
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const isGlobalId = decoded.startsWith('Account:') && Buffer.from(decoded).toString('base64') === value
  const id = isGlobalId ? decoded.slice('Account:'.length) : value.toLowerCase()
  if (more.length > 0 || !isUuid(id)) throw new AccountRequiredError()
  return id
}
