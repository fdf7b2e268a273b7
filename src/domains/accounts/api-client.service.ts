import { hashClientSecret, newClientSecret } from '../../auth/oauth/client-secret.ts'
import { CLIENT_SCOPES, type Scope } from '../../auth/permissions.ts'
import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { ClientKind } from '../../generated/prisma/enums.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { assertActiveAccount, ownAccount } from './account-guards.ts'
import { ClientScopeNotAllowed, NotAvailable } from './accounts.problems.ts'
import { readKeySet, readNetworks } from './api-client-input.ts'

type NewClient = {
  readonly label: string
  readonly scopes?: readonly Scope[] | null
  /** A JWK Set of public keys as JSON text, for `private_key_jwt`; absent: a secret is made. */
  readonly publicJwks?: string | null
  /** Networks (CIDR) that it may call from; absent or empty: any. */
  readonly allowedNetworks?: readonly string[] | null
}

/** A client just made; the secret is shown this once, and never to a repeat of the call. */
export type CreatedClient = { accountId: string; id: string; secret: string | null }

/**
 * Creates an integration of the caller's account.
 * @throws ACCOUNT.NOT_ACTIVE, CLIENT.SCOPE_NOT_ALLOWED, CLIENT.KEYS_NOT_VALID, CLIENT.NETWORKS_NOT_VALID
 */
export function createApiClient(deps: Deps, call: Call<Session>, input: NewClient): Promise<CreatedClient> {
  return addClient(deps, call, ownAccount(call.caller), { ...input, kind: 'INTEGRATION', processorId: null })
}

/**
 * Creates a client of a processor of the register or of a gateway, by Staff.
 * @throws NOT_AVAILABLE for a PROCESSOR whose processor is not named, not in the register or ended; as above
 */
export function createPlatformClient(
  deps: Deps,
  call: Call<Session>,
  input: NewClient & { readonly kind: 'PROCESSOR' | 'GATEWAY'; readonly processorId?: string },
): Promise<CreatedClient> {
  const processorId = input.kind === 'PROCESSOR' ? input.processorId : null
  if (processorId === undefined) throw new NotAvailable()
  return addClient(deps, call, PLATFORM_ACCOUNT_ID, { ...input, processorId })
}

async function addClient(
  deps: Deps,
  call: Call<Session>,
  accountId: string,
  input: NewClient & { readonly kind: ClientKind; readonly processorId: string | null },
): Promise<CreatedClient> {
  const allowed: readonly Scope[] = CLIENT_SCOPES[input.kind]
  const scopes = [...new Set(input.scopes ?? allowed)]
  if (!scopes.every((scope) => allowed.includes(scope))) throw new ClientScopeNotAllowed()
  const publicJwks = input.publicJwks == null ? null : readKeySet(input.publicJwks)
  const allowedNetworks = readNetworks(input.allowedNetworks ?? [])
  const secret = publicJwks ? null : newClientSecret()
  const secretHash = secret && (await hashClientSecret(secret))
  const id = newId(deps.clock)
  const made = await deps.db.write(
    call,
    async (tx) => {
      if (accountId !== PLATFORM_ACCOUNT_ID) await assertActiveAccount(tx, accountId)
      if (input.processorId !== null) await assertProcessor(tx, input.processorId)
      const key = await deps.keys.keyForWriting(tx, { accountId, subjectId: null, category: 'ACCOUNT' })
      await tx.apiClient.createMany({
        data: [
          {
            accountId,
            id,
            kind: input.kind,
            processorId: input.processorId,
            labelCipher: deps.keys.seal(key, 'api-client.label', input.label),
            secretHash,
            ...(publicJwks ? { publicJwks } : {}),
            scopes,
            allowedNetworks,
            createdAt: deps.clock.now(),
          },
        ],
      })
      await recordAudit(tx, deps.clock, call, {
        accountId,
        kind: 'client.created',
        recordType: 'ApiClient',
        recordIds: [id],
      })
      return { accountId, id }
    },
    accountId,
  )
  return { ...made, secret: made.id === id ? secret : null }
}

/** One that ends meanwhile is no matter: tokens of its clients are refused from then on. @throws NOT_AVAILABLE */
async function assertProcessor(tx: Tx, id: string): Promise<void> {
  const where = { accountId: PLATFORM_ACCOUNT_ID, id, endedAt: null }
  if ((await tx.processor.count({ where })) === 0) throw new NotAvailable()
}

/**
 * Disables a client: its tokens end at once.
 * @throws NOT_AVAILABLE
 */
export async function disableApiClient(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string; readonly clientId: string },
): Promise<{ accountId: string; id: string }> {
  const { accountId, clientId: id } = input
  if (call.caller.principal !== 'STAFF' && call.caller.accountId !== accountId) throw new NotAvailable()
  return deps.db.write(
    call,
    async (tx) => {
      const where = { accountId, id, disabledAt: null }
      const { count } = await tx.apiClient.updateMany({ where, data: { disabledAt: deps.clock.now() } })
      if (count === 0) {
        const known = await tx.apiClient.findUnique({
          where: { accountId_id: { accountId, id } },
          select: { disabledAt: true },
        })
        if (!known?.disabledAt) throw new NotAvailable()
        return { accountId, id }
      }
      await recordAudit(tx, deps.clock, call, {
        accountId,
        kind: 'client.disabled',
        recordType: 'ApiClient',
        recordIds: [id],
      })
      await emitEvent(tx, deps.clock, { accountId, kind: 'client.disabled', payload: { clientId: id } })
      return { accountId, id }
    },
    accountId,
  )
}
