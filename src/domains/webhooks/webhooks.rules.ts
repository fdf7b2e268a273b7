import type { WebhookDeliveryState } from '../../generated/prisma/enums.ts'
import { EVENTS, type EventKind, isEventKind } from '../events/events.rules.ts'

/** How many endpoints an account or a processor may have. */
export const ENDPOINTS_MAX = 20
/** How often a delivery is tried before it is given up. */
export const ATTEMPTS_MAX = 10
/** How long a worker has a delivery to itself, in seconds: longer than any attempt. */
export const LEASE_SECONDS = 60
/** For how long replaced keys go on signing, in hours. */
export const OVERLAP_HOURS = { default: 24, max: 168 } as const
/** The largest body that is sent, in bytes (Standard Webhooks asks for less than 20 kB). */
export const BODY_BYTES_MAX = 20_000

/** Why a delivery or an attempt failed, as a closed word with its meaning. */
export const DELIVERY_PROBLEMS = {
  TIMEOUT: 'No whole answer within 15 seconds.',
  NAME_NOT_RESOLVED: 'No name server knows an address of the host.',
  ADDRESS_NOT_ALLOWED: 'The host has an address that is not public.',
  CONNECTION_REFUSED: 'The host refused the connection.',
  CONNECTION_FAILED: 'The host could not be reached.',
  CONNECTION_LOST: 'The connection ended before the answer.',
  TLS_FAILED: 'No encrypted connection, or the certificate is not valid for the host.',
  RESPONSE_NOT_VALID: 'The answer was not HTTP.',
  RESPONSE_TOO_LARGE: 'The headers of the answer were larger than 16 kB.',
  REDIRECTED: 'The answer was a redirect; redirects are not followed.',
  GONE: 'The answer was 410: the endpoint was disabled.',
  STATUS_NOT_SUCCESS: 'The status of the answer was not 200 to 299.',
  SEND_FAILED: 'The request could not be made.',
  ENDPOINT_DISABLED: 'The endpoint was disabled before the event was delivered.',
} as const satisfies Readonly<Record<string, string>>

/** The name of a problem of a delivery. */
export type DeliveryProblem = keyof typeof DELIVERY_PROBLEMS

/** Seconds before each attempt: at once, then 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h after the last. */
const PAUSES_SECONDS = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const

/** The longest of these with what chance adds, in seconds. */
export const PAUSE_SECONDS_MAX = 1.1 * 86_400

/**
 * Seconds until the next attempt after `attempts` failed ones, up to a tenth longer by chance, so that deliveries that
 * failed together do not come back together; null when there is none.
 * @param chance 0 (inclusive) to 1
 * @see Standard Webhooks 1.0.0, "Deliverability and reliability"
 */
export function pauseSeconds(attempts: number, chance: number): number | null {
  const pause = PAUSES_SECONDS[attempts]
  return pause === undefined ? null : pause + (pause * chance) / 10
}

/** What becomes of a delivery after an attempt: done, tried again after a pause, or given up. */
export function stateAfter(
  attempt: { readonly problem: DeliveryProblem | null; readonly attempts: number },
  chance: number,
): { readonly state: WebhookDeliveryState; readonly pauseSeconds: number } {
  if (attempt.problem === null) return { state: 'DELIVERED', pauseSeconds: 0 }
  const pause = attempt.problem === 'GONE' ? null : pauseSeconds(attempt.attempts, chance)
  return pause === null ? { state: 'DEAD', pauseSeconds: 0 } : { state: 'PENDING', pauseSeconds: pause }
}

/** The kinds of events that an endpoint can ask for. */
export const WEBHOOK_KINDS = Object.keys(EVENTS)

/** The kinds that were named, each once; null where one does not exist. */
export function readWebhookKinds(names: readonly string[]): readonly EventKind[] | null {
  return names.every(isEventKind) ? [...new Set(names)] : null
}
