import { PrivacyConfigurationError } from './errors.ts'
import { type Bytes, decodeBase64, readKeys, signedContent, versionOf, type WebhookKey } from './webhook-keys.ts'
import type { WebhookEvent } from './webhook-types.ts'

export { PrivacyConfigurationError } from './errors.ts'
export type { FutureWebhookEvent, WebhookEvent, WebhookEventFacts, WebhookEventType } from './webhook-types.ts'

/**
 * Why a webhook was refused.
 * - MISSING_HEADER: `webhook-id`, `webhook-timestamp` or `webhook-signature` is not there.
 * - MALFORMED_HEADER: one of them is repeated or has no value that a sender would give it.
 * - TIMESTAMP_TOO_OLD, TIMESTAMP_TOO_NEW: sent too long ago (perhaps a replay), or by a clock that is ahead.
 * - NO_MATCHING_SIGNATURE: no signature is of one of the keys over these headers and this body.
 * - MALFORMED_BODY: signed, and yet no event.
 */
export type WebhookRefusal =
  | 'MISSING_HEADER'
  | 'MALFORMED_HEADER'
  | 'TIMESTAMP_TOO_OLD'
  | 'TIMESTAMP_TOO_NEW'
  | 'NO_MATCHING_SIGNATURE'
  | 'MALFORMED_BODY'

/** The webhook is not to be believed. Its message shows nothing of headers, body and keys. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError'
  /** Why, from a closed list. */
  readonly reason: WebhookRefusal

  constructor(reason: WebhookRefusal) {
    super(`The webhook was refused: ${reason}.`)
    this.reason = reason
  }
}

/** Headers as the Fetch standard, Node or a framework holds them; names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** What `verifyWebhook` needs. */
export type WebhookToVerify = {
  readonly headers: WebhookHeaders
  /** The body exactly as it was received. Text that was parsed and written again has another signature. */
  readonly body: string | Uint8Array
  /** `whsec_…` and `whpk_…`, one or several: during a rotation the old and the new one. */
  readonly keys: string | readonly string[]
  /** How far the sender's clock may be from `now`, either way, in seconds: above 0, at most a day. Default 300. */
  readonly toleranceSeconds?: number
  /** Default: the machine's time. */
  readonly now?: Date
}

const TOLERANCE_SECONDS_DEFAULT = 300
const TOLERANCE_SECONDS_MAX = 86_400
const SIGNATURES_MAX = 32

/**
 * Checks the signature of a webhook and reads its event. Signatures are compared in constant time by WebCrypto.
 * The same event may come more than once: `data.eventId` tells.
 * @throws WebhookVerificationError when it is not to be believed
 * @throws PrivacyConfigurationError for a bad key or tolerance
 * @see Standard Webhooks 1.0.0: `v1` is HMAC-SHA256, `v1a` is Ed25519
 */
export async function verifyWebhook(webhook: WebhookToVerify): Promise<WebhookEvent> {
  const { headers, body, toleranceSeconds = TOLERANCE_SECONDS_DEFAULT, now = new Date() } = webhook
  if (!(toleranceSeconds > 0 && toleranceSeconds <= TOLERANCE_SECONDS_MAX))
    throw new PrivacyConfigurationError(`toleranceSeconds must be above 0 and at most ${TOLERANCE_SECONDS_MAX}.`)
  const keys = readKeys(webhook.keys, ['whsec', 'whpk'])
  // A dot would let a part of one field pass for a part of the next.
  const id = headerOf(headers, 'webhook-id', /^[\x21-\x2d\x2f-\x7e]{1,256}$/)
  const timestamp = headerOf(headers, 'webhook-timestamp', /^(?:0|[1-9]\d{0,11})$/)
  const signatures = headerOf(headers, 'webhook-signature', /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/).split(' ')
  if (signatures.length > SIGNATURES_MAX) throw new WebhookVerificationError('MALFORMED_HEADER')
  const ageSeconds = now.getTime() / 1000 - Number(timestamp)
  if (ageSeconds > toleranceSeconds) throw new WebhookVerificationError('TIMESTAMP_TOO_OLD')
  if (!(ageSeconds >= -toleranceSeconds)) throw new WebhookVerificationError('TIMESTAMP_TOO_NEW')
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const content = signedContent(id, timestamp, bytes)
  for (const signature of signatures)
    for (const key of keys) if (await isSignature(key, signature, content)) return readEvent(bytes)
  throw new WebhookVerificationError('NO_MATCHING_SIGNATURE')
}

function headerOf(headers: WebhookHeaders, name: string, shape: RegExp): string {
  const values = valuesOf(headers, name)
  const [value] = values
  if (value === undefined) throw new WebhookVerificationError('MISSING_HEADER')
  if (values.length > 1 || !shape.test(value)) throw new WebhookVerificationError('MALFORMED_HEADER')
  return value
}

function valuesOf(headers: WebhookHeaders, name: string): string[] {
  if (isFetchHeaders(headers)) {
    const value = headers.get(name)
    return value === null ? [] : [value]
  }
  return Object.entries(headers).flatMap(([key, value]) =>
    key.toLowerCase() === name && value !== undefined ? value : [],
  )
}

const isFetchHeaders = (headers: WebhookHeaders): headers is { get(name: string): string | null } =>
  typeof headers.get === 'function'

async function isSignature(key: WebhookKey, signature: string, content: Bytes): Promise<boolean> {
  const [version, encoded = '', ...more] = signature.split(',')
  const bytes = version === versionOf(key) && more.length === 0 ? decodeBase64(encoded) : null
  if (!bytes) return false
  const { subtle } = crypto
  if (key.kind === 'whpk') {
    const imported = await subtle.importKey('raw', key.bytes, 'Ed25519', false, ['verify'])
    return subtle.verify('Ed25519', imported, bytes, content)
  }
  const imported = await subtle.importKey('raw', key.bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  return subtle.verify('HMAC', imported, bytes, content)
}

function readEvent(body: Uint8Array): WebhookEvent {
  let event: unknown
  try {
    event = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    throw new WebhookVerificationError('MALFORMED_BODY')
  }
  if (!isEvent(event)) throw new WebhookVerificationError('MALFORMED_BODY')
  return event
}

function isEvent(value: unknown): value is WebhookEvent {
  if (typeof value !== 'object' || value === null) return false
  const { type, timestamp, data } = value as Record<string, unknown>
  const isData = typeof data === 'object' && data !== null && !Array.isArray(data)
  return typeof type === 'string' && typeof timestamp === 'string' && isData
}
