import type { z } from 'zod'
import { DataCategory, RetentionAction, RetentionTrigger } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import { ApprovalAlreadyDecided, ApprovalBySamePerson, ApprovalExpired } from '../approvals/approvals.problems.ts'
import { NotAvailable } from '../problem.ts'
import { RetentionRulePending } from './retention.problems.ts'
import {
  proposalFault,
  RULE_NOTE_MAX,
  RULE_SOURCE_MAX,
  RULE_YEARS_MAX,
  type RuleProposal,
  ruleProposalShape,
} from './retention-proposal.rules.ts'
import { approveRetentionRule, proposeRetentionRule } from './retention-rule.service.ts'

problemType(RetentionRulePending, 'A rule of the category is approved and takes effect later.')

const RuleTexts = builder.inputType('RetentionRuleTexts', {
  description: 'A sentence by language, 1 to 500 characters each. It is shown to everyone.',
  fields: (t) => ({
    en: t.string({ required: true, description: 'In English.' }),
    de: t.string({ description: 'In German; absent: shown in English.' }),
  }),
})

const REASONS: Readonly<Record<string, (issue: z.core.$ZodIssue) => string>> = {
  too_small: () => 'must not be empty',
  too_big: (issue) => `must be at most ${'maximum' in issue ? issue.maximum : 0} characters`,
}

/** @throws BAD_USER_INPUT naming the field and the reason */
function readProposal(input: z.input<typeof ruleProposalShape>, now: Date): RuleProposal {
  const { data, error } = ruleProposalShape.safeParse(input)
  const [issue] = error?.issues ?? []
  if (issue) throw badInput(issue.path.join('.'), REASONS[issue.code]?.(issue) ?? 'must be a date, YYYY-MM-DD')
  if (!data) throw badInput('input', 'is not a rule')
  const fault = proposalFault(data, now)
  if (fault) throw badInput(fault.field, fault.reason)
  return data
}

mutation('proposeRetentionRule', {
  scope: 'retention:manage',
  description:
    'Proposes how long data of a category is kept after a trigger. Another person approves it within 14 days. Its texts are statements to the public: no personal data belongs into them.',
  problems: [NotAvailable],
  input: (t) => ({
    category: t.field({ type: DataCategory, required: true, description: 'The category of data.' }),
    trigger: t.field({ type: RetentionTrigger, required: true, description: 'What starts the period.' }),
    period: t.string({
      required: true,
      description: `How long it is kept from there: whole years, months, weeks or days in ISO 8601, e.g. P13M, at most ${RULE_YEARS_MAX} years; PT0S: it may not be kept at all.`,
    }),
    action: t.field({
      type: RetentionAction,
      required: true,
      description:
        'What is done then; DROP_PARTITION for usage and security records, counted from writing, and only there.',
    }),
    clause: t.string({ required: true, description: 'Clause of the privacy policy, e.g. §7.1.' }),
    description: t.field({ type: RuleTexts, required: true, description: 'What it says, for persons.' }),
    legalSource: t.string({
      required: true,
      description: `The law behind it, one line of 1 to ${RULE_SOURCE_MAX} characters. It is shown to everyone.`,
    }),
    source: t.string({
      required: true,
      description: `Where trigger and period come from, one line of 1 to ${RULE_SOURCE_MAX} characters. It is shown to everyone.`,
    }),
    verifiedOn: t.string({
      required: true,
      description: 'When the source was looked at, YYYY-MM-DD; not in the future.',
    }),
    verified: t.boolean({ required: true, description: 'Whether it was compared with its source.' }),
    note: t.string({
      description: `What else is to be known, one line of 1 to ${RULE_NOTE_MAX} characters. It is shown to everyone.`,
    }),
    effectiveFrom: t.field({
      type: 'DateTime',
      description:
        'When it is to take effect, at most 10 years ahead and not in the past; absent: when it is approved.',
    }),
  }),
  run: (deps, call, { description, note, effectiveFrom, ...same }) => {
    if (call.caller.principal !== 'STAFF') throw new NotAvailable()
    const { en, de } = description
    const proposal = readProposal(
      {
        ...same,
        description: typeof de === 'string' ? { en, de } : { en },
        note: note ?? null,
        effectiveFrom: effectiveFrom?.toISOString() ?? null,
      },
      deps.clock.now(),
    )
    return proposeRetentionRule(deps, call, proposal)
  },
  success: (t) => ({
    approval: t.prismaField({
      type: 'Approval',
      description: 'The proposal, which another person approves.',
      resolve: (query, key, _args, { reads }) =>
        reads.tx.approval.findUniqueOrThrow({ ...query, where: { accountId_id: key } }),
    }),
  }),
})

mutation('approveRetentionRule', {
  scope: 'retention:manage',
  description:
    'Approves a rule that another person proposed. It takes effect at the instant that was asked for, now at the earliest, and what it concerns is planned anew then.',
  problems: [NotAvailable, ApprovalBySamePerson, ApprovalExpired, ApprovalAlreadyDecided, RetentionRulePending],
  input: (t) => ({ approvalId: t.id({ required: true, description: 'Global id of the proposal.' }) }),
  run: async (deps, call, { approvalId }) => {
    if (call.caller.principal !== 'STAFF') throw new NotAvailable()
    return approveRetentionRule(deps, call, readTenantKey('approvalId', 'Approval', approvalId))
  },
  success: (t) => ({
    retentionRule: t.prismaField({
      type: 'RetentionRule',
      description: 'The rule.',
      resolve: (query, { ruleId }, _args, { reads }) =>
        reads.tx.retentionRule.findUniqueOrThrow({ ...query, where: { id: ruleId } }),
    }),
    approval: t.prismaField({
      type: 'Approval',
      description: 'The proposal, approved.',
      resolve: (query, { approval }, _args, { reads }) =>
        reads.tx.approval.findUniqueOrThrow({ ...query, where: { accountId_id: approval } }),
    }),
  }),
})
