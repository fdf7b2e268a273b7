import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/**
 * Processors a caller may see: everyone those of the register, which is public. An account's own are shown to nobody
 * here. @param platformId the account that the register belongs to
 */
export function processorScope(session: Session, platformId: string): Prisma.ProcessorWhereInput {
  return session.scopes.has('public') ? { accountId: platformId } : NO_ROWS
}
