import type { Session } from '../../auth/session.ts'
import type { Call, Tx } from '../../db/database.ts'
import { newId } from '../../time/id.ts'
import { assertActiveAccount } from '../accounts/account-guards.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import type { AuditKind } from '../audit/audit.rules.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import type { EventKind } from '../events/events.rules.ts'
import { emitEvent } from '../events/events.service.ts'
import { webhookHome } from './webhook-home.ts'
import { newWebhookKeyPair } from './webhook-keys.ts'
import { giveUp } from './webhook-results.ts'
import { webhookTextKey } from './webhook-texts.ts'
import { TooManyWebhookEndpoints, WebhookEndpointDisabled } from './webhooks.problems.ts'
import { ENDPOINTS_MAX } from './webhooks.rules.ts'

/** The key of an endpoint's row. */
export type EndpointKey = { readonly accountId: string; readonly id: string }
/** What a caller says of an endpoint. The URL must have been checked. */
export type EndpointInput = {
  readonly url: string
  readonly label: string | null
  /** Empty: all. */
  readonly kinds: readonly EventKind[]
}
/** New keys; the secret is shown this once, and never to a repeat of the call. */
export type NewKeys = EndpointKey & { readonly secret: string | null; readonly publicKey: string }

type Home = NonNullable<ReturnType<typeof webhookHome>>

/** Whose endpoints the caller's are. @throws NotAvailable for callers that have none */
export function ownWebhooks(caller: Session): Home {
  const home = webhookHome(caller)
  if (!home) throw new NotAvailable()
  return home
}

/**
 * Creates an endpoint of the caller's account or processor, with its first keys.
 * Effects: `webhook_endpoint`, `webhook_key`; audit.
 * @throws ACCOUNT.NOT_ACTIVE, WEBHOOK.TOO_MANY_ENDPOINTS, NOT_AVAILABLE
 */
export async function createWebhookEndpoint(deps: Deps, call: Call<Session>, input: EndpointInput): Promise<NewKeys> {
  const home = ownWebhooks(call.caller)
  const { accountId, processorId } = home
  const id = newId(deps.clock)
  const pair = newWebhookKeyPair()
  const made = await deps.db.write(
    call,
    async (tx) => {
      if (processorId === null) await assertActiveAccount(tx, accountId)
      await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`webhooks/${processorId ?? accountId}`}, 0))`
      if ((await tx.webhookEndpoint.count({ where: home })) >= ENDPOINTS_MAX) throw new TooManyWebhookEndpoints()
      const now = deps.clock.now()
      const sealed = await sealEndpoint(deps, tx, accountId, input)
      const row = { accountId, id, processorId, kinds: [...input.kinds], createdAt: now, updatedAt: now }
      await tx.webhookEndpoint.createMany({ data: [{ ...row, ...sealed }] })
      await addKey(deps, tx, { accountId, id }, pair)
      await note(deps, tx, call, { accountId, id }, 'webhook.endpoint_created')
      return { accountId, id, publicKey: pair.publicKey }
    },
    accountId,
  )
  return { ...made, secret: made.publicKey === pair.publicKey ? pair.secret : null }
}

async function sealEndpoint(deps: Deps, tx: Tx, accountId: string, input: Pick<EndpointInput, 'url' | 'label'>) {
  const key = await webhookTextKey(tx, deps.keys, accountId)
  return {
    urlCipher: deps.keys.seal(key, 'webhook-endpoint.url', input.url),
    labelCipher: input.label === null ? null : deps.keys.seal(key, 'webhook-endpoint.label', input.label),
  }
}

/** Adds the pair that signs from now on. */
export async function addKey(
  deps: Deps,
  tx: Tx,
  { accountId, id: endpointId }: EndpointKey,
  pair: ReturnType<typeof newWebhookKeyPair>,
): Promise<void> {
  const key = await webhookTextKey(tx, deps.keys, accountId)
  await tx.webhookKey.createMany({
    data: [
      {
        ...{ accountId, id: newId(deps.clock), endpointId, publicKey: pair.publicKey, createdAt: deps.clock.now() },
        secretCipher: deps.keys.seal(key, 'webhook-key.secret', pair.secret),
        privateCipher: deps.keys.seal(key, 'webhook-key.private', pair.privateKey),
      },
    ],
  })
}

/** Notes in the audit what was done to an endpoint. */
export function note(
  deps: Deps,
  tx: Tx,
  call: Call<Session>,
  { accountId, id }: EndpointKey,
  kind: AuditKind,
): Promise<void> {
  return recordAudit(tx, deps.clock, call, { accountId, kind, recordType: 'WebhookEndpoint', recordIds: [id] })
}

/**
 * Locks an endpoint of the caller until the transaction ends.
 * @throws NotAvailable for another's, or none
 */
export async function lockEndpoint(tx: Tx, home: Home, { accountId, id }: EndpointKey) {
  if (accountId !== home.accountId) throw new NotAvailable()
  await tx.$executeRaw`
    select from webhook_endpoint where account_id = ${accountId}::uuid and id = ${id}::uuid for update`
  const endpoint = await tx.webhookEndpoint.findFirst({ where: { ...home, id } })
  if (!endpoint) throw new NotAvailable()
  return endpoint
}

/**
 * Changes URL, label or kinds; absent stays. What is under way goes to the old URL, what waits to the new one.
 * @throws ACCOUNT.NOT_ACTIVE, NOT_AVAILABLE
 */
export async function updateWebhookEndpoint(
  deps: Deps,
  call: Call<Session>,
  key: EndpointKey,
  input: Partial<EndpointInput>,
): Promise<EndpointKey> {
  const home = ownWebhooks(call.caller)
  const { accountId } = home
  return deps.db.write(
    call,
    async (tx) => {
      if (home.processorId === null) await assertActiveAccount(tx, accountId)
      await lockEndpoint(tx, home, key)
      const { url, label, kinds } = input
      const sealing = await webhookTextKey(tx, deps.keys, accountId)
      await tx.webhookEndpoint.updateMany({
        where: { ...home, id: key.id },
        data: {
          updatedAt: deps.clock.now(),
          ...(kinds === undefined ? {} : { kinds: [...kinds] }),
          ...(url === undefined ? {} : { urlCipher: deps.keys.seal(sealing, 'webhook-endpoint.url', url) }),
          ...(label === undefined
            ? {}
            : { labelCipher: label === null ? null : deps.keys.seal(sealing, 'webhook-endpoint.label', label) }),
        },
      })
      await note(deps, tx, call, key, 'webhook.endpoint_updated')
      return key
    },
    accountId,
  )
}

/**
 * Makes an endpoint active, paused (events wait for it) or disabled (what waits is given up, and nothing new is made).
 * @throws NOT_AVAILABLE
 */
export async function setWebhookEndpointState(
  deps: Deps,
  call: Call<Session>,
  key: EndpointKey,
  state: 'ACTIVE' | 'PAUSED' | 'DISABLED',
): Promise<EndpointKey> {
  const home = ownWebhooks(call.caller)
  return deps.db.write(
    call,
    async (tx) => {
      const before = await lockEndpoint(tx, home, key)
      if (before.state === state) return key
      const now = deps.clock.now()
      const disabledReason = state === 'DISABLED' ? 'CALLER' : null
      await tx.webhookEndpoint.updateMany({
        where: { ...home, id: key.id },
        data: { state, disabledReason, updatedAt: now },
      })
      if (state === 'DISABLED') await giveUp(tx, now, { accountId: key.accountId, endpointId: key.id })
      await note(deps, tx, call, key, 'webhook.endpoint_state_changed')
      return key
    },
    home.accountId,
  )
}

/** Deletes an endpoint with its keys and deliveries. @throws NOT_AVAILABLE */
export async function deleteWebhookEndpoint(deps: Deps, call: Call<Session>, key: EndpointKey): Promise<EndpointKey> {
  const home = ownWebhooks(call.caller)
  return deps.db.write(
    call,
    async (tx) => {
      await lockEndpoint(tx, home, key)
      await tx.webhookEndpoint.deleteMany({ where: { ...home, id: key.id } })
      await note(deps, tx, call, key, 'webhook.endpoint_deleted')
      return key
    },
    home.accountId,
  )
}

/** Makes a test event, which goes to this endpoint alone. @throws WEBHOOK.ENDPOINT_DISABLED, NOT_AVAILABLE */
export async function sendTestWebhook(deps: Deps, call: Call<Session>, key: EndpointKey): Promise<EndpointKey> {
  const home = ownWebhooks(call.caller)
  const { accountId, processorId } = home
  return deps.db.write(
    call,
    async (tx) => {
      const { state } = await lockEndpoint(tx, home, key)
      if (state === 'DISABLED') throw new WebhookEndpointDisabled()
      const event = { accountId, kind: 'webhook.test', payload: { endpointId: key.id } } as const
      await emitEvent(tx, deps.clock, processorId === null ? event : { ...event, processorId })
      await note(deps, tx, call, key, 'webhook.test_sent')
      return key
    },
    accountId,
  )
}
