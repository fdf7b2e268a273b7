import { z } from 'zod'
import rows from '../../../prisma/reference/retention-rules.json' with { type: 'json' }
import { DataCategory } from '../../generated/prisma/enums.ts'
import { addPeriod, isPeriod } from '../../time/period.ts'
import { textsShape } from '../texts.rules.ts'

/** What starts the period of a rule. */
export const RETENTION_TRIGGERS = ['CREATED', 'DELIVERED', 'RESOLVED', 'ACCOUNT_CLOSED', 'REQUEST_VERIFIED'] as const

/** What is done when the period is over. */
export const RETENTION_ACTIONS = ['DELETE', 'ANONYMISE', 'SHRED', 'DROP_PARTITION'] as const

const ruleShape = z.strictObject({
  category: z.enum(DataCategory),
  trigger: z.enum(RETENTION_TRIGGERS),
  /** ISO 8601; null: nobody has named a number. */
  period: z.string().refine(isPeriod).nullable(),
  action: z.enum(RETENTION_ACTIONS),
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

/** How long data of a category is kept, and what is done then. */
export type RetentionRule = Readonly<z.infer<typeof ruleShape>>

/** Every rule, former ones too. */
export const RETENTION_RULES: readonly RetentionRule[] = z.array(ruleShape).parse(rows)

/** The rule that holds for a category at an instant; null: there was none yet. */
export function retentionRuleOf(category: DataCategory, at: Date): RetentionRule | null {
  const day = at.toISOString().slice(0, 10)
  const inForce = RETENTION_RULES.filter((rule) => rule.category === category && rule.effectiveFrom <= day)
  return inForce.reduce<RetentionRule | null>(
    (latest, rule) => (latest && latest.effectiveFrom >= rule.effectiveFrom ? latest : rule),
    null,
  )
}

/**
 * When data whose period started at `startsAt` is due, by a rule.
 * Null where nothing started it, no rule holds, or the rule names no period.
 */
export function dueAt(rule: RetentionRule | null, startsAt: Date | null): Date | null {
  return rule?.period && startsAt ? addPeriod(startsAt, rule.period) : null
}
