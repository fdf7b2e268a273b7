import { systemSession } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { SEED_RULES } from './retention.rules.ts'

/**
 * Writes the rules that the program brings along and the database does not have yet. Every start does. Rules that a
 * newer program brings take effect like any other change: the worker plans what they concern anew.
 * Effects: rows of `retention_rule`; audit. @returns how many were new
 */
export async function ensureRetentionRules(deps: Deps): Promise<number> {
  const call = { caller: systemSession(PLATFORM_ACCOUNT_ID), requestId: 'start' }
  return deps.db.write(call, async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('retention_rule'))`
    const ids = SEED_RULES.map(({ id }) => id)
    const known = await tx.retentionRule.findMany({ where: { id: { in: ids } }, select: { id: true } })
    const missing = SEED_RULES.filter(({ id }) => !known.some((rule) => rule.id === id))
    if (missing.length === 0) return 0
    const newest = await tx.retentionRule.aggregate({ _max: { version: true } })
    const createdAt = deps.clock.now()
    await tx.retentionRule.createMany({
      data: missing.map(({ effectiveFrom, verifiedOn, ...rule }, index) => ({
        ...rule,
        note: rule.note ?? null,
        version: (newest._max.version ?? 0) + 1 + index,
        verifiedOn: new Date(verifiedOn),
        effectiveFrom: new Date(effectiveFrom),
        createdAt,
      })),
    })
    await recordAudit(tx, deps.clock, call, {
      accountId: PLATFORM_ACCOUNT_ID,
      kind: 'retention.rules_added',
      recordType: 'RetentionRule',
      recordIds: missing.map(({ id }) => id),
    })
    return missing.length
  })
}
