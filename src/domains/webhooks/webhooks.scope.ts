import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** The account whose rows a caller's endpoints are, and its processor; null for callers that have none. */
export function webhookHome(session: Session): { accountId: string; processorId: string | null } | null {
  const { principal, processorId, accountId, reach } = session
  if (principal === 'PROCESSOR') return processorId === null ? null : { accountId: PLATFORM_ACCOUNT_ID, processorId }
  return accountId !== null && reach === 'ACCOUNT' ? { accountId, processorId: null } : null
}

/** Endpoints a caller may see: owners, admins and integrations those of their account, a processor its own. */
export function webhookEndpointScope(session: Session): Prisma.WebhookEndpointWhereInput {
  if (!session.scopes.has('webhooks:read')) return NO_ROWS
  return webhookHome(session) ?? NO_ROWS
}

/** Deliveries a caller may see: those to endpoints that it may see. */
export function webhookDeliveryScope(session: Session): Prisma.WebhookDeliveryWhereInput {
  if (!session.scopes.has('webhooks:read')) return NO_ROWS
  const home = webhookHome(session)
  return home ? { accountId: home.accountId, endpoint: home } : NO_ROWS
}
