import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Proposals a caller may see: Staff who reads, decides or makes them all, nobody else any. */
export function approvalScope({ principal, scopes }: Session): Prisma.ApprovalWhereInput {
  if (principal !== 'STAFF') return NO_ROWS
  return scopes.has('approvals:read') || scopes.has('approvals:manage') || scopes.has('retention:manage') ? {} : NO_ROWS
}
