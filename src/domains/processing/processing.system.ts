import { referenceSystem } from '../reference-system.ts'

/** Systems and datasets as teams declare them, sealed, and what comparisons of the inventory found. */
export const processingSystem = referenceSystem({
  key: 'processing',
  name: 'Declared systems and reconciliations',
  tables: ['public.system', 'public.dataset', 'public.reconciliation', 'public.reconciliation_finding'],
  exception: 'RECONCILIATION_RECORD',
  count: (tx, { accountId, subjectId }) => tx.reconciliationFinding.count({ where: { accountId, subjectId } }),
})
