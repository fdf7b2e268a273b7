import { referenceSystem } from '../reference-system.ts'

/**
 * Keys, wrapped. A row of a person's key tells nothing of it and stays as a tombstone, which bars a key made anew. Keys
 * are destroyed by who ends the data under them, through the keyring.
 * @see NIST SP 800-88r2, cryptographic erase
 */
export const keysSystem = referenceSystem({
  key: 'keys',
  name: 'Wrapped keys',
  tables: ['keys.data_key', 'keys.signing_key', 'keys.key_epoch'],
  exception: 'KEY_RECORD',
  count: (tx, { accountId, subjectId }) => tx.dataKey.count({ where: { accountId, subjectId } }),
})
