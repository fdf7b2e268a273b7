import { type FieldKey, type Keyring, type LiveKeyRow, liveKeySelect } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'
import type { Deps } from '../deps.ts'
import type { Body } from './fides-shape.rules.ts'

/** What a sealed body is of. */
export type BodyField = 'system.body' | 'dataset.body'

/** Bytes that sealing adds to a text: format, version, IV and tag. */
export const SEAL_BYTES = 33

/** The key under which an account's declarations are sealed. */
export function bodyKey(deps: Deps, tx: Tx, accountId: string): Promise<FieldKey> {
  return deps.keys.keyForWriting(tx, { accountId, subjectId: null, category: 'ACCOUNT' })
}

/** Seals what a team declared, for it may name people. */
export function sealBody(deps: Deps, key: FieldKey, field: BodyField, body: Body): Uint8Array<ArrayBuffer> {
  return deps.keys.seal(key, field, JSON.stringify(body))
}

/** Opens it; null where its key was destroyed or the caller sees none. `rows` as `Keyring.open` asks for. */
export async function openBody(
  keys: Keyring,
  rows: readonly LiveKeyRow[],
  accountId: string,
  field: BodyField,
  sealed: Uint8Array,
): Promise<Body | null> {
  const text = await keys.open(rows, { accountId, subjectId: null, category: 'ACCOUNT' }, field, sealed)
  return text === null ? null : (JSON.parse(text) as Body)
}

type Waiting = { readonly accountIds: Set<string>; readonly rows: Promise<readonly LiveKeyRow[]> }
const waiting = new WeakMap<object, Waiting>()

/**
 * The living keys of accounts' declarations. Rows that were read together share one statement, which runs after theirs:
 * a system of this program is seen by those who may not see the account it belongs to.
 */
export function bodyKeyRows(reads: { readonly tx: Tx }, accountId: string): Promise<readonly LiveKeyRow[]> {
  const joined = waiting.get(reads)
  if (joined) {
    joined.accountIds.add(accountId)
    return joined.rows
  }
  const accountIds = new Set([accountId])
  const rows = Promise.resolve().then(() => {
    waiting.delete(reads)
    return readBodyKeys(reads.tx, [...accountIds])
  })
  waiting.set(reads, { accountIds, rows })
  return rows
}

/** The living keys under which declarations of these accounts are sealed. */
export function readBodyKeys(tx: Tx, accountIds: readonly string[]): Promise<LiveKeyRow[]> {
  return tx.dataKey.findMany({
    where: { accountId: { in: [...accountIds] }, subjectId: null, category: 'ACCOUNT' },
    select: liveKeySelect,
  })
}
