import type { Tx } from '../db/database.ts'
import type { AccountStatus, ClientKind } from '../generated/prisma/enums.ts'
import { isUuid } from '../time/id.ts'
import { BadTokenError } from './bad-token.ts'
import { isAddressAllowed } from './networks.ts'
import { CLIENT_SCOPES, type Scope } from './permissions.ts'
import type { Session } from './session.ts'
import type { TokenClaims } from './token-verifier.ts'

type Row = {
  readonly account_id: string
  readonly kind: ClientKind
  readonly processor_id: string | null
  readonly scopes: readonly string[]
  readonly allowed_networks: readonly string[]
  readonly disabled: boolean
  readonly account_status: AccountStatus
  readonly revoked: boolean
}

/**
 * The session of an OAuth client, from a token of the embedded server: what the token, the client's row and the
 * client's kind all allow. An integration works until its account is closed, so that a closing account can be emptied.
 * @param address where the request comes from; null where that is unknown
 * @throws BadTokenError when the token is revoked, the client unknown or disabled, its account not in service, its
 *   processor ended or not in the register, or the address outside the networks that the client is bound to
 */
export async function clientSession(tx: Tx, claims: TokenClaims, address: string | null): Promise<Session> {
  if (!isUuid(claims.client_id) || claims.sub !== claims.client_id) throw new BadTokenError('client')
  const [row, ...more] = await tx.$queryRaw<Row[]>`
    select c.account_id, c.kind::text as kind, c.processor_id, c.scopes,
           c.disabled_at is not null
             or (c.kind = 'PROCESSOR' and not exists (select from processor p where p.account_id = c.account_id
               and p.id = c.processor_id and p.ended_at is null)) as disabled,
           coalesce(c.allowed_networks, '{}') as allowed_networks, a.status::text as account_status,
           exists (select 1 from revoked_token r where r.jti = ${claims.jti}) as revoked
    from api_client c join account a on a.id = c.account_id
    where c.id = ${claims.client_id}::uuid`
  if (!row || more.length > 0 || row.disabled || !isInService(row)) throw new BadTokenError('client')
  if (row.revoked) throw new BadTokenError('revoked')
  if (!isAddressAllowed(address, row.allowed_networks)) throw new BadTokenError('address')
  const isIntegration = row.kind === 'INTEGRATION'
  return {
    principal: row.kind,
    callerId: claims.client_id,
    accountId: isIntegration ? row.account_id : null,
    subjectId: null,
    processorId: row.kind === 'PROCESSOR' ? row.processor_id : null,
    reach: isIntegration ? 'ACCOUNT' : 'NONE',
    scopes: scopesOf(row, claims.scope),
    accountRole: null,
    staffRoles: [],
    authenticatedAt: null,
    expiresAt: new Date(claims.exp * 1000),
    identity: null,
  }
}

function isInService(row: Row): boolean {
  return row.account_status === 'ACTIVE' || (row.account_status === 'CLOSING' && row.kind === 'INTEGRATION')
}

function scopesOf(row: Row, tokenScope: string): ReadonlySet<Scope> {
  const token = new Set(tokenScope.split(' '))
  const granted = new Set(row.scopes)
  const allowed: readonly Scope[] = CLIENT_SCOPES[row.kind]
  return new Set<Scope>(['public', ...allowed.filter((scope) => token.has(scope) && granted.has(scope))])
}
