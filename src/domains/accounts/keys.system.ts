import type { Tx } from '../../db/database.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import type { Person, PersonalDataSystem } from '../personal-data.ts'
import { outcomeOf, referenceSystem } from '../reference-system.ts'

/**
 * Keys, wrapped. A row of a person's key tells nothing of it and stays as a tombstone, which bars a key made anew;
 * shredding destroys the key itself.
 * @see NIST SP 800-88r2, cryptographic erase
 */
export const keysSystem: PersonalDataSystem = {
  ...referenceSystem({
    key: 'keys',
    name: 'Wrapped keys',
    tables: ['keys.data_key', 'keys.signing_key', 'keys.key_epoch'],
    exception: 'KEY_RECORD',
    count: (tx, { accountId, subjectId }) => tx.dataKey.count({ where: { accountId, subjectId } }),
  }),
  async shred(tx, deps, person, category) {
    const { accountId, subjectId } = person
    const known = await tx.subject.count({ where: { accountId, id: subjectId } })
    if (known === 0) return { outcome: 'NOT_FOUND' }
    const destroyed = await deps.keys.destroy(tx, { accountId, subjectId, category })
    return outcomeOf('SHREDDED', destroyed, await countLivingKeys(tx, person, category))
  },
}

/** How many keys of the person and category can still open something. */
export function countLivingKeys(tx: Tx, { accountId, subjectId }: Person, category: DataCategory): Promise<number> {
  return tx.dataKey.count({ where: { accountId, subjectId, category, wrapped: { not: null } } })
}
