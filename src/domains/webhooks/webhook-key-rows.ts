import { type LiveKeyRow, liveKeySelect } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'

const asked = new WeakMap<object, Map<string, Promise<readonly LiveKeyRow[]>>>()

/**
 * The living keys under which an account's endpoints are sealed. Rows that were read together share one statement, which
 * runs after theirs: a processor cannot reach its keys through its account, which it may not see.
 */
export function webhookKeyRows(reads: { readonly tx: Tx }, accountId: string): Promise<readonly LiveKeyRow[]> {
  const waiting = asked.get(reads) ?? new Map<string, Promise<readonly LiveKeyRow[]>>()
  asked.set(reads, waiting)
  const joined = waiting.get(accountId)
  if (joined) return joined
  const rows = Promise.resolve().then(() => {
    waiting.delete(accountId)
    return reads.tx.dataKey.findMany({
      where: { accountId, subjectId: null, category: 'SECURITY' },
      select: liveKeySelect,
    })
  })
  waiting.set(accountId, rows)
  return rows
}
