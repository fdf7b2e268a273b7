import type { PersonalDataSystem } from '../personal-data.ts'
import { noRecords } from '../reference-system.ts'
import { endUsage } from './usage-erasure.ts'
import { isUsageCategory, USAGE } from './usage-items.ts'
import { locatePage, locatePerson } from './usage-places.ts'
import { exportUsage } from './usage-records.ts'

/**
 * Usage events, and those that a hold kept after their month. Nothing of them is sealed under a person's key, so that
 * shredding is deleting; they are a log, in which nothing is corrected.
 */
export const usageSystem: PersonalDataSystem = {
  key: USAGE,
  name: 'Usage events',
  kind: 'DATABASE',
  categories: ['USAGE', 'SECURITY'],
  tables: [
    { name: 'public.usage_event', holds: 'DATA' },
    { name: 'public.usage_event_held', holds: 'DATA' },
  ],
  locate: locatePerson,
  locatePage,
  export: (tx, _deps, person, category) =>
    isUsageCategory(category) ? exportUsage(tx, person, category) : noRecords(),
  correct: async () => ({ outcome: 'NOT_FOUND' }),
  end: endUsage,
  // Nothing of it is sealed.
  reseal: async () => 0,
  exception: null,
  count: async (tx, { accountId, subjectId }) => {
    const where = { accountId, subjectId }
    return (await tx.usageEvent.count({ where })) + (await tx.usageEventHeld.count({ where }))
  },
}
