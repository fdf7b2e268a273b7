import type { KeyObject } from 'node:crypto'
import { decrypt, encrypt, nextIv } from './aead.ts'
import { DecryptionError } from './errors.ts'

/** Where a sealed value belongs. It opens there and nowhere else. */
export type FieldContext = {
  readonly accountId: string
  /** Null for what belongs to the account itself. */
  readonly subjectId: string | null
  /** A fixed name such as `subject.email`. */
  readonly field: string
  /** The data key's version, 1 to 4,294,967,295. */
  readonly version: number
}

const FORMAT = 1
const HEADER_BYTES = 5
const VERSION_MAX = 0xffff_ffff

const isPart = (part: string) => part !== '' && !part.includes('|')

/** The context as additional data: no part may be empty or hold the separator, so that no two contexts are equal. */
function additionalData({ accountId, subjectId, field, version }: FieldContext): Uint8Array {
  if (!isPart(accountId) || !isPart(field) || (subjectId !== null && !isPart(subjectId)))
    throw new TypeError('a field context has a part that is empty or holds the separator')
  if (!Number.isInteger(version) || version < 1 || version > VERSION_MAX)
    throw new TypeError('a field context has a version that is out of range')
  return Buffer.from(`${accountId}|${subjectId ?? ''}|${field}|${version}`)
}

/**
 * Seals a text for one place: format byte 1 | key version (u32, big endian) | IV (12) | ciphertext | tag (16).
 * The additional data is `account|subject|field|version`. A text that is not well-formed Unicode loses its lone
 * surrogates (each becomes U+FFFD).
 * @throws TypeError when a part of the context is empty or holds `|`, or the version is out of range.
 * @see NIST SP 800-38D
 */
export function sealField(key: KeyObject, context: FieldContext, plaintext: string): Uint8Array<ArrayBuffer> {
  const sealed = encrypt(key, nextIv(), additionalData(context), plaintext, HEADER_BYTES)
  const { version } = context
  sealed[0] = FORMAT
  sealed[1] = version >>> 24
  sealed[2] = version >>> 16
  sealed[3] = version >>> 8
  sealed[4] = version
  return sealed
}

/**
 * Opens what `sealField` made for the same place.
 * @throws DecryptionError when the value was altered, or account, subject, field, version or key is another.
 */
export function openField(key: KeyObject, context: FieldContext, sealed: Uint8Array): string {
  if (versionOf(sealed) !== context.version) throw new DecryptionError()
  return decrypt(key, sealed, additionalData(context), HEADER_BYTES).toString('utf8')
}

/**
 * The version of the data key under which a value was sealed.
 * @throws DecryptionError when the value is too short or of another format.
 */
export function versionOf(sealed: Uint8Array): number {
  if (sealed.length < HEADER_BYTES || sealed[0] !== FORMAT) throw new DecryptionError()
  return new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength).getUint32(1)
}
