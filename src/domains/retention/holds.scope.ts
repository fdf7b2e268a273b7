import type { Session } from '../../auth/session.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { NO_ROWS } from '../no-rows.rules.ts'

/** Legal holds a caller may see as such: Staff with `holds:manage` all, everyone else none. */
export function holdScope(session: Session): Prisma.LegalHoldWhereInput {
  return session.principal === 'STAFF' && session.scopes.has('holds:manage') ? {} : NO_ROWS
}
