import type { Tx } from '../../db/database.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { driftOf } from './ending.rules.ts'

/**
 * Writes down how late timers were that are done now, to the second; what was not due counts nowhere.
 * Effects: a row of `retention_drift` for each category.
 */
export async function noteDrift(
  tx: Tx,
  clock: Clock,
  accountId: string,
  items: readonly { readonly category: DataCategory; readonly dueAt: Date | null }[],
): Promise<void> {
  const at = clock.now()
  const timers = items.flatMap(({ category, dueAt }) => (dueAt ? [{ category, dueAt }] : []))
  const data = driftOf(timers, at).map(({ driftSeconds, timers: counts, ...drift }) => ({
    ...drift,
    ...{ accountId, id: newId(clock), at, driftSeconds: [...driftSeconds], timers: [...counts] },
  }))
  await tx.retentionDrift.createMany({ data })
}
