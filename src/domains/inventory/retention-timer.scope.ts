import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Timers a caller may see: Staff all, owners, admins and integrations those of their account, a person its own. */
export function timerScope(session: Session): Prisma.InventoryItemWhereInput {
  if (!session.scopes.has('retention:read')) return NO_ROWS
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null) return NO_ROWS
  if (session.reach === 'ACCOUNT') return { accountId: session.accountId }
  return session.subjectId === null ? NO_ROWS : { accountId: session.accountId, subjectId: session.subjectId }
}

/** Entries of the ledger a caller may see: Staff all, owners, admins and integrations those of their account. */
export function erasureScope(session: Session): Prisma.ErasureWhereInput {
  if (!session.scopes.has('retention:read')) return NO_ROWS
  if (session.principal === 'STAFF') return {}
  return session.accountId !== null && session.reach === 'ACCOUNT' ? { accountId: session.accountId } : NO_ROWS
}
