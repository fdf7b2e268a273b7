import { z } from 'zod'
import rows from '../../../prisma/reference/retention-rules.json' with { type: 'json' }
import { DataCategory, RetentionAction, RetentionTrigger } from '../../generated/prisma/enums.ts'
import { addPeriod, isPeriod } from '../../time/period.ts'
import { textsShape } from '../texts.rules.ts'

/** The period of what may not be kept at all. */
export const NO_TIME = 'PT0S'

const ruleShape = z.strictObject({
  id: z.uuid(),
  category: z.enum(DataCategory),
  trigger: z.enum(RetentionTrigger),
  /** ISO 8601; PT0S: it may not be kept at all. */
  period: z.string().refine((value) => value === NO_TIME || isPeriod(value)),
  action: z.enum(RetentionAction),
  /** Clause of the privacy policy. */
  clause: z.string().regex(/^§\d+\.\d+$/),
  description: textsShape,
  legalSource: z.string().min(1),
  /** Where trigger and period come from. */
  source: z.string().min(1),
  verifiedOn: z.iso.date(),
  verified: z.boolean(),
  /** First day on which it holds, UTC. */
  effectiveFrom: z.iso.date(),
  note: z.string().min(1).optional(),
})

/** A rule as the program brings it along. */
export type SeedRule = Readonly<z.infer<typeof ruleShape>>

/** The rules that the program brings along, in the order in which they are written. */
export const SEED_RULES: readonly SeedRule[] = z.array(ruleShape).parse(rows)

/** What counts of a rule when an instant is computed. */
export type TimedRule = { readonly trigger: RetentionTrigger; readonly period: string }

/** What has happened to data so far, by trigger; absent: it has not. */
export type Triggered = Readonly<Partial<Record<RetentionTrigger, Date>>>

/**
 * When data is due: of every trigger that has happened, the earliest instant; where it may not be kept at all, that of
 * the trigger itself. Null where none has happened. The function `app.retention_plan` of the database computes the same.
 */
export function dueAt(rulesInEffect: readonly TimedRule[], triggered: Triggered): Date | null {
  let earliest: Date | null = null
  for (const { trigger, period } of rulesInEffect) {
    const startsAt = triggered[trigger]
    if (!startsAt) continue
    const due = period === NO_TIME ? startsAt : addPeriod(startsAt, period)
    if (earliest === null || due < earliest) earliest = due
  }
  return earliest
}
