import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Whose usage a caller may see: everyone's, an account's, one person's, or nobody's. */
export type UsageReach = { readonly accountId?: string; readonly subjectId?: string } | null

/** Staff all, owners, admins and integrations that of their account, a person its own; nobody without the scope. */
export function usageReach(session: Session, scope: 'usage:read' | 'usage:summarise' = 'usage:read'): UsageReach {
  if (!session.scopes.has(scope)) return null
  if (session.principal === 'STAFF') return {}
  const { accountId, subjectId, reach } = session
  if (accountId === null) return null
  if (reach === 'ACCOUNT') return { accountId }
  return subjectId === null ? null : { accountId, subjectId }
}

/** The same as a condition on usage events. */
export function usageScope(session: Session): Prisma.UsageEventWhereInput {
  return usageReach(session) ?? NO_ROWS
}
