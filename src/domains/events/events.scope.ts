import type { Caller } from '../../db/caller.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

/** The feed that a caller reads: its processor's, else its account's; null where it has none. */
export function feedOf(caller: Caller): string | null {
  if (caller.principal === 'PROCESSOR') return caller.processorId
  return caller.principal === 'SUBJECT' || caller.principal === 'INTEGRATION' ? caller.accountId : null
}

/** Which entries of feeds a caller sees: those of its feed, and with the reach SELF of them those about itself. */
export function feedScope(caller: Caller): Prisma.EventFeedWhereInput {
  const feedId = feedOf(caller)
  if (feedId === null) return { feedId: { in: [] } }
  if (caller.principal === 'PROCESSOR' || caller.reach === 'ACCOUNT') return { feedId }
  return caller.subjectId === null ? { feedId: { in: [] } } : { feedId, subjectId: caller.subjectId }
}
