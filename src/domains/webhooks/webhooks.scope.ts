import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Endpoints a caller may see: owners, admins and integrations those of their account, a processor its own. */
export function webhookEndpointScope(session: Session): Prisma.WebhookEndpointWhereInput {
  const { principal, processorId, accountId, reach, scopes } = session
  if (!scopes.has('webhooks:read')) return NO_ROWS
  if (principal === 'PROCESSOR') return processorId === null ? NO_ROWS : { processorId }
  return accountId !== null && reach === 'ACCOUNT' ? { accountId, processorId: null } : NO_ROWS
}

/** Deliveries a caller may see: those to endpoints that it may see. */
export function webhookDeliveryScope(session: Session): Prisma.WebhookDeliveryWhereInput {
  return { endpoint: webhookEndpointScope(session) }
}
