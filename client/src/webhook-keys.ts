import { PrivacyConfigurationError } from './errors.ts'

/** Bytes as WebCrypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>

/** What a key is by its prefix. */
export type KeyKind = 'whsec' | 'whpk' | 'whsk'

/** A key of Standard Webhooks, read. */
export type WebhookKey = { readonly kind: KeyKind; readonly bytes: Bytes }

/** The version that a signature carries: `v1` is HMAC-SHA256, `v1a` is Ed25519. */
export type SignatureVersion = 'v1' | 'v1a'

const SECRET_BYTES = { min: 24, max: 64 }
const ED25519_BYTES = { min: 32, max: 32 }
const BYTES = { whsec: SECRET_BYTES, whpk: ED25519_BYTES, whsk: ED25519_BYTES }

/** The bytes of base64 with padding; null for any other text, also one with stray bits at its end. @see RFC 4648 section 4 */
export function decodeBase64(text: string): Bytes | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return null
  const binary = atob(text)
  return btoa(binary) === text ? Uint8Array.from(binary, (char) => char.charCodeAt(0)) : null
}

/** Base64 with padding. */
export function encodeBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}

/**
 * Reads the keys that a caller gave.
 * @throws PrivacyConfigurationError without any, or for one that is none of `kinds`; its message shows no part of a key
 */
export function readKeys(given: string | readonly string[], kinds: readonly KeyKind[]): WebhookKey[] {
  const texts = typeof given === 'string' ? [given] : given
  if (texts.length === 0) throw new PrivacyConfigurationError('`keys` must name one key at least.')
  return texts.map((text) => {
    const [, prefix, encoded = ''] = /^(whsec|whpk|whsk)_(.*)$/s.exec(text) ?? []
    const kind = kinds.find((known) => known === prefix)
    const bytes = decodeBase64(encoded)
    if (!kind || !bytes || bytes.length < BYTES[kind].min || bytes.length > BYTES[kind].max)
      throw new PrivacyConfigurationError(
        `A webhook key must be ${kinds.map((known) => `${known}_`).join(' or ')} and base64: ${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes of a secret, ${ED25519_BYTES.min} of an Ed25519 key.`,
      )
    return { kind, bytes }
  })
}

/** The version of a key's signatures. */
export const versionOf = ({ kind }: WebhookKey): SignatureVersion => (kind === 'whsec' ? 'v1' : 'v1a')

/** What is signed: `id.timestamp.body`, the body as it was sent. */
export function signedContent(id: string, timestamp: string, body: Uint8Array): Bytes {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`)
  const content = new Uint8Array(head.length + body.length)
  content.set(head)
  content.set(body, head.length)
  return content
}
