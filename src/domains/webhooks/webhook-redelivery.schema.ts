import { WebhookDeliveryState } from '../../generated/prisma/enums.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { badInput } from '../../schema/refusals.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { redeliverWebhook, redeliverWebhooks } from './webhook-redelivery.service.ts'
import { webhookDeliveryField } from './webhooks.fields.ts'
import { WebhookEndpointDisabled } from './webhooks.problems.ts'

mutation('redeliverWebhook', {
  scope: 'webhooks:manage',
  description: 'Sends an event again to its endpoint, now and with the same `webhook-id`.',
  problems: [NotAvailable, WebhookEndpointDisabled],
  input: (t) => ({ webhookDeliveryId: t.id({ required: true, description: 'Global id of the delivery.' }) }),
  run: (deps, call, { webhookDeliveryId }) =>
    redeliverWebhook(deps, call, readTenantKey('webhookDeliveryId', 'WebhookDelivery', webhookDeliveryId)),
  success: (t) => ({ webhookDelivery: webhookDeliveryField(t) }),
})

mutation('redeliverWebhooks', {
  scope: 'webhooks:manage',
  description:
    'Sends the events of a range of time again, and those that the endpoint never got, as far as the feed holds them (30 days). The job shows its progress.',
  problems: [NotAvailable, WebhookEndpointDisabled],
  input: (t) => ({
    webhookEndpointId: t.id({ required: true, description: 'Global id of the endpoint.' }),
    from: t.field({ type: 'DateTime', required: true, description: 'Events that happened at or after this instant.' }),
    to: t.field({ type: 'DateTime', required: true, description: 'Events that happened before this instant.' }),
    states: t.field({
      type: [WebhookDeliveryState],
      description: 'Deliveries in these states, DELIVERED or DEAD; default DEAD. Empty: only what it never got.',
    }),
  }),
  run: async (deps, call, { webhookEndpointId, from, to, states }) => {
    if (from >= to) throw badInput('to', 'must lie after from')
    const key = readTenantKey('webhookEndpointId', 'WebhookEndpoint', webhookEndpointId)
    return redeliverWebhooks(deps, call, key, { from, to, states: [...new Set(states ?? ['DEAD' as const])] })
  },
  success: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job; it can be asked for again by its id.',
      resolve: (query, { accountId, id }, _args, { reads }) =>
        reads.tx.job.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
    }),
  }),
})
