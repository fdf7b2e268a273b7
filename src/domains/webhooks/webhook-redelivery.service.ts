import type { Session } from '../../auth/session.ts'
import { callerName } from '../../db/caller.ts'
import type { Call } from '../../db/database.ts'
import type { WebhookDeliveryState } from '../../generated/prisma/enums.ts'
import { enqueueJob } from '../../jobs/jobs.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { type EndpointKey, lockEndpoint, ownWebhooks } from './webhook-endpoint.service.ts'
import { REDELIVERY, readRedelivery } from './webhooks.jobs.ts'
import { WebhookEndpointDisabled } from './webhooks.problems.ts'

/**
 * Makes a delivery due now, under the same `webhook-id`: one that has ended begins its attempts anew, one that waits
 * goes on with them.
 * @throws WEBHOOK.ENDPOINT_DISABLED, NOT_AVAILABLE
 */
export async function redeliverWebhook(deps: Deps, call: Call<Session>, key: EndpointKey): Promise<EndpointKey> {
  const home = ownWebhooks(call.caller)
  return deps.db.write(
    call,
    async (tx) => {
      if (key.accountId !== home.accountId) throw new NotAvailable()
      const delivery = await tx.webhookDelivery.findFirst({
        where: { ...key, endpoint: home },
        select: { endpointId: true },
      })
      if (!delivery) throw new NotAvailable()
      const endpoint = await lockEndpoint(tx, home, { accountId: key.accountId, id: delivery.endpointId })
      if (endpoint.state === 'DISABLED') throw new WebhookEndpointDisabled()
      const nextAttemptAt = deps.clock.now()
      const where = { accountId: key.accountId, id: key.id }
      await tx.webhookDelivery.updateMany({ where: { ...where, state: 'PENDING' }, data: { nextAttemptAt } })
      await tx.webhookDelivery.updateMany({
        where: { ...where, state: { not: 'PENDING' } },
        data: { state: 'PENDING', attempts: 0, nextAttemptAt, leasedUntil: null, finishedAt: null },
      })
      const entry = { accountId: key.accountId, kind: 'webhook.redelivery_requested' } as const
      await recordAudit(tx, deps.clock, call, { ...entry, recordType: 'WebhookDelivery', recordIds: [key.id] })
      return key
    },
    home.accountId,
  )
}

/** Which events to deliver again: written from `from` until before `to`, whose deliveries are in one of the states. */
export type Range = { readonly from: Date; readonly to: Date; readonly states: readonly WebhookDeliveryState[] }

/**
 * Queues a job that delivers a range of events again, and those that the endpoint never got, as far as the feed still
 * holds them.
 * Effects: a job with its total; audit.
 * @throws WEBHOOK.ENDPOINT_DISABLED, NOT_AVAILABLE
 */
export async function redeliverWebhooks(
  deps: Deps,
  call: Call<Session>,
  key: EndpointKey,
  range: Range,
): Promise<EndpointKey> {
  const home = ownWebhooks(call.caller)
  const { accountId } = home
  const feedId = home.processorId ?? accountId
  return deps.db.write(
    call,
    async (tx) => {
      const endpoint = await lockEndpoint(tx, home, key)
      if (endpoint.state === 'DISABLED') throw new WebhookEndpointDisabled()
      const { from, to, states } = range
      const [held] = await tx.$queryRaw<{ total: number; first: bigint | null; last: bigint | null }[]>`
        select count(*)::int as total, min(f.sequence) as first, max(f.sequence) as last
        from event_feed f join outbox_event event on event.account_id = f.account_id and event.id = f.event_id
        where f.feed_id = ${feedId}::uuid and event.created_at >= ${from} and event.created_at < ${to}`
      const payload = readRedelivery({
        ...{ accountId, endpointId: key.id, feedId, states: [...states] },
        ...{ from: from.toISOString(), to: to.toISOString() },
        ...{ after: Number(held?.first ?? 1) - 1, last: Number(held?.last ?? 0) },
      })
      const total = held?.total ?? 0
      const job = { accountId, kind: REDELIVERY, caller: callerName(call.caller), payload, total }
      const id = await enqueueJob(tx, deps.clock, job)
      const entry = { accountId, kind: 'webhook.redelivery_requested', recordType: 'WebhookEndpoint' } as const
      await recordAudit(tx, deps.clock, call, { ...entry, recordIds: [key.id] })
      return { accountId, id }
    },
    accountId,
  )
}
