import type { KeyProvider } from '../crypto/key-provider.ts'
import type { Database, Tx } from '../db/database.ts'
import type { Clock } from '../time/clock.ts'
import { isUuid } from '../time/id.ts'
import { AccountRequiredError, BadTokenError } from './bad-token.ts'
import { type CallerHeaders, type PresentedToken, presentedTokenOf } from './caller-headers.ts'
import { clientSession } from './client-session.ts'
import { type Proof, recordProof, verifyProof } from './dpop-proof.ts'
import { personSession } from './person-session.ts'
import { anonymousSession, type Session } from './session.ts'
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts'

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
  /**
   * The same caller with the rights that it has now, for what stays open longer than a request: its rows are looked up
   * again, in the account that was in reach; the token is not asked for again, and no new proof of its key.
   * @param session one that `resolve` or `refresh` has given
   * @throws BadTokenError when the token has ended or was revoked, or its client disabled
   */
  refresh(session: Session): Promise<Session>
}

type Deps = {
  readonly db: Database
  readonly keyProvider: Pick<KeyProvider, 'mac'>
  readonly verifier: TokenVerifier
  readonly clock: Clock
  /** Where the API is reached from outside, without a slash at the end: proofs name it. */
  readonly publicUrl: string
  /** Told of each use of a client's token that was good; default: nobody is. */
  readonly onClientUse?: (clientId: string, at: Date) => void
}

/** How a session was found, to find it again. Held beside sessions, so that no token's content goes where they go. */
type Basis = {
  readonly verified: VerifiedToken
  /** Of a person; null for a client. */
  readonly identityHash: Uint8Array<ArrayBuffer> | null
  /** Where the request came from; null where that is unknown. */
  readonly address: string | null
}

/** A resolver over the given verifier and database. */
export function createSessionResolver(deps: Deps): SessionResolver {
  const bases = new WeakMap<Session, Basis>()
  const remember = (session: Session, basis: Basis): Session => {
    if (session.callerId !== null) bases.set(session, basis)
    return session
  }
  return {
    async resolve(headers) {
      const presented = presentedTokenOf(headers)
      if (presented === null) return anonymousSession
      return resolvePresented(deps, presented, headers, remember).catch((error: unknown) => {
        if (presented.scheme === 'DPoP' && error instanceof BadTokenError) throw new BadTokenError(error.reason, 'DPoP')
        throw error
      })
    },
    async refresh(session) {
      const basis = bases.get(session)
      if (!basis) return anonymousSession
      if (session.expiresAt === null || session.expiresAt <= deps.clock.now()) throw new BadTokenError('expired')
      const fresh = await deps.db.auth((tx) => lookUp(tx, basis, session.accountId, deps.clock.now()))
      return remember(fresh, basis)
    },
  }
}

async function resolvePresented(
  deps: Deps,
  presented: PresentedToken,
  headers: CallerHeaders,
  remember: (session: Session, basis: Basis) => Session,
): Promise<Session> {
  const verified = await deps.verifier.verify(presented.token)
  const { trust, claims } = verified
  const proof = await proofOf(deps, presented, headers, claims.cnf?.jkt)
  const now = deps.clock.now()
  const isClient = trust.principals.includes('CLIENT')
  const accountId = isClient ? null : namedAccount(headers.accountId)
  const identityHash = isClient ? null : await deps.keyProvider.mac('identity', [claims.iss, claims.sub])
  const basis = { verified, identityHash, address: headers.address }
  const session = await deps.db.auth(async (tx) => {
    if (proof) await recordProof(tx, proof, now)
    return lookUp(tx, basis, accountId, now)
  })
  if (isClient) deps.onClientUse?.(claims.client_id, now)
  return remember(session, basis)
}

function lookUp(
  tx: Tx,
  { verified, identityHash, address }: Basis,
  accountId: string | null,
  now: Date,
): Promise<Session> {
  if (identityHash === null) return clientSession(tx, verified.claims, address)
  return personSession(tx, { ...verified, identityHash, accountId, now })
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
