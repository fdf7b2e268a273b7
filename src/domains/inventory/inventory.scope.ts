import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

/** Items a caller may see: Staff all, owners, admins and integrations those of their account, a person its own. */
export function inventoryScope(session: Session): Prisma.InventoryItemWhereInput {
  const nothing = { OR: [] }
  if (!session.scopes.has('inventory:read')) return nothing
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null) return nothing
  if (session.reach === 'ACCOUNT') return { accountId: session.accountId }
  return session.subjectId === null ? nothing : { accountId: session.accountId, subjectId: session.subjectId }
}

/** Whose items a caller may count: Staff all (no account), owners, admins and integrations their account's; else null. */
export function inventoryCountReach(session: Session): { readonly accountId: string | null } | null {
  if (!session.scopes.has('processing:read')) return null
  if (session.principal === 'STAFF') return { accountId: null }
  return session.accountId !== null && session.reach === 'ACCOUNT' ? { accountId: session.accountId } : null
}
