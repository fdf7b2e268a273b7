import { z } from 'zod'

const id = z.uuid()

/**
 * The catalogue of domain events: what each carries. Payloads hold ids, times and closed words, never personal data.
 * Kinds and fields are added, never renamed or taken away.
 */
export const EVENT_PAYLOADS = {
  'account.created': z.strictObject({ accountId: id }),
  'account.closing': z.strictObject({ accountId: id, closingAt: z.iso.datetime() }),
  'account.member_joined': z.strictObject({ subjectId: id }),
  'account.member_removed': z.strictObject({ subjectId: id }),
  'subject.created': z.strictObject({ subjectId: id }),
  'subject.updated': z.strictObject({ subjectId: id }),
  'client.disabled': z.strictObject({ clientId: id }),
} as const

/** The name of a kind of event. */
export type EventKind = keyof typeof EVENT_PAYLOADS

/** What an event of a kind carries. */
export type EventPayload<K extends EventKind> = z.infer<(typeof EVENT_PAYLOADS)[K]>

/** Whether `value` names a kind of event. */
export function isEventKind(value: string): value is EventKind {
  return Object.hasOwn(EVENT_PAYLOADS, value)
}

/** Seconds until the next attempt after `attempts` failed ones: 1 s, doubled, at most an hour. */
export function retryDelaySeconds(attempts: number): number {
  return Math.min(3600, 2 ** Math.min(attempts - 1, 12))
}
