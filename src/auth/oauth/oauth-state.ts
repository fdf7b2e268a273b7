import type { IncomingMessage } from 'node:http'
import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider'
import type { Database } from '../../db/database.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { isUuid } from '../../time/id.ts'
import { isAddressAllowed } from '../networks.ts'
import { CLIENT_SCOPES } from '../permissions.ts'
import { recordUse } from '../use-once.ts'

type Deps = {
  readonly db: Database
  readonly clock: Clock
  /** Where a request comes from; null where that is unknown. */
  readonly addressOf: (request: IncomingMessage) => string | null
}

/**
 * What the OAuth server stores, one adapter per model. Clients come from `api_client`; of the rest only replay
 * detection is ever used (tokens are JWTs, other flows are off).
 */
export function createOauthAdapter(deps: Deps): (model: string) => Adapter {
  return (model) => {
    if (model === 'Client') return { ...noStorage, find: (id) => findClient(deps, id) }
    if (model === 'ReplayDetection')
      return { ...noStorage, upsert: (id, _, seconds = 0) => recordOnce(deps, id, seconds) }
    return noStorage
  }
}

const refuseStorage = async () => {
  throw new Error('the OAuth server stores nothing of this kind')
}

const noStorage: Adapter = {
  find: async () => undefined,
  findByUid: async () => undefined,
  findByUserCode: async () => undefined,
  upsert: refuseStorage,
  consume: refuseStorage,
  destroy: refuseStorage,
  revokeByGrantId: refuseStorage,
}

type ClientRow = {
  readonly kind: keyof typeof CLIENT_SCOPES
  readonly secret_hash: string | null
  /** Null too when its time is over. */
  readonly previous_secret_hash: string | null
  readonly allowed_networks: readonly string[]
  readonly public_jwks: unknown
  readonly scopes: readonly string[]
}

/**
 * A client that may sign in: not disabled, its account in service, the request from a network that it is bound to. Its
 * secret is the stored hash, during a rotation both, with a space between.
 */
async function findClient({ db, clock, addressOf }: Deps, id: string): Promise<AdapterPayload | undefined> {
  if (!isUuid(id)) return undefined
  const [row] = await db.auth(
    (tx) => tx.$queryRaw<ClientRow[]>`
      select c.kind::text as kind, c.secret_hash, c.public_jwks, c.scopes,
             coalesce(c.allowed_networks, '{}') as allowed_networks,
             case when c.previous_secret_until > ${clock.now()} then c.previous_secret_hash end as previous_secret_hash
      from api_client c join account a on a.id = c.account_id
      where c.id = ${id}::uuid and c.disabled_at is null
        and (a.status = 'ACTIVE' or (a.status = 'CLOSING' and c.kind = 'INTEGRATION'))
        and (c.kind <> 'PROCESSOR' or exists (select from processor p where p.account_id = c.account_id
          and p.id = c.processor_id and p.ended_at is null))`,
  )
  const request = Provider.ctx?.req
  if (!row || !isAddressAllowed(request ? addressOf(request) : null, row.allowed_networks)) return undefined
  const allowed: readonly string[] = CLIENT_SCOPES[row.kind]
  const scope = row.scopes.filter((name) => allowed.includes(name)).join(' ')
  const base: AdapterPayload = {
    client_id: id,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    ...(scope === '' ? {} : { scope }),
  }
  if (row.public_jwks !== null)
    return { ...base, token_endpoint_auth_method: 'private_key_jwt', jwks: row.public_jwks as { keys: [] } }
  if (row.secret_hash === null) return undefined
  const hashes = [row.secret_hash, ...(row.previous_secret_hash === null ? [] : [row.previous_secret_hash])]
  return { ...base, token_endpoint_auth_method: 'client_secret_basic', client_secret: hashes.join(' ') }
}

/**
 * Records that an assertion was used; of two equal ones at once only one passes.
 * @throws InvalidClientAuth when it was used before
 */
async function recordOnce({ db, clock }: Deps, id: string, seconds: number): Promise<undefined> {
  const now = clock.now()
  const use = { kind: 'ReplayDetection', id, expiresAt: addSeconds(now, seconds) }
  const isFirst = await db.auth((tx) => recordUse(tx, use, now))
  if (!isFirst) throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
}

/** What a clean-up removed, in rows. */
export type CleanUp = { readonly states: number; readonly revocations: number; readonly keys: number }

/**
 * Removes what has ended: used assertions and proofs, revocations of tokens that have expired anyway, signing keys
 * whose last token has ended. To be run by a job, about hourly; running it late or twice does no harm.
 */
export function cleanExpiredOauthState(db: Database, now: Date): Promise<CleanUp> {
  const before = addSeconds(now, -60)
  return db.auth(async (tx) => {
    const states = await tx.$executeRaw`delete from oauth_state where expires_at <= ${before}`
    const revocations = await tx.$executeRaw`delete from revoked_token where expires_at <= ${before}`
    const keys = await tx.$executeRaw`delete from keys.signing_key where remove_at <= ${before}`
    return { states, revocations, keys }
  })
}
