import { randomUUID } from 'node:crypto'
import { hashClientSecret, newClientSecret } from '../../auth/oauth/client-secret.ts'
import { CLIENT_SCOPES, type Scope } from '../../auth/permissions.ts'
import type { Session } from '../../auth/session.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { ApiClient } from '../../generated/prisma/client.ts'
import { addSeconds } from '../../time/clock.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import {
  ClientAuthenticationDiffers,
  ClientDisabled,
  ClientRotationRunning,
  ClientScopeNotAllowed,
  NotAvailable,
} from './accounts.problems.ts'
import { readKeySet, readNetworks } from './api-client-input.ts'

/** For how long the secret before stays good, in hours. */
export const OVERLAP_HOURS = { default: 24, max: 168 } as const

type ClientKey = { readonly accountId: string; readonly id: string }

/** What changes of a client; what is absent or null stays. */
export type ClientChange = {
  readonly label?: string | null
  readonly scopes?: readonly Scope[] | null
  /** Replaces all of them; empty: any. */
  readonly allowedNetworks?: readonly string[] | null
  /** Replaces the whole set of a `private_key_jwt` client. */
  readonly publicJwks?: string | null
}

/**
 * Changes a client of the caller's account, or by Staff any that it manages. Scopes and networks count at once, for
 * tokens that were given out too.
 * @throws NOT_AVAILABLE, CLIENT.DISABLED, CLIENT.SCOPE_NOT_ALLOWED, CLIENT.NETWORKS_NOT_VALID, CLIENT.KEYS_NOT_VALID,
 *   CLIENT.AUTHENTICATION_DIFFERS
 */
export function updateApiClient(
  deps: Deps,
  call: Call<Session>,
  { accountId, id, ...change }: ClientKey & ClientChange,
): Promise<ClientKey> {
  const key = { accountId, id }
  const publicJwks = change.publicJwks == null ? null : readKeySet(change.publicJwks)
  const allowedNetworks = change.allowedNetworks == null ? null : readNetworks(change.allowedNetworks)
  return writeClient(deps, call, key, async (tx, client) => {
    const allowed: readonly Scope[] = CLIENT_SCOPES[client.kind]
    const scopes = change.scopes == null ? null : [...new Set(change.scopes)]
    if (scopes && !scopes.every((scope) => allowed.includes(scope))) throw new ClientScopeNotAllowed()
    if (publicJwks && client.secretHash !== null) throw new ClientAuthenticationDiffers()
    const labelCipher = change.label == null ? null : await sealLabel(deps, tx, accountId, change.label)
    await tx.apiClient.updateMany({
      where: key,
      data: {
        ...(labelCipher ? { labelCipher } : {}),
        ...(scopes ? { scopes } : {}),
        ...(allowedNetworks ? { allowedNetworks } : {}),
        ...(publicJwks ? { publicJwks } : {}),
      },
    })
    await tell(deps, tx, call, key, 'client.updated')
    return key
  })
}

/** A rotation; the secret is shown this once, and never to a repeat of the call. */
export type RotatedSecret = ClientKey & { readonly rotation: string; readonly secret: string | null }

/**
 * Gives a client another secret. The one before stays good for `overlapHours`; with 0 it ends at once, and so does one
 * that was still good from a rotation before. Tokens that were given out stay good until they end.
 * @throws NOT_AVAILABLE, CLIENT.DISABLED, CLIENT.AUTHENTICATION_DIFFERS, CLIENT.ROTATION_RUNNING
 */
export async function rotateClientSecret(
  deps: Deps,
  call: Call<Session>,
  { accountId, id, overlapHours }: ClientKey & { readonly overlapHours: number },
): Promise<RotatedSecret> {
  const key = { accountId, id }
  const secret = newClientSecret()
  const secretHash = await hashClientSecret(secret)
  const own = randomUUID()
  const { rotation } = await writeClient(deps, call, key, async (tx, client) => {
    const now = deps.clock.now()
    if (client.secretHash === null) throw new ClientAuthenticationDiffers()
    const isRunning = client.previousSecretUntil !== null && client.previousSecretUntil > now
    if (isRunning && overlapHours > 0) throw new ClientRotationRunning()
    const previous =
      overlapHours > 0
        ? { previousSecretHash: client.secretHash, previousSecretUntil: addSeconds(now, overlapHours * 3600) }
        : { previousSecretHash: null, previousSecretUntil: null }
    await tx.apiClient.updateMany({ where: key, data: { secretHash, rotatedAt: now, ...previous } })
    await tell(deps, tx, call, key, 'client.secret_rotated')
    return { ...key, rotation: own }
  })
  return { ...key, rotation, secret: rotation === own ? secret : null }
}

/** Runs `change` with the client, which stays locked until the transaction ends: changes come one after the other. */
function writeClient<Outcome extends ClientKey>(
  deps: Deps,
  call: Call<Session>,
  { accountId, id }: ClientKey,
  change: (tx: Tx, client: ApiClient) => Promise<Outcome>,
): Promise<Outcome> {
  if (call.caller.principal !== 'STAFF' && call.caller.accountId !== accountId) throw new NotAvailable()
  return deps.db.write(
    call,
    async (tx) => {
      await tx.$executeRaw`select from api_client where account_id = ${accountId}::uuid and id = ${id}::uuid for update`
      const client = await tx.apiClient.findUnique({ where: { accountId_id: { accountId, id } } })
      if (!client) throw new NotAvailable()
      if (client.disabledAt) throw new ClientDisabled()
      return change(tx, client)
    },
    accountId,
  )
}

async function sealLabel(deps: Deps, tx: Tx, accountId: string, label: string) {
  const key = await deps.keys.keyForWriting(tx, { accountId, subjectId: null, category: 'ACCOUNT' })
  return deps.keys.seal(key, 'api-client.label', label)
}

async function tell(
  { clock }: Deps,
  tx: Tx,
  call: Call<Session>,
  { accountId, id }: ClientKey,
  kind: 'client.updated' | 'client.secret_rotated',
): Promise<void> {
  await recordAudit(tx, clock, call, { accountId, kind, recordType: 'ApiClient', recordIds: [id] })
  await emitEvent(tx, clock, { accountId, kind, payload: { clientId: id } })
}
