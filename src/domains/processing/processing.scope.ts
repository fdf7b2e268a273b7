import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** The account whose declarations a caller may see: `null` where all (Staff), `undefined` where none. */
export function declarationReach(session: Session): string | null | undefined {
  if (!session.scopes.has('processing:read')) return undefined
  if (session.principal === 'STAFF') return null
  return session.reach === 'ACCOUNT' ? (session.accountId ?? undefined) : undefined
}

/** Systems a caller may see: Staff all, owners, admins and integrations those of their account and of this program. */
export function systemScope(session: Session): Prisma.SystemWhereInput {
  const reach = declarationReach(session)
  if (reach === undefined) return NO_ROWS
  return reach === null ? {} : { OR: [{ accountId: reach }, { builtIn: true }] }
}

/** Datasets a caller may see: Staff all, owners, admins and integrations those of their account. */
export function datasetScope(session: Session): Prisma.DatasetWhereInput {
  const reach = declarationReach(session)
  if (reach === undefined) return NO_ROWS
  return reach === null ? {} : { accountId: reach }
}

/** Comparisons of the inventory that a caller may see: Staff all, others none. */
export function reconciliationScope(session: Session): Prisma.ReconciliationWhereInput {
  return session.principal === 'STAFF' && session.scopes.has('processing:read') ? {} : NO_ROWS
}
