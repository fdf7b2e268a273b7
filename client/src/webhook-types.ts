import type { WebhookEventFields } from '../generated/webhook-events.ts'

/** What every event carries in its `data`, beside the fields of its kind. */
export type WebhookEventFacts = {
  /** The event's own id, a UUID, the same in every delivery and in every feed; the header `webhook-id` names it too. */
  readonly eventId: string
  /** Raised when the meaning of a field of the kind changes. */
  readonly version: number
  /** Its number in the feed of whom it is sent to. `BigInt(sequence)` is exact. */
  readonly sequence: string
  readonly accountId: string
  /** The person whom it concerns; null where there is none, and for a processor. */
  readonly subjectId: string | null
}

type Event<Type extends string, Fields> = {
  /** The kind of the event, e.g. `subject.created`. */
  readonly type: Type
  /** When it happened: ISO 8601 in UTC. When it was sent is told by the header `webhook-timestamp`. */
  readonly timestamp: string
  /** Ids, instants, counts and closed words; never personal data. */
  readonly data: Omit<Fields, keyof WebhookEventFacts> & WebhookEventFacts
}

/** The kinds of events that this version of the package knows. */
export type WebhookEventType = keyof WebhookEventFields

/** An event of a kind that this version of the package does not know; a newer server may send some. */
export type FutureWebhookEvent = Event<'%future added value', Readonly<Record<string, string | number | null>>>

/** An event as a webhook brings it, told apart by `type`. */
export type WebhookEvent =
  | { [Type in WebhookEventType]: Event<Type, WebhookEventFields[Type]> }[WebhookEventType]
  | FutureWebhookEvent
