import { z } from 'zod'
import { DataCategory } from '../../generated/prisma/enums.ts'

/**
 * A field of an event. `id` names a record of the event's account by its UUID (`of`: its type in the schema, null where
 * it has none; a processor is one of the register, whatever the account); `word` is one of a closed list.
 */
export type EventField = { readonly description: string } & (
  | { readonly type: 'id'; readonly of: string | null }
  | { readonly type: 'instant' }
  | { readonly type: 'count' }
  | { readonly type: 'word'; readonly words: readonly string[] }
)

/** A kind of event as it is documented. */
export type EventDefinition = {
  /** Raised when the meaning of a field changes; fields are added without it. */
  readonly version: number
  readonly description: string
  readonly fields: Readonly<Record<string, EventField>>
}

const id = (of: string | null, description: string) => ({ type: 'id', of, description }) as const
const instant = (description: string) => ({ type: 'instant', description }) as const

const word = <const W extends readonly string[]>(words: W, description: string) =>
  ({ type: 'word', words, description }) as const
const count = (description: string) => ({ type: 'count', description }) as const

const processor = { processorId: id('Processor', 'The processor.') }
const person = { subjectId: id('Subject', 'The person.') }

/**
 * The catalogue of domain events: what each means and carries. Events hold ids, times, counts and closed words, never
 * personal data. Kinds and fields are added, never renamed or taken away.
 */
export const EVENTS = {
  'account.created': {
    version: 1,
    description: 'An account was created.',
    fields: { accountId: id('Account', 'The account.') },
  },
  'account.closing': {
    version: 1,
    description: 'The closing of an account was begun: it takes no new data.',
    fields: { accountId: id('Account', 'The account.'), closingAt: instant('When the closing was begun.') },
  },
  'account.reopened': {
    version: 1,
    description: 'The closing of an account was taken back: it takes new data again.',
    fields: { accountId: id('Account', 'The account.') },
  },
  'account.closed': {
    version: 1,
    description:
      "An account was closed: its own data is gone, its clients are shut out. No endpoint of the account's own is left to tell.",
    fields: { accountId: id('Account', 'The account.'), closedAt: instant('When it was closed.') },
  },
  'account.member_joined': { version: 1, description: 'An invitation was taken up.', fields: person },
  'account.member_removed': { version: 1, description: 'A member was removed.', fields: person },
  'subject.created': { version: 1, description: 'A person became known.', fields: person },
  'subject.updated': { version: 1, description: 'Data of a person was corrected.', fields: person },
  'client.updated': {
    version: 1,
    description: 'Label, scopes, allowed networks or public keys of an API client were changed.',
    fields: { clientId: id('ApiClient', 'The client.') },
  },
  'client.secret_rotated': {
    version: 1,
    description: 'An API client got another secret.',
    fields: { clientId: id('ApiClient', 'The client.') },
  },
  'client.disabled': {
    version: 1,
    description: 'An API client was disabled: its tokens ended.',
    fields: { clientId: id('ApiClient', 'The client.') },
  },
  'processor.added': { version: 1, description: 'A processor was added to the register.', fields: processor },
  'processor.updated': {
    version: 1,
    description: 'What the register says of a processor was changed.',
    fields: processor,
  },
  'processor.ended': {
    version: 1,
    description: 'A processor was ended: it receives nothing more.',
    fields: { ...processor, endedAt: instant('When it was ended.') },
  },
  'recipient.recorded': {
    version: 1,
    description: 'It was noted that a processor received personal data of the account.',
    fields: { ...processor, items: count('Number of items of the inventory whose data it received.') },
  },
  'retention.rule_changed': {
    version: 1,
    description: 'A rule says from some instant on how long data of a category is kept.',
    fields: {
      ruleId: id('RetentionRule', 'The rule.'),
      category: word(Object.values(DataCategory), 'The category of data.'),
    },
  },
  'webhook.test': {
    version: 1,
    description: 'A test, sent to one webhook endpoint alone.',
    fields: { endpointId: id('WebhookEndpoint', 'The endpoint.') },
  },
  'webhook.endpoint_disabled': {
    version: 1,
    description: 'A webhook endpoint was disabled because it answered 410: nothing more is sent to it.',
    fields: { endpointId: id('WebhookEndpoint', 'The endpoint.') },
  },
  'inventory.reconciled': {
    version: 1,
    description: 'The inventory was compared with what the systems hold.',
    fields: {
      reconciliationId: id('Reconciliation', 'The comparison.'),
      items: count('Items that were compared.'),
      missing: count('Places with personal data that have no item.'),
      orphaned: count('Items without data.'),
    },
  },
} as const satisfies Readonly<Record<string, EventDefinition>>

/** The name of a kind of event. */
export type EventKind = keyof typeof EVENTS

type Value<F extends EventField> = F extends { type: 'count' }
  ? number
  : F extends { type: 'word'; words: readonly (infer W)[] }
    ? W
    : string

/** What an event of a kind carries: ids as UUIDs, instants as ISO 8601. */
export type EventPayload<K extends EventKind> = {
  readonly [F in keyof (typeof EVENTS)[K]['fields']]: (typeof EVENTS)[K]['fields'][F] extends EventField
    ? Value<(typeof EVENTS)[K]['fields'][F]>
    : never
}

/** Whether `value` names a kind of event. */
export function isEventKind(value: string): value is EventKind {
  return Object.hasOwn(EVENTS, value)
}

const shapeOf = (field: EventField) => {
  if (field.type === 'id') return z.uuid()
  if (field.type === 'instant') return z.iso.datetime()
  if (field.type === 'count') return z.int().min(0)
  return z.enum(field.words as [string, ...string[]])
}

const shapes = new Map(
  Object.entries(EVENTS).map(([kind, { fields }]: [string, EventDefinition]) => [
    kind,
    z.strictObject(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, shapeOf(field)]))),
  ]),
)

/** Reads a payload by its kind's shape. @throws ZodError when it has another */
export function readPayload<K extends EventKind>(kind: K, payload: unknown): EventPayload<K> {
  return shapes.get(kind)?.parse(payload) as EventPayload<K>
}

/** The name of a kind's type in the schema, e.g. `SubjectCreatedEvent`. */
export function eventTypeName(kind: string): string {
  const words = kind.split(/[._-]/).map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
  return `${words.join('')}Event`
}

/** Whether `payload` has the shape of its kind. */
export function isPayload(kind: EventKind, payload: unknown): boolean {
  return shapes.get(kind)?.safeParse(payload).success === true
}

/** The longest pause between two deliveries of an event, in seconds. */
export const RETRY_SECONDS_MAX = 3_600

/** Seconds until the next attempt after `attempts` failed ones: 1 s, doubled, at most an hour. */
export function retryDelaySeconds(attempts: number): number {
  return Math.min(RETRY_SECONDS_MAX, 2 ** Math.min(attempts - 1, 12))
}
