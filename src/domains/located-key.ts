import type { DataCategory } from '../generated/prisma/enums.ts'
import type { LocatedKey } from './personal-data.ts'

/**
 * Where a page of `locatePage` goes on within one locator and category: `PAST` where the place lies before `after`,
 * `START` where all of it lies behind, and otherwise after the given subject.
 */
export function resumeAt(
  after: LocatedKey | null,
  locator: string,
  category: DataCategory,
): 'PAST' | 'START' | { readonly subjectId: string | null } {
  if (after === null || locator > after.locator) return 'START'
  if (locator < after.locator || category < after.category) return 'PAST'
  return category > after.category ? 'START' : { subjectId: after.subjectId }
}
