import { systemSession } from '../../auth/session.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import type { EventHandler } from '../events/events.jobs.ts'

/**
 * When an account was closed, its endpoints go with their keys and deliveries, and the key under which they were sealed.
 * Nobody is left to be told of it by one of them.
 */
export function deleteEndpointsOnClosed({ clock, keys }: Pick<Deps, 'clock' | 'keys'>): EventHandler<'account.closed'> {
  return {
    kind: 'account.closed',
    async handle(tx, event) {
      const { accountId } = event
      const gone = await tx.$queryRaw<{ id: string }[]>`
        delete from webhook_endpoint where account_id = ${accountId}::uuid returning id`
      await keys.destroy(tx, { accountId, subjectId: null, category: 'SECURITY' })
      if (gone.length === 0) return
      await recordAudit(
        tx,
        clock,
        { caller: systemSession(accountId), requestId: event.id },
        {
          accountId,
          kind: 'webhook.endpoint_deleted',
          recordType: 'WebhookEndpoint',
          recordIds: gone.map(({ id }) => id),
        },
      )
    },
  }
}
