import { referenceSystem } from '../reference-system.ts'

/** Endpoints and deliveries. A delivery names the person of its event, whichever account's endpoint it goes to. */
export const webhooksSystem = referenceSystem({
  key: 'webhooks',
  name: 'Webhook endpoints and deliveries',
  tables: ['public.webhook_endpoint', 'public.webhook_key', 'public.webhook_delivery', 'public.webhook_attempt'],
  exception: 'DELIVERY_LOG',
  count: (tx, { accountId, subjectId }) =>
    tx.webhookDelivery.count({ where: { eventAccountId: accountId, subjectId } }),
})
