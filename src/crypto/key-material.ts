import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { decrypt, encrypt, nextIv } from './aead.ts'
import { DecryptionError, UnknownEpochError } from './errors.ts'
import type { MacPurpose } from './key-provider.ts'

const FORMAT = 1
const HEADER_BYTES = 1
const SECRET_BYTES_MAX = 65_536

/** Length of every key, in bytes. */
export const KEY_BYTES = 32

/** What a name of an epoch looks like. `index` is kept for the key of the keyed hashes. */
export function isEpochName(name: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(name) && name !== 'index'
}

/** Reads a key of 32 bytes in padded base64 (RFC 4648 section 4); null when it is anything else. */
export function keyFromBase64(text: unknown): KeyObject | null {
  if (typeof text !== 'string') return null
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) return null
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** Keys held in this process's memory: the epochs in order of making, the last being the current one. */
export class KeyMaterial {
  readonly #epochs: ReadonlyMap<string, KeyObject>
  readonly #current: string
  readonly #index: KeyObject
  readonly #macKeys = new Map<MacPurpose, KeyObject>()

  /** @throws TypeError when there is no epoch. */
  constructor(index: KeyObject, epochs: ReadonlyMap<string, KeyObject>) {
    const current = [...epochs.keys()].at(-1)
    if (current === undefined) throw new TypeError('key material without an epoch')
    this.#index = index
    this.#epochs = epochs
    this.#current = current
  }

  /** The newest epoch. */
  get current(): string {
    return this.#current
  }

  /** Whether the key of this epoch is here. */
  holds(epoch: string): boolean {
    return this.#epochs.has(epoch)
  }

  /**
   * Encrypts a secret under the current epoch; the epoch's name is additional data.
   * @throws RangeError when it is longer than 65,536 bytes.
   */
  wrap(secret: Uint8Array): { epoch: string; wrapped: Uint8Array<ArrayBuffer> } {
    if (secret.length > SECRET_BYTES_MAX) throw new RangeError('a secret to wrap is longer than 65,536 bytes')
    const epoch = this.#current
    const wrapped = encrypt(this.#keyOf(epoch), nextIv(), wrapData(epoch), secret, HEADER_BYTES)
    wrapped[0] = FORMAT
    return { epoch, wrapped }
  }

  /**
   * Opens what `wrap` made.
   * @throws UnknownEpochError, DecryptionError
   */
  unwrap(epoch: string, wrapped: Uint8Array): Uint8Array<ArrayBuffer> {
    const key = this.#keyOf(epoch)
    if (wrapped[0] !== FORMAT) throw new DecryptionError()
    const opened = decrypt(key, wrapped, wrapData(epoch), HEADER_BYTES)
    const secret = new Uint8Array(opened)
    opened.fill(0)
    return secret
  }

  /** HMAC-SHA256 over length-prefixed parts, under a sub-key made by HKDF-SHA256 with the purpose as info. */
  mac(purpose: MacPurpose, parts: readonly string[]): Uint8Array<ArrayBuffer> {
    const hmac = createHmac('sha256', this.#macKeyOf(purpose))
    for (const part of parts) {
      const bytes = Buffer.from(part)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      hmac.update(length).update(bytes)
    }
    return new Uint8Array(hmac.digest())
  }

  #keyOf(epoch: string): KeyObject {
    const key = this.#epochs.get(epoch)
    if (!key) throw new UnknownEpochError(epoch)
    return key
  }

  #macKeyOf(purpose: MacPurpose): KeyObject {
    const known = this.#macKeys.get(purpose)
    if (known) return known
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', this.#index, '', purpose, KEY_BYTES)))
    this.#macKeys.set(purpose, key)
    return key
  }
}

const wrapData = (epoch: string) => Buffer.from(`wrap|${epoch}`)
