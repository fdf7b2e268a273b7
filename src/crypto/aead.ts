import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { DecryptionError } from './errors.ts'

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const POOL_BYTES = 4096 * IV_BYTES

/** How many bytes AES-GCM adds to a plaintext: the IV and the tag. */
export const AEAD_OVERHEAD_BYTES = IV_BYTES + TAG_BYTES

let pool = new Uint8Array(0)
let poolAt = 0

/**
 * A fresh random IV of 96 bits (NIST SP 800-38D section 8.2.2). Drawn from a pool because one call of the random
 * source per IV costs more than the encryption; each place of the pool is handed out once.
 */
export function nextIv(): Uint8Array {
  if (poolAt === pool.length) {
    pool = randomBytes(POOL_BYTES)
    poolAt = 0
  }
  const iv = pool.subarray(poolAt, poolAt + IV_BYTES)
  poolAt += IV_BYTES
  return iv
}

/**
 * Encrypts by AES-256-GCM into `headerBytes` empty bytes (for the caller to fill) | IV | ciphertext | tag.
 * @param iv 12 bytes, never used before under `key`.
 */
export function encrypt(
  key: KeyObject,
  iv: Uint8Array,
  aad: Uint8Array,
  plaintext: string | Uint8Array,
  headerBytes: number,
): Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv(ALGORITHM, key, iv)
  cipher.setAAD(aad)
  const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
  cipher.final()
  const sealed = new Uint8Array(headerBytes + AEAD_OVERHEAD_BYTES + body.length)
  sealed.set(iv, headerBytes)
  sealed.set(body, headerBytes + IV_BYTES)
  sealed.set(cipher.getAuthTag(), headerBytes + IV_BYTES + body.length)
  return sealed
}

/**
 * Opens what `encrypt` made.
 * @throws DecryptionError when any bit differs, or the key or `aad` is another.
 */
export function decrypt(key: KeyObject, sealed: Uint8Array, aad: Uint8Array, headerBytes: number): Buffer {
  if (sealed.length < headerBytes + AEAD_OVERHEAD_BYTES) throw new DecryptionError()
  const bodyAt = headerBytes + IV_BYTES
  const tagAt = sealed.length - TAG_BYTES
  try {
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(headerBytes, bodyAt))
    decipher.setAAD(aad)
    decipher.setAuthTag(sealed.subarray(tagAt))
    const plaintext = decipher.update(sealed.subarray(bodyAt, tagAt))
    decipher.final()
    return plaintext
  } catch {
    throw new DecryptionError()
  }
}
