import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { WebhookDeliveryState, WebhookEndpointState } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId, NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { webhookKeyRows } from './webhook-key-rows.ts'
import { openWebhookText } from './webhook-texts.ts'
import { DELIVERY_PROBLEMS } from './webhooks.rules.ts'
import { webhookDeliveryScope, webhookEndpointScope } from './webhooks.scope.ts'

builder.enumType(WebhookEndpointState, {
  name: 'WebhookEndpointState',
  description: 'Whether events are sent to an endpoint.',
  values: {
    ACTIVE: { description: 'They are.' },
    PAUSED: { description: 'They wait, for 30 days at most.' },
    DISABLED: { description: 'They are not, and none wait.' },
  },
})
builder.enumType(WebhookDeliveryState, {
  name: 'WebhookDeliveryState',
  description: 'Where an event is on its way to an endpoint.',
  values: {
    PENDING: { description: 'Waits for its next attempt.' },
    DELIVERED: { description: 'The endpoint answered 200 to 299.' },
    DEAD: { description: 'Given up, after ten attempts or because the endpoint was disabled; can be delivered again.' },
  },
})
const DisabledReason = builder.enumType('WebhookDisabledReason', {
  description: 'Why an endpoint is disabled.',
  values: {
    GONE: { description: 'It answered 410.' },
    CALLER: { description: 'A caller disabled it.' },
  } as const,
})
const DeliveryProblem = builder.enumType('WebhookProblem', {
  description: 'Why an attempt failed.',
  values: Object.fromEntries(
    Object.entries(DELIVERY_PROBLEMS).map(([problem, description]) => [problem, { description }]),
  ) as { [P in keyof typeof DELIVERY_PROBLEMS]: { description: string } },
})

const WebhookKeyType = builder.prismaObject('WebhookKey', {
  description: 'A pair of keys that signs what is sent: a secret (`v1`) and an Ed25519 key (`v1a`).',
  fields: (t) => ({
    publicKey: t.exposeString('publicKey', { description: 'The Ed25519 public key: `whpk_` and 32 bytes in base64.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ends, where a newer one has replaced it.',
    }),
  }),
})

export const WebhookEndpointNode = builder.prismaNode('WebhookEndpoint', {
  nullable: true,
  description: 'Where events are sent, by Standard Webhooks 1.0.0.',
  id: { resolve: (endpoint) => tenantKey(endpoint) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [webhookEndpointScope(context.session)],
  }),
  fields: (t) => ({
    url: t.string({
      nullable: true,
      description: 'The URL; null when its key was destroyed.',
      resolve: async ({ accountId, urlCipher }, _args, { deps, reads }) =>
        openWebhookText(
          deps.keys,
          await webhookKeyRows(reads, accountId),
          accountId,
          'webhook-endpoint.url',
          urlCipher,
        ),
    }),
    label: t.string({
      nullable: true,
      description: 'A name for people; null when it has none or its key was destroyed.',
      resolve: async ({ accountId, labelCipher: sealed }, _args, { deps, reads }) =>
        sealed &&
        openWebhookText(deps.keys, await webhookKeyRows(reads, accountId), accountId, 'webhook-endpoint.label', sealed),
    }),
    kinds: t.exposeStringList('kinds', { description: 'Kinds of events that are sent; empty: all.' }),
    state: t.expose('state', { type: WebhookEndpointState, description: 'Whether events are sent to it.' }),
    disabledReason: t.field({
      type: DisabledReason,
      nullable: true,
      description: 'Why it is disabled; null where it is not.',
      resolve: ({ disabledReason }) => disabledReason as typeof DisabledReason.$inferType | null,
    }),
    keys: t.relation('keys', {
      type: WebhookKeyType,
      description: 'The pairs that sign now: one, or two during a rotation; newest first.',
      query: (_args, { deps }) => ({
        where: { OR: [{ expiresAt: null }, { expiresAt: { gt: deps.clock.now() } }] },
        orderBy: { id: 'desc' },
      }),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
    deliveries: t.relatedConnection('deliveries', {
      description: 'Events on their way to it, newest first; kept for 30 days.',
      cursor: 'accountId_id',
      args: { state: t.arg({ type: WebhookDeliveryState, description: 'In this state.' }) },
      query: ({ state }, context) => ({
        where: { AND: [webhookDeliveryScope(context.session), state ? { state } : {}] },
        orderBy: { id: 'desc' },
      }),
    }),
  }),
})

const WebhookAttemptType = builder.prismaObject('WebhookAttempt', {
  description: 'One attempt to deliver: how it ended, never what was answered.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: '1 for the first; begins anew when it is delivered again.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it began.' }),
    status: t.exposeInt('status', { nullable: true, description: 'HTTP status of the answer, where there was one.' }),
    problem: t.field({
      type: DeliveryProblem,
      nullable: true,
      description: 'Why it failed; null where it succeeded.',
      resolve: ({ problem }) => problem as typeof DeliveryProblem.$inferType | null,
    }),
    durationMs: t.exposeInt('durationMs', { description: 'How long it took, in milliseconds.' }),
  }),
})

export const WebhookDeliveryNode = builder.prismaNode('WebhookDelivery', {
  nullable: true,
  description: 'An event on its way to an endpoint.',
  id: { resolve: (delivery) => tenantKey(delivery) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [webhookDeliveryScope(context.session)],
  }),
  fields: (t) => ({
    endpoint: t.relation('endpoint', { type: WebhookEndpointNode, description: 'Where it is sent.' }),
    eventId: t.exposeString('eventId', { description: 'UUID of the event: the `webhook-id` of every attempt.' }),
    eventKind: t.exposeString('kind', { description: 'Kind of the event.' }),
    sequence: t.expose('sequence', { type: 'BigInt', description: 'Number of the event in its feed.' }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person whom the event is about; null where it is about none, and for processors.',
      resolve: ({ accountId, eventAccountId, subjectId }) =>
        subjectId === null || accountId === PLATFORM_ACCOUNT_ID
          ? null
          : globalId('Subject', tenantKey({ accountId: eventAccountId, id: subjectId })),
    }),
    state: t.expose('state', { type: WebhookDeliveryState, description: 'Where it is.' }),
    attempts: t.exposeInt('attempts', { description: 'Attempts so far, since it was last asked for.' }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is tried next, at the earliest; null when it has ended.',
      resolve: ({ state, nextAttemptAt }) => (state === 'PENDING' ? nextAttemptAt : null),
    }),
    lastStatus: t.exposeInt('lastStatus', { nullable: true, description: 'HTTP status of the last answer.' }),
    lastProblem: t.field({
      type: DeliveryProblem,
      nullable: true,
      description: 'Why the last attempt failed.',
      resolve: ({ lastProblem }) => lastProblem as typeof DeliveryProblem.$inferType | null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the event was placed in its feed.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    log: t.relatedConnection('log', {
      type: WebhookAttemptType,
      description: 'Its attempts, latest first.',
      cursor: 'accountId_id',
      query: { orderBy: { id: 'desc' } },
    }),
  }),
})
