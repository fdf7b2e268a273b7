import type { LegalHold } from '../../generated/prisma/client.ts'
import type { DataCategory, HoldScope, InventoryState } from '../../generated/prisma/enums.ts'
import { addPeriod } from '../../time/period.ts'

export { readDate } from '../processors/processors.rules.ts'

/** The longest name of an authority, in characters. */
export const HOLD_AUTHORITY_MAX = 500

/** The longest reason for placing or releasing a hold, in characters. */
export const HOLD_REASON_MAX = 2_000

/** How far ahead the review of a hold may lie, ISO 8601. */
export const HOLD_REVIEW_PERIOD_MAX = 'P24M'

/** How many items are marked or unmarked in one transaction. */
export const HOLD_BATCH = 1_000

/** States of what is not ended. */
export const LIVING = ['LIVE', 'HELD', 'RESTRICTED'] as const satisfies readonly InventoryState[]

/** What a hold covers: nothing but what it names. */
export type HoldTarget = {
  readonly accountId: string
  readonly scope: HoldScope
  readonly itemId: string | null
  readonly subjectId: string | null
  readonly category: DataCategory | null
}

/** Which fields of a call name what is to be held. */
export type NamedTarget = {
  readonly itemId?: string | null | undefined
  readonly subjectId?: string | null | undefined
  readonly category?: DataCategory | null | undefined
  readonly accountId?: string | null | undefined
}

/** A field that is at fault, and why. */
export type HoldFault = { readonly field: string; readonly reason: string }

/** Why the fields do not name exactly one item, person, category of a person, or account; null where they do. */
export function targetFault(named: NamedTarget): HoldFault | null {
  const given = (['itemId', 'subjectId', 'accountId'] as const).filter((field) => Boolean(named[field]))
  const [first, second] = given
  if (!first) return { field: 'itemId', reason: 'or subjectId or accountId must be given' }
  if (second) return { field: second, reason: `must not be given together with ${first}` }
  if (named.category && first !== 'subjectId')
    return { field: 'category', reason: 'must not be given without subjectId' }
  return null
}

/** Midnight UTC of the day in which an instant lies. */
const dayOf = (at: Date) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()))

/** Whether a hold may be reviewed on this day (midnight UTC): after today, and at most 24 months ahead. */
export function isReviewDay(reviewOn: Date, now: Date): boolean {
  const today = dayOf(now)
  return reviewOn > today && reviewOn <= addPeriod(today, HOLD_REVIEW_PERIOD_MAX)
}

/** Whether a hold is in force although the day of its review is over. */
export const isReviewOverdue = (hold: Pick<LegalHold, 'reviewOn' | 'releasedAt'>, now: Date): boolean =>
  hold.releasedAt === null && hold.reviewOn < dayOf(now)
