import { referenceSystem } from '../reference-system.ts'

/**
 * Legal holds. By whose authority and why is sealed under the platform's own key; it is about a case, and stays with it.
 * @see GDPR Art. 17(3)(e)
 */
export const holdsSystem = referenceSystem({
  key: 'holds',
  name: 'Legal holds',
  tables: ['public.legal_hold'],
  exception: 'LEGAL_CLAIMS',
  count: (tx, { accountId, subjectId }) => tx.legalHold.count({ where: { accountId, subjectId } }),
})
