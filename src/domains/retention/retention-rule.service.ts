import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { newId } from '../../time/id.ts'
import { approve, proposeApproval } from '../approvals/approvals.service.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import type { TenantKey } from '../public-id.ts'
import { RetentionRulePending } from './retention.problems.ts'
import type { RuleProposal } from './retention-proposal.rules.ts'

/**
 * Waits for whoever else adds rules, until the transaction ends, so that versions have no gap and no twin.
 * @returns the highest version there is, 0 where there is none
 */
export async function lockRules(tx: Tx): Promise<number> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('retention_rule'))`
  const newest = await tx.retentionRule.aggregate({ _max: { version: true } })
  return newest._max.version ?? 0
}

/**
 * Proposes a rule, already checked (`proposalFault`). Another person approves it within 14 days.
 * Effects: a row of `approval`; audit `retention.rule_proposed`. @returns key of the approval
 * @throws NOT_AVAILABLE to callers who are not Staff
 */
export function proposeRetentionRule(deps: Deps, call: Call<Session>, payload: RuleProposal): Promise<TenantKey> {
  return deps.db.write(
    call,
    async (tx) => {
      const key = await proposeApproval(tx, deps.clock, call, { kind: 'RETENTION_RULE', payload })
      await recordAudit(tx, deps.clock, call, {
        ...{ accountId: PLATFORM_ACCOUNT_ID, kind: 'retention.rule_proposed' },
        ...{ recordType: 'Approval', recordIds: [key.id] },
      })
      return key
    },
    PLATFORM_ACCOUNT_ID,
  )
}

/** What `approveRetentionRule` did: ids. */
export type ApprovedRule = { readonly approval: TenantKey; readonly ruleId: string }

/**
 * Approves a rule that another person proposed: it is written as the next version and takes effect at the instant that
 * was asked for, now at the earliest. The worker plans what it concerns anew when it does.
 * Effects: rows of `retention_rule` and `approval`; audit `retention.rule_approved`; event `retention.rule_changed`.
 * @throws NOT_AVAILABLE; APPROVAL.ALREADY_DECIDED; APPROVAL.EXPIRED; APPROVAL.SAME_PERSON; RETENTION.RULE_PENDING
 */
export function approveRetentionRule(deps: Deps, call: Call<Session>, key: TenantKey): Promise<ApprovedRule> {
  return deps.db.write(
    call,
    async (tx) => {
      const { clock } = deps
      const rule = await approve(tx, clock, call, { kind: 'RETENTION_RULE', key })
      const version = (await lockRules(tx)) + 1
      const now = clock.now()
      const { category } = rule
      // The version says whether an item knows the rules in effect: they take effect in the order of their versions.
      const pending = await tx.retentionRule.findFirst({ where: { category, effectiveFrom: { gt: now } } })
      if (pending) throw new RetentionRulePending()
      const id = newId(clock)
      await tx.retentionRule.createMany({ data: [{ ...columnsOf(rule, now), id, version, approvalId: key.id }] })
      await recordAudit(tx, clock, call, {
        ...{ accountId: PLATFORM_ACCOUNT_ID, kind: 'retention.rule_approved' },
        ...{ recordType: 'RetentionRule', recordIds: [id] },
      })
      await emitEvent(tx, clock, {
        accountId: PLATFORM_ACCOUNT_ID,
        kind: 'retention.rule_changed',
        payload: { ruleId: id, category },
      })
      return { approval: { accountId: key.accountId, id: key.id }, ruleId: id }
    },
    PLATFORM_ACCOUNT_ID,
  )
}

function columnsOf({ verifiedOn, effectiveFrom, ...rule }: RuleProposal, now: Date) {
  const asked = effectiveFrom === null ? now : new Date(effectiveFrom)
  return {
    ...rule,
    verifiedOn: new Date(verifiedOn),
    effectiveFrom: asked > now ? asked : now,
    createdAt: now,
  } satisfies Omit<Prisma.RetentionRuleCreateManyInput, 'id' | 'version'>
}
