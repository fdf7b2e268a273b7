import { z } from 'zod'
import { DataCategory, RetentionAction, RetentionTrigger } from '../../generated/prisma/enums.ts'
import { addPeriod, isPeriod } from '../../time/period.ts'
import { ruleTextsShape } from '../inventory/retention-rule.rules.ts'
import { NO_TIME } from './retention.rules.ts'

/** The longest source of a rule, in characters. */
export const RULE_SOURCE_MAX = 500

/** The longest note of a rule, in characters. */
export const RULE_NOTE_MAX = 1_000

/** How long a rule may keep data at most: 100 years. */
export const RULE_YEARS_MAX = 100

/** How far ahead a rule may take effect: 10 years. */
const AHEAD = 'P10Y'

/** One line of text, with a letter or digit in it. */
const LINE = /^(?=.*[\p{L}\p{N}])[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u

/** A rule as Staff proposes it, as it is stored until it is approved. Its texts are statements to the public. */
export const ruleProposalShape = z.strictObject({
  category: z.enum(DataCategory),
  trigger: z.enum(RetentionTrigger),
  /** ISO 8601; PT0S: it may not be kept at all. */
  period: z.string(),
  action: z.enum(RetentionAction),
  clause: z.string(),
  description: ruleTextsShape,
  legalSource: z.string().max(RULE_SOURCE_MAX),
  source: z.string().max(RULE_SOURCE_MAX),
  verifiedOn: z.iso.date(),
  verified: z.boolean(),
  note: z.string().max(RULE_NOTE_MAX).nullable(),
  /** When it is to take effect; null: when it is approved. */
  effectiveFrom: z.iso.datetime().nullable(),
})

/** What is proposed. */
export type RuleProposal = Readonly<z.output<typeof ruleProposalShape>>

/** Which field is at fault, and why, without the value. */
export type ProposalFault = { readonly field: string; readonly reason: string }

/** Categories that lie in months which are dropped as a whole, counted from writing. */
const BY_MONTH: readonly DataCategory[] = ['USAGE', 'SECURITY']

/** Beginnings of months of four years, a leap year among them. */
const MONTHS = Array.from({ length: 48 }, (_, month) => new Date(Date.UTC(2025, month, 1)))

/**
 * Why a rule cannot be proposed; null where it can. Checked are what the database demands, and what would undo a promise:
 * real-time content is never kept, months are kept until they are over.
 */
export function proposalFault(rule: RuleProposal, now: Date): ProposalFault | null {
  return periodFault(rule) ?? textFault(rule) ?? dateFault(rule, now)
}

function periodFault({ category, trigger, period, action }: RuleProposal): ProposalFault | null {
  const fault = (reason: string) => ({ field: 'period', reason })
  if (period !== NO_TIME && !isPeriod(period))
    return fault('must be whole years, months, weeks or days in ISO 8601, e.g. P13M, or PT0S')
  if (category === 'CONTENT_REALTIME' && period !== NO_TIME)
    return fault('must be PT0S: real-time content is never kept')
  if (period === NO_TIME && trigger !== 'CREATED')
    return { field: 'trigger', reason: 'must be CREATED where the period is PT0S' }
  const dropsMonths = BY_MONTH.includes(category) && trigger === 'CREATED'
  if (dropsMonths !== (action === 'DROP_PARTITION'))
    return {
      field: 'action',
      reason: dropsMonths
        ? 'must be DROP_PARTITION for usage and security records, counted from writing'
        : 'may be DROP_PARTITION for usage and security records alone, counted from writing',
    }
  if (dropsMonths && !MONTHS.every((month) => period !== NO_TIME && addPeriod(month, period) >= monthsAfter(month, 2)))
    return fault('must be two months at least where months are dropped')
  if (period === NO_TIME) return null
  const [first] = MONTHS as [Date]
  if (addPeriod(first, period) <= first) return fault('must not be zero; PT0S means that data may not be kept at all')
  return addPeriod(first, period) > addPeriod(first, `P${RULE_YEARS_MAX}Y`)
    ? fault(`must be at most ${RULE_YEARS_MAX} years`)
    : null
}

const monthsAfter = (month: Date, count: number) =>
  new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + count, 1))

function textFault({ clause, description, legalSource, source, note }: RuleProposal): ProposalFault | null {
  if (!/^§\d{1,4}\.\d{1,4}$/.test(clause)) return { field: 'clause', reason: 'must be like §7.1' }
  const lines = {
    'description.en': description.en,
    'description.de': description.de,
    legalSource,
    source,
    ...(note === null ? {} : { note }),
  }
  const wrong = Object.entries(lines).find(([, text]) => text !== undefined && !LINE.test(text))
  return wrong ? { field: wrong[0], reason: 'must be one line of text with a letter or digit in it' } : null
}

function dateFault({ verifiedOn, effectiveFrom }: RuleProposal, now: Date): ProposalFault | null {
  if (verifiedOn > now.toISOString().slice(0, 10)) return { field: 'verifiedOn', reason: 'must not lie in the future' }
  const from = effectiveFrom === null ? now : new Date(effectiveFrom)
  if (from < now) return { field: 'effectiveFrom', reason: 'must not lie in the past' }
  return from > addPeriod(now, AHEAD) ? { field: 'effectiveFrom', reason: 'must be at most 10 years ahead' } : null
}
