import type { Tx } from '../../db/database.ts'
import type { RetentionRule } from '../../generated/prisma/client.ts'
import { inEffectAt } from './retention-rule.rules.ts'

const known = new WeakMap<Tx, Promise<RetentionRule[]>>()

/**
 * The rules in effect, of every category, in the order of their versions. One statement for a transaction, however often
 * it is asked; for reads alone, as rules that the transaction writes afterwards are not seen.
 */
export function rulesInEffect(tx: Tx, now: Date): Promise<RetentionRule[]> {
  const asked = known.get(tx)
  if (asked) return asked
  const reading = readRulesInEffect(tx, now)
  known.set(tx, reading)
  return reading
}

/** The rules in effect as the transaction sees them now. One statement. */
export async function readRulesInEffect(tx: Tx, now: Date): Promise<RetentionRule[]> {
  return inEffectAt(await tx.retentionRule.findMany({ where: { effectiveFrom: { lte: now } } }), now)
}
