import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

const NO_ACCOUNT = { id: { in: [] as string[] } }

/** Accounts a caller may see: Staff all, a person and an integration its own. */
export function accountScope(session: Session): Prisma.AccountWhereInput {
  if (!session.scopes.has('accounts:read')) return NO_ACCOUNT
  if (session.principal === 'STAFF') return {}
  return session.accountId === null ? NO_ACCOUNT : { id: session.accountId }
}

/** Subjects a caller may see: Staff all, owners, admins and integrations those of their account, a person itself. */
export function subjectScope(session: Session): Prisma.SubjectWhereInput {
  if (!session.scopes.has('subjects:read')) return NO_ROWS
  if (session.principal === 'STAFF') return {}
  if (session.accountId === null) return NO_ROWS
  if (session.reach === 'ACCOUNT') return { accountId: session.accountId }
  return session.subjectId === null ? NO_ROWS : { accountId: session.accountId, id: session.subjectId }
}

/** API clients a caller may see: Staff all, owners and admins those of their account. */
export function apiClientScope(session: Session): Prisma.ApiClientWhereInput {
  if (!session.scopes.has('clients:read')) return NO_ROWS
  if (session.principal === 'STAFF') return {}
  return session.accountId !== null && session.reach === 'ACCOUNT' ? { accountId: session.accountId } : NO_ROWS
}
