import type { Session } from '../../auth/session.ts'

/**
 * Whose timers a caller may count: Staff all (no account), owners, admins and integrations their account's; else null.
 * A person counts nothing: it sees the timers of its own data one by one.
 */
export function statusReach(session: Session): { readonly accountId: string | null } | null {
  if (!session.scopes.has('retention:read')) return null
  if (session.principal === 'STAFF') return { accountId: null }
  return session.accountId !== null && session.reach === 'ACCOUNT' ? { accountId: session.accountId } : null
}
