import { systemSession } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { SEED_RULES, type SeedRule } from './retention.rules.ts'
import { lockRules } from './retention-rule.service.ts'

/**
 * Writes the rules that the program brings along and the database does not have yet. Every start of a server or worker
 * does. Rules that a newer program brings take effect like any other change: the worker plans what they concern anew.
 * Where a rule of the category is approved and takes effect later, they wait for that instant, as rules take effect in
 * the order of their versions.
 * Effects: rows of `retention_rule`; audit. @param seeds the rules; default: those of the program
 * @returns how many were new
 */
export async function ensureRetentionRules(
  deps: Pick<Deps, 'db' | 'clock'>,
  seeds: readonly SeedRule[] = SEED_RULES,
): Promise<number> {
  const call = { caller: systemSession(PLATFORM_ACCOUNT_ID), requestId: 'start' }
  return deps.db.write(call, async (tx) => {
    const newest = await lockRules(tx)
    const known = await tx.retentionRule.findMany({ select: { id: true, category: true, effectiveFrom: true } })
    const missing = seeds.filter(({ id }) => !known.some((rule) => rule.id === id))
    if (missing.length === 0) return 0
    const createdAt = deps.clock.now()
    const notBefore = (rule: SeedRule) => {
      const own = new Date(rule.effectiveFrom)
      const waits = known.filter(
        ({ category, effectiveFrom }) => category === rule.category && effectiveFrom > createdAt,
      )
      return waits.reduce((latest, { effectiveFrom }) => (effectiveFrom > latest ? effectiveFrom : latest), own)
    }
    await tx.retentionRule.createMany({
      data: missing.map((rule, index) => ({
        ...rule,
        note: rule.note ?? null,
        version: newest + 1 + index,
        verifiedOn: new Date(rule.verifiedOn),
        effectiveFrom: notBefore(rule),
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
