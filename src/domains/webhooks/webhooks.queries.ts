import { WebhookDeliveryState, WebhookEndpointState } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import type { Context } from '../../schema/types.ts'
import { isUuid } from '../../time/id.ts'
import { NO_ROWS } from '../no-rows.rules.ts'
import { webhookHome } from './webhook-home.ts'
import { readWebhookKinds, WEBHOOK_KINDS } from './webhooks.rules.ts'
import { webhookDeliveryScope, webhookEndpointScope } from './webhooks.scope.ts'
import { WebhookDeliveryNode, WebhookEndpointNode } from './webhooks.types.ts'

const EndpointFilter = builder.inputType('WebhookEndpointFilter', {
  description: 'Which endpoints; conditions are combined by AND.',
  fields: (t) => ({ state: t.field({ type: WebhookEndpointState, description: 'In this state.' }) }),
})

const DeliveryFilter = builder.inputType('WebhookDeliveryFilter', {
  description: 'Which deliveries; conditions are combined by AND.',
  fields: (t) => ({
    endpointId: t.id({ description: 'To this endpoint.' }),
    eventKind: t.string({ description: `Of this kind of event: ${WEBHOOK_KINDS.join(', ')}.` }),
    eventId: t.string({ description: 'Of the event with this UUID.' }),
    state: t.field({ type: WebhookDeliveryState, description: 'In this state.' }),
    subjectId: t.id({ description: 'Of events about this person; a processor finds none.' }),
    from: t.field({ type: 'DateTime', description: 'Made at or after this instant.' }),
    to: t.field({ type: 'DateTime', description: 'Made before this instant.' }),
  }),
})

function deliveryWhere({ session }: Context, filter: typeof DeliveryFilter.$inferInput | null | undefined) {
  const { endpointId, eventKind, eventId, state, subjectId, from, to } = filter ?? {}
  if (eventKind && !readWebhookKinds([eventKind])) throw badInput('filter.eventKind', 'is no kind of event')
  if (eventId && !isUuid(eventId)) throw badInput('filter.eventId', 'must be a UUID')
  if (from && to && from >= to) throw badInput('filter.to', 'must lie after filter.from')
  const home = webhookHome(session)
  const endpoint = endpointId ? readTenantKey('filter.endpointId', 'WebhookEndpoint', endpointId) : null
  const subject = subjectId ? readTenantKey('filter.subjectId', 'Subject', subjectId) : null
  return {
    AND: [
      webhookDeliveryScope(session),
      // The account leads the index of the list, which the scope of a processor does not name.
      home ? { accountId: home.accountId } : NO_ROWS,
      endpoint ? { accountId: endpoint.accountId, endpointId: endpoint.id } : {},
      subject ? { accountId: subject.accountId, eventAccountId: subject.accountId, subjectId: subject.id } : {},
      subject && session.principal === 'PROCESSOR' ? NO_ROWS : {},
      eventKind ? { kind: eventKind } : {},
      eventId ? { eventId } : {},
      state ? { state } : {},
      { createdAt: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) } },
    ],
  }
}

builder.queryFields((t) => ({
  webhookEndpoints: t.prismaConnection({
    type: WebhookEndpointNode,
    cursor: 'accountId_id',
    ...needs('webhooks:read', "Endpoints of the caller's account or processor, newest first."),
    args: { filter: t.arg({ type: EndpointFilter, description: 'Which ones; absent: all.' }) },
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.webhookEndpoint.findMany({
        ...query,
        where: { AND: [webhookEndpointScope(session), filter?.state ? { state: filter.state } : {}] },
        orderBy: { id: 'desc' },
      }),
  }),
  webhookDeliveries: t.prismaConnection({
    type: WebhookDeliveryNode,
    cursor: 'accountId_id',
    ...needs(
      'webhooks:read',
      "Events on their way to endpoints of the caller's account or processor, newest first; kept for 30 days.",
    ),
    args: { filter: t.arg({ type: DeliveryFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_connection, { filter }, context) =>
      context.reads.tx.webhookDelivery.count({ where: deliveryWhere(context, filter) }),
    resolve: (query, _root, { filter }, context) =>
      context.reads.tx.webhookDelivery.findMany({
        ...query,
        where: deliveryWhere(context, filter),
        orderBy: { id: 'desc' },
      }),
  }),
}))
