import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Items a caller may see: Staff all, owners, admins and integrations those of their account, a person its own. */
export function inventoryScope(session: Session): Prisma.InventoryItemWhereInput {
  if (!session.scopes.has('inventory:read')) return NO_ROWS
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null) return NO_ROWS
  if (session.reach === 'ACCOUNT') return { accountId: session.accountId }
  return session.subjectId === null ? NO_ROWS : { accountId: session.accountId, subjectId: session.subjectId }
}

/** Whose items a caller may count: Staff all (no account), owners, admins and integrations their account's; else null. */
export function inventoryCountReach(session: Session): { readonly accountId: string | null } | null {
  if (!session.scopes.has('processing:read')) return null
  if (session.principal === 'STAFF') return { accountId: null }
  return session.accountId !== null && session.reach === 'ACCOUNT' ? { accountId: session.accountId } : null
}
