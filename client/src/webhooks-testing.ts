import { PrivacyConfigurationError } from './errors.ts'
import { type Bytes, encodeBase64, readKeys, signedContent, versionOf, type WebhookKey } from './webhook-keys.ts'
import type { WebhookEvent, WebhookEventFacts, WebhookEventType } from './webhook-types.ts'

/** What `signWebhook` needs. */
export type WebhookToSign = {
  /** Printable ASCII without a dot. */
  readonly id: string
  /** When it is sent. */
  readonly timestamp: Date
  readonly body: string | Uint8Array
  /** `whsec_…` (signs as `v1`) and `whsk_…` (the private half of an Ed25519 key, signs as `v1a`), one or several. */
  readonly keys: string | readonly string[]
}

/** The headers of a signed webhook. */
export type SignedWebhookHeaders = {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  readonly 'webhook-signature': string
}

/** PKCS #8 of an Ed25519 key but for its 32 bytes. @see RFC 8410 section 7 */
const PKCS8_HEAD = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

/**
 * Signs as the server does, for tests of a receiver.
 * @throws PrivacyConfigurationError for a bad key or id
 * @see Standard Webhooks 1.0.0
 */
export async function signWebhook({ id, timestamp, body, keys }: WebhookToSign): Promise<SignedWebhookHeaders> {
  if (!/^[\x21-\x2d\x2f-\x7e]{1,256}$/.test(id))
    throw new PrivacyConfigurationError('The id of a webhook must be printable ASCII without a dot.')
  const seconds = String(Math.floor(timestamp.getTime() / 1000))
  const content = signedContent(id, seconds, typeof body === 'string' ? new TextEncoder().encode(body) : body)
  const signatures = await Promise.all(readKeys(keys, ['whsec', 'whsk']).map((key) => signatureOf(key, content)))
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures.join(' ') }
}

async function signatureOf(key: WebhookKey, content: Bytes): Promise<string> {
  const { subtle } = crypto
  if (key.kind === 'whsec') {
    const imported = await subtle.importKey('raw', key.bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    return `${versionOf(key)},${encodeBase64(await subtle.sign('HMAC', imported, content))}`
  }
  const pkcs8 = new Uint8Array([...PKCS8_HEAD, ...key.bytes])
  const imported = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  return `${versionOf(key)},${encodeBase64(await subtle.sign('Ed25519', imported, content))}`
}

type EventOf<Type extends WebhookEventType> = Extract<WebhookEvent, { readonly type: Type }>

/** What `createTestWebhook` needs. */
export type TestWebhook<Type extends WebhookEventType> = {
  readonly type: Type
  /** The fields of the kind; id, version, sequence, account and person are made up where they are not given. */
  readonly data: Omit<EventOf<Type>['data'], keyof WebhookEventFacts> & Partial<WebhookEventFacts>
  readonly keys: string | readonly string[]
  /** Where it is sent. Default `http://localhost/webhooks`. */
  readonly url?: string
  /** When the event happened and is sent. Default: the machine's time. */
  readonly now?: Date
}

/**
 * A signed webhook as a `Request`, for tests of a receiver.
 * @throws PrivacyConfigurationError for a bad key
 */
export async function createTestWebhook<Type extends WebhookEventType>(test: TestWebhook<Type>): Promise<Request> {
  const { type, keys, url = 'http://localhost/webhooks', now = new Date() } = test
  const facts: WebhookEventFacts = {
    eventId: crypto.randomUUID(),
    version: 1,
    sequence: '1',
    accountId: btoa(`Account:${crypto.randomUUID()}`),
    subjectId: null,
  }
  const data = { ...facts, ...test.data }
  const body = JSON.stringify({ type, timestamp: now.toISOString(), data })
  const signed = await signWebhook({ id: data.eventId, timestamp: now, body, keys })
  return new Request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...signed }, body })
}
