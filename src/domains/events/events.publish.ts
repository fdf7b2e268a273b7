import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { globalId, tenantKey } from '../public-id.ts'
import { EVENTS, type EventDefinition, type EventField, type EventKind, readPayload } from './events.rules.ts'

/** An event as it leaves: the same in queries, streams and webhooks. All ids but its own are global ids. */
export type PublishedEvent = {
  /** A UUID, the same in every feed and delivery: by it a receiver knows what it has seen. */
  readonly id: string
  readonly kind: EventKind
  readonly version: number
  /** Its number in the feed. */
  readonly sequence: number
  readonly occurredAt: Date
  readonly accountId: string
  readonly subjectId: string | null
  /** The fields of its kind: ids as global ids (a bare UUID where the record has none), instants as ISO 8601. */
  readonly data: Readonly<Record<string, string | number | null>>
}

/** What is stored of an event and its place in the feed through which it leaves. */
export type PublishableRow = {
  /** The account's or a processor's feed: a processor is told no person's id. */
  readonly feedId: string
  readonly sequence: bigint
  readonly accountId: string
  readonly eventId: string
  readonly kind: EventKind
  readonly subjectId: string | null
  readonly payload: unknown
  readonly createdAt: Date
}

/**
 * The event as the feed's owner may see it. In a processor's feed `subjectId` and the ids of persons in `data` are null.
 * @throws ZodError when the payload is not of the catalogue, which no event with a place is
 */
export function publishEvent(row: PublishableRow): PublishedEvent {
  const { accountId, kind } = row
  const definition: EventDefinition = EVENTS[kind]
  const payload: Readonly<Record<string, string | number>> = readPayload(kind, row.payload)
  const showsPersons = row.feedId === accountId
  const data = Object.entries(definition.fields).map(([name, field]) => {
    const value = payload[name] ?? null
    return [name, publishedValue(field, value, accountId, showsPersons)] as const
  })
  return {
    id: row.eventId,
    kind,
    version: definition.version,
    sequence: Number(row.sequence),
    occurredAt: row.createdAt,
    accountId: globalId('Account', accountId),
    subjectId:
      row.subjectId === null || !showsPersons ? null : globalId('Subject', tenantKey({ accountId, id: row.subjectId })),
    data: Object.fromEntries(data),
  }
}

/** Types whose global ids name no account. */
const WITHOUT_ACCOUNT: ReadonlySet<string> = new Set(['Account', 'RetentionRule'])

function publishedValue(field: EventField, value: string | number | null, accountId: string, showsPersons: boolean) {
  if (field.type !== 'id' || value === null) return value
  if (field.of === 'Subject' && !showsPersons) return null
  if (field.of === null) return value
  const home = field.of === 'Processor' ? PLATFORM_ACCOUNT_ID : accountId
  return globalId(
    field.of,
    WITHOUT_ACCOUNT.has(field.of) ? String(value) : tenantKey({ accountId: home, id: String(value) }),
  )
}
