import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'

/** The account whose rows a caller's endpoints are, and its processor; null for callers that have none. */
export function webhookHome(session: Session): { accountId: string; processorId: string | null } | null {
  const { principal, processorId, accountId, reach } = session
  if (principal === 'PROCESSOR') return processorId === null ? null : { accountId: PLATFORM_ACCOUNT_ID, processorId }
  return accountId !== null && reach === 'ACCOUNT' ? { accountId, processorId: null } : null
}
