import type { SchemaTypes } from '../../schema/types.ts'
import { WebhookDeliveryNode, WebhookEndpointNode } from './webhooks.types.ts'

type FieldsOf<Outcome> = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  Outcome
>

/** The field `webhookEndpoint` of a mutation's success. */
export const webhookEndpointField = <T extends { accountId: string; id: string }>(t: FieldsOf<T>) =>
  t.prismaField({
    type: WebhookEndpointNode,
    description: 'The endpoint.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.webhookEndpoint.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })

/** The field `webhookDelivery` of a mutation's success. */
export const webhookDeliveryField = <T extends { accountId: string; id: string }>(t: FieldsOf<T>) =>
  t.prismaField({
    type: WebhookDeliveryNode,
    description: 'The delivery.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.webhookDelivery.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })
