import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Audit events a caller may see: Staff with `audit:read` all, a subject what concerns it, others none. */
export function auditScope(session: Session): Prisma.AuditEventWhereInput {
  if (!session.scopes.has('audit:read')) return NO_ROWS
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null || session.subjectId === null) return NO_ROWS
  return { accountId: session.accountId, subjectId: session.subjectId }
}
