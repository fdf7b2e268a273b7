import { z } from 'zod'
import type { DataCategory, RetentionTrigger } from '../../generated/prisma/enums.ts'
import type { AvailableTexts } from '../texts.rules.ts'

/** The longest text that a rule may show, in characters. */
export const RULE_TEXT_MAX = 500

/** The texts of a rule: English, and whatever other language there is. */
export const ruleTextsShape = z.strictObject({
  en: z.string().trim().min(1).max(RULE_TEXT_MAX),
  de: z.string().trim().min(1).max(RULE_TEXT_MAX).exactOptional(),
})

/** The texts of a rule as its row has them. @throws ZodError when they have another shape: a mistake of the program */
export const ruleTextsOf = (value: unknown): AvailableTexts => ruleTextsShape.parse(value)

/** Where a rule is in its life. */
export const RULE_STATES = ['FUTURE', 'IN_EFFECT', 'SUPERSEDED'] as const

/** The name of such a state. */
export type RuleState = (typeof RULE_STATES)[number]

/** What counts of a rule when it is asked which are in effect. */
export type VersionedRule = {
  readonly id: string
  readonly version: number
  readonly category: DataCategory
  readonly trigger: RetentionTrigger
  readonly effectiveFrom: Date
}

/**
 * The rules in effect at an instant: of each category and trigger the one that took effect last, and of those the
 * highest version. The function `app.retention_plan` of the database chooses the same.
 */
export function inEffectAt<R extends VersionedRule>(rules: readonly R[], at: Date): R[] {
  const chosen = new Map<string, R>()
  for (const rule of rules) {
    if (rule.effectiveFrom > at) continue
    const key = `${rule.category} ${rule.trigger}`
    const other = chosen.get(key)
    const from = other && rule.effectiveFrom.getTime() - other.effectiveFrom.getTime()
    if (other === undefined || from === undefined || from > 0 || (from === 0 && rule.version > other.version))
      chosen.set(key, rule)
  }
  return [...chosen.values()].sort((a, b) => a.version - b.version)
}
