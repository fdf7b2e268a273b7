import type { Session } from '../../auth/session.ts'

/**
 * Whether a caller may read what closing an account does to what it holds: those who have the whole account in reach
 * (owners, admins, integrations), and Staff who may read timers or the inventory.
 */
export function mayReadClosing(session: Session, accountId: string): boolean {
  const { principal, scopes, reach } = session
  if (!scopes.has('accounts:read')) return false
  if (principal === 'STAFF') return scopes.has('retention:read') || scopes.has('inventory:read')
  return session.accountId === accountId && reach === 'ACCOUNT'
}
