import type { FieldKey, Keyring, LiveKeyRow } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'

/** The sealed columns of this domain, by the names under which they are sealed. */
export type WebhookText =
  | 'webhook-endpoint.url'
  | 'webhook-endpoint.label'
  | 'webhook-key.secret'
  | 'webhook-key.private'

const ownerOf = (accountId: string) => ({ accountId, subjectId: null, category: 'SECURITY' }) as const

/** The key under which texts of an account's endpoints (a processor's: the platform's) are sealed. */
export function webhookTextKey(tx: Tx, keys: Keyring, accountId: string): Promise<FieldKey> {
  return keys.keyForWriting(tx, ownerOf(accountId))
}

/** Opens a text with keys that were read with it or after it; null when the key was destroyed. */
export function openWebhookText(
  keys: Keyring,
  living: readonly LiveKeyRow[],
  accountId: string,
  field: WebhookText,
  sealed: Uint8Array,
): Promise<string | null> {
  return keys.open(living, ownerOf(accountId), field, sealed)
}
