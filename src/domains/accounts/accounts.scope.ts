import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

const NOTHING = { OR: [] }

/** Accounts a caller may see: Staff all, a person and an integration its own. */
export function accountScope(session: Session): Prisma.AccountWhereInput {
  if (!session.scopes.has('accounts:read')) return NOTHING
  if (session.principal === 'STAFF') return {}
  return session.accountId === null ? NOTHING : { id: session.accountId }
}

/** Subjects a caller may see: Staff all, owners, admins and integrations those of their account, a person itself. */
export function subjectScope(session: Session): Prisma.SubjectWhereInput {
  if (!session.scopes.has('subjects:read')) return NOTHING
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null) return NOTHING
  if (session.reach === 'ACCOUNT') return { accountId: session.accountId }
  return session.subjectId === null ? NOTHING : { accountId: session.accountId, id: session.subjectId }
}

/** API clients a caller may see: Staff all, owners and admins those of their account. */
export function apiClientScope(session: Session): Prisma.ApiClientWhereInput {
  if (!session.scopes.has('clients:read')) return NOTHING
  if (session.principal === 'STAFF') return {}
  return session.accountId !== null && session.reach === 'ACCOUNT' ? { accountId: session.accountId } : NOTHING
}
