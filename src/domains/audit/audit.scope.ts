import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

/** Audit events a caller may see: Staff with `audit:read` all, a subject what concerns it, others none. */
export function auditScope(session: Session): Prisma.AuditEventWhereInput {
  if (!session.scopes.has('audit:read')) return { OR: [] }
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null || session.subjectId === null) return { OR: [] }
  return { accountId: session.accountId, subjectId: session.subjectId }
}
