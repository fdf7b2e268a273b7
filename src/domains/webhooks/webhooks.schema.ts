import { WebhookEndpointState } from '../../generated/prisma/enums.ts'
import { refuseTarget } from '../../net/target-url.ts'
import { globalId, readTenantKey, tenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import { assertLength } from '../../schema/scalars.ts'
import { AccountNotActive, NotAvailable } from '../accounts/accounts.problems.ts'
import type { Deps } from '../deps.ts'
import {
  createWebhookEndpoint,
  deleteWebhookEndpoint,
  sendTestWebhook,
  setWebhookEndpointState,
  updateWebhookEndpoint,
} from './webhook-endpoint.service.ts'
import { rotateWebhookKeys } from './webhook-rotation.service.ts'
import { webhookEndpointField } from './webhooks.fields.ts'
import { TooManyWebhookEndpoints, WebhookEndpointDisabled } from './webhooks.problems.ts'
import './webhook-redelivery.schema.ts'
import './webhooks.queries.ts'
import { OVERLAP_HOURS, readWebhookKinds, WEBHOOK_KINDS } from './webhooks.rules.ts'

problemType(TooManyWebhookEndpoints, 'An account or processor has at most 20 webhook endpoints.')
problemType(WebhookEndpointDisabled, 'Nothing is sent to a disabled webhook endpoint.')

const TARGET =
  'Where to send: https, without credentials and fragment, at most 2,000 characters, a host that the public knows.'
const LABEL = 'A name for people, 1 to 100 characters.'
const KINDS = `Kinds of events to send, of: ${WEBHOOK_KINDS.join(', ')}.`
const SECRET = 'The secret for `v1` (`whsec_...`), shown this once; null for a repeat of the call.'
const PUBLIC_KEY = 'The Ed25519 public key for `v1a` (`whpk_...`).'
const ENDPOINT = 'Global id of the endpoint.'

const readEndpoint = (id: string) => readTenantKey('webhookEndpointId', 'WebhookEndpoint', id)

function readUrl(deps: Deps, url: string): string {
  const reason = refuseTarget(url, deps.settings.webhookNetworks)
  if (reason !== null) throw badInput('url', reason)
  return url
}

function readKinds(names: readonly string[]) {
  const kinds = readWebhookKinds(names)
  if (!kinds) throw badInput('kinds', 'names a kind of event that does not exist')
  return kinds
}

mutation('createWebhookEndpoint', {
  scope: 'webhooks:manage',
  description: "Creates an endpoint to which events of the caller's account or processor are sent from now on.",
  problems: [NotAvailable, AccountNotActive, TooManyWebhookEndpoints],
  input: (t) => ({
    url: t.string({ required: true, description: TARGET }),
    label: t.string({ description: LABEL }),
    kinds: t.stringList({ description: `${KINDS} Absent or empty: all.` }),
  }),
  run: async (deps, call, { url, label, kinds }) => {
    assertLength('label', label, 100)
    const input = { url: readUrl(deps, url), label: label ?? null, kinds: readKinds(kinds ?? []) }
    return createWebhookEndpoint(deps, call, input)
  },
  success: (t) => ({
    webhookEndpoint: webhookEndpointField(t),
    secret: t.exposeString('secret', { nullable: true, description: SECRET }),
    publicKey: t.exposeString('publicKey', { description: PUBLIC_KEY }),
  }),
})

mutation('updateWebhookEndpoint', {
  scope: 'webhooks:manage',
  description: 'Changes an endpoint. What waits for it goes to its new URL.',
  problems: [NotAvailable, AccountNotActive],
  input: (t) => ({
    webhookEndpointId: t.id({ required: true, description: ENDPOINT }),
    url: t.string({ description: `${TARGET} Absent: stays.` }),
    label: t.string({ description: `${LABEL} Absent: stays; null: none.` }),
    kinds: t.stringList({ description: `${KINDS} Absent: stay; empty: all.` }),
  }),
  run: async (deps, call, { webhookEndpointId, url, label, kinds }) => {
    assertLength('label', label, 100)
    if (url === null) throw badInput('url', 'must not be null')
    return updateWebhookEndpoint(deps, call, readEndpoint(webhookEndpointId), {
      ...(url === undefined ? {} : { url: readUrl(deps, url) }),
      ...(label === undefined ? {} : { label }),
      ...(kinds === undefined ? {} : { kinds: readKinds(kinds ?? []) }),
    })
  },
  success: (t) => ({ webhookEndpoint: webhookEndpointField(t) }),
})

mutation('setWebhookEndpointState', {
  scope: 'webhooks:manage',
  description:
    'Makes an endpoint active, paused (events wait) or disabled (what waits becomes DEAD, and nothing new is made).',
  problems: [NotAvailable],
  input: (t) => ({
    webhookEndpointId: t.id({ required: true, description: ENDPOINT }),
    state: t.field({ type: WebhookEndpointState, required: true, description: 'The new state.' }),
  }),
  run: (deps, call, { webhookEndpointId, state }) =>
    setWebhookEndpointState(deps, call, readEndpoint(webhookEndpointId), state),
  success: (t) => ({ webhookEndpoint: webhookEndpointField(t) }),
})

mutation('deleteWebhookEndpoint', {
  scope: 'webhooks:manage',
  description: 'Deletes an endpoint with its keys, its deliveries and their log.',
  problems: [NotAvailable],
  input: (t) => ({ webhookEndpointId: t.id({ required: true, description: ENDPOINT }) }),
  run: (deps, call, { webhookEndpointId }) => deleteWebhookEndpoint(deps, call, readEndpoint(webhookEndpointId)),
  readsBack: false,
  success: (t) => ({
    webhookEndpointId: t.id({
      description: 'Global id that the endpoint had.',
      resolve: (key) => globalId('WebhookEndpoint', tenantKey(key)),
    }),
  }),
})

mutation('rotateWebhookKeys', {
  scope: 'webhooks:manage',
  description:
    'Gives an endpoint a new secret and key, which sign at once. The pair before goes on signing for the overlap; one that an earlier rotation left signing ends now.',
  problems: [NotAvailable],
  input: (t) => ({
    webhookEndpointId: t.id({ required: true, description: ENDPOINT }),
    overlapHours: t.int({
      description: `For how many hours the pair before goes on signing: 0 to ${OVERLAP_HOURS.max}, default ${OVERLAP_HOURS.default}.`,
    }),
  }),
  run: async (deps, call, { webhookEndpointId, overlapHours }) => {
    const hours = overlapHours ?? OVERLAP_HOURS.default
    if (hours < 0 || hours > OVERLAP_HOURS.max) throw badInput('overlapHours', `must be 0 to ${OVERLAP_HOURS.max}`)
    return rotateWebhookKeys(deps, call, readEndpoint(webhookEndpointId), hours)
  },
  success: (t) => ({
    webhookEndpoint: webhookEndpointField(t),
    secret: t.exposeString('secret', { nullable: true, description: SECRET }),
    publicKey: t.exposeString('publicKey', { description: PUBLIC_KEY }),
  }),
})

mutation('sendTestWebhook', {
  scope: 'webhooks:manage',
  description: 'Sends an event of the kind `webhook.test` to one endpoint, whatever kinds it asks for.',
  problems: [NotAvailable, WebhookEndpointDisabled],
  input: (t) => ({ webhookEndpointId: t.id({ required: true, description: ENDPOINT }) }),
  run: (deps, call, { webhookEndpointId }) => sendTestWebhook(deps, call, readEndpoint(webhookEndpointId)),
  success: (t) => ({ webhookEndpoint: webhookEndpointField(t) }),
})
