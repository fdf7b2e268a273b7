import type { Tx } from '../db/database.ts'
import type { KeyProvider } from './key-provider.ts'

/** The advisory lock that keeps an epoch from being destroyed while something is being wrapped under it. */
const EPOCH_LOCK = 7_204_118_231

/**
 * Keeps the epochs alive until this transaction ends. To be called before wrapping what the transaction stores:
 * otherwise a rotation could destroy the epoch between the wrapping and the commit, and the stored key were lost.
 */
export async function enterEpoch(tx: Tx): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock_shared(${EPOCH_LOCK}::bigint)`
}

/**
 * Waits until every transaction that may have wrapped under an earlier epoch has ended. Those that come later see the
 * new one, because they ask the provider after they entered.
 */
export async function waitForEarlierEpochs(tx: Tx): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(${EPOCH_LOCK}::bigint)`
}

/**
 * Wraps a secret that is stored outside the data keys, such as the private half of a signing key (PKCS8). Its row must
 * be written by the same transaction, and be one that the rotation re-wraps.
 */
export async function wrapSecret(
  tx: Tx,
  provider: KeyProvider,
  secret: Uint8Array,
): Promise<{ epoch: string; wrapped: Uint8Array<ArrayBuffer> }> {
  await enterEpoch(tx)
  return provider.wrap(secret)
}

/**
 * Opens what `wrapSecret` made.
 * @throws UnknownEpochError when the epoch was destroyed, DecryptionError when the bytes were altered.
 */
export function unwrapSecret(
  provider: KeyProvider,
  stored: { readonly epoch: string; readonly wrapped: Uint8Array },
): Promise<Uint8Array<ArrayBuffer>> {
  return provider.unwrap(stored.epoch, stored.wrapped)
}
