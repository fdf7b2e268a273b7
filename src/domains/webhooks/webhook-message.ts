import { createHmac, sign } from 'node:crypto'
import type { PublishedEvent } from '../events/events.publish.ts'
import type { SigningPair } from './webhook-keys.ts'
import { BODY_BYTES_MAX } from './webhooks.rules.ts'

/**
 * The body of an event: ids, times and closed words, never personal data.
 * @throws Error when it were 20 kB or more, which no kind of the catalogue comes near
 */
export function webhookBody(event: PublishedEvent): string {
  const { id, kind, version, sequence, occurredAt, accountId, subjectId, data } = event
  const body = JSON.stringify({
    type: kind,
    timestamp: occurredAt.toISOString(),
    data: { ...data, eventId: id, version, sequence: String(sequence), accountId, subjectId },
  })
  if (Buffer.byteLength(body) >= BODY_BYTES_MAX) throw new Error(`an event of the kind ${kind} is too large to be sent`)
  return body
}

/**
 * The headers of an attempt. Each pair signs `id.timestamp.body`: `v1` by HMAC-SHA256, `v1a` by Ed25519.
 * @param at the instant of this attempt, which receivers compare with their clock
 * @see Standard Webhooks 1.0.0
 */
export function webhookHeaders(
  message: { readonly id: string; readonly at: Date; readonly body: string },
  pairs: readonly SigningPair[],
): Record<string, string> {
  const timestamp = String(Math.floor(message.at.getTime() / 1000))
  const content = Buffer.from(`${message.id}.${timestamp}.${message.body}`)
  const signatures = pairs.flatMap(({ secret, privateKey }) => [
    `v1,${createHmac('sha256', secret).update(content).digest('base64')}`,
    `v1a,${sign(null, content, privateKey).toString('base64')}`,
  ])
  return {
    'content-type': 'application/json',
    'user-agent': 'PipeletPrivacy-Webhooks/1.0',
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
