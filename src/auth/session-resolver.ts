import type { KeyProvider } from '../crypto/key-provider.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../time/clock.ts'
import { isUuid } from '../time/id.ts'
import { AccountRequiredError } from './bad-token.ts'
import { bearerTokenOf, type CallerHeaders } from './caller-headers.ts'
import { clientSession } from './client-session.ts'
import { personSession } from './person-session.ts'
import { anonymousSession, type Session } from './session.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** Finds out who calls. */
export type SessionResolver = {
  /**
   * The session of a request: of the one whose token it carries, or the anonymous one where it carries none.
   * Reads identities in one transaction of the login `privacy_auth`; writes nothing.
   * @throws BadTokenError when a token is presented and is no good, revoked, or its client disabled
   * @throws AccountRequiredError when a person of several accounts names none, or the header is no account's id
   * @throws IssuerUnavailableError when the issuer's keys cannot be had
   */
  resolve(headers: CallerHeaders): Promise<Session>
}

/** A resolver over the given verifier and database. */
export function createSessionResolver(deps: {
  readonly db: Database
  readonly keyProvider: Pick<KeyProvider, 'mac'>
  readonly verifier: TokenVerifier
  readonly clock: Clock
}): SessionResolver {
  return {
    async resolve(headers) {
      const token = bearerTokenOf(headers)
      if (token === null) return anonymousSession
      const { trust, claims } = await deps.verifier.verify(token)
      if (trust.principals.includes('CLIENT')) return deps.db.auth((tx) => clientSession(tx, claims))
      const accountId = namedAccount(headers.accountId)
      const identityHash = await deps.keyProvider.mac('identity', [claims.iss, claims.sub])
      const person = { trust, claims, identityHash, accountId, now: deps.clock.now() }
      return deps.db.auth((tx) => personSession(tx, person))
    },
  }
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
