/** What a keyed hash is for. Each purpose has a key of its own, so that hashes of two purposes never compare. */
export type MacPurpose = 'email' | 'reference' | 'identity' | 'invitation' | 'idempotency' | 'ledger'

/**
 * Holds the key-encryption keys, in epochs, and the key of the keyed hashes. Nothing else ever sees them. Every method
 * is asynchronous, so that a key management service can stand behind it.
 */
export interface KeyProvider {
  /** The epoch under which `wrap` wraps now. Sees at once an epoch that another process has made. */
  currentEpoch(): Promise<string>
  /**
   * Wraps a secret of up to 65,536 bytes under the current epoch. What is stored of it must be wrapped by a transaction
   * that went through `enterEpoch` first.
   */
  wrap(key: Uint8Array): Promise<{ epoch: string; wrapped: Uint8Array<ArrayBuffer> }>
  /**
   * Opens what `wrap` made.
   * @throws UnknownEpochError when the epoch was destroyed or never existed.
   * @throws DecryptionError when `wrapped` was altered.
   */
  unwrap(epoch: string, wrapped: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Makes a new epoch, made at the instant `at`, and makes it the current one.
   * @returns its name, of at most 64 of the characters A-Z a-z 0-9 and hyphen.
   * @throws KeysAreReadOnlyError when only the operator can do that.
   */
  createEpoch(at: Date): Promise<string>
  /**
   * Destroys an epoch: nothing wrapped under it can be opened again, by anyone, from any copy. Without effect when it is
   * gone already.
   * @throws KeysAreReadOnlyError when it is still there and only the operator can remove it.
   * @throws Error when it is the current epoch.
   */
  destroyEpoch(epoch: string): Promise<void>
  /**
   * HMAC-SHA256 over the parts, under the key of `purpose`: 32 bytes. Each part is preceded by its length, so that
   * ('a', 'bc') and ('ab', 'c') differ.
   * @see RFC 2104, RFC 5869
   */
  mac(purpose: MacPurpose, parts: readonly string[]): Promise<Uint8Array<ArrayBuffer>>
}
