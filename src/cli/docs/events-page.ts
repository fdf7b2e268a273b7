import { DELIVERED_SECONDS } from '../../domains/events/events.jobs.ts'
import { publishEvent } from '../../domains/events/events.publish.ts'
import {
  EVENTS,
  type EventDefinition,
  type EventField,
  type EventKind,
  eventTypeName,
} from '../../domains/events/events.rules.ts'
import { RECHECK_SECONDS } from '../../domains/events/events.stream.ts'
import { webhookBody } from '../../domains/webhooks/webhook-message.ts'
import { table, WRITTEN } from './table.ts'

const ACCOUNT = '0199aa00-0000-7000-8000-000100000001'
const SUBJECT = '0199aa00-0000-7000-8000-000100000012'
const OTHER = '0199aa00-0000-7000-8000-0001000000ff'
const EVENT = '019cf15e-1200-7237-9001-8e686262e4c5'
const AT = '2026-03-15T12:00:00.000Z'

/** A value as an event of the outbox holds it. */
function exampleOf(field: EventField): string | number {
  if (field.type === 'instant') return AT
  if (field.type === 'count') return 3
  if (field.type === 'word') return field.words[0] ?? ''
  if (field.of === 'Account') return ACCOUNT
  return field.of === 'Subject' ? SUBJECT : OTHER
}

/** An event of a kind as it is sent to a webhook of its account. */
function exampleBody(kind: EventKind, { fields }: EventDefinition): string {
  const payload = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, exampleOf(field)]))
  const subjectId = Object.hasOwn(fields, 'subjectId') ? SUBJECT : null
  const row = { feedId: ACCOUNT, sequence: 42n, accountId: ACCOUNT, eventId: EVENT, kind, subjectId }
  const body: unknown = JSON.parse(webhookBody(publishEvent({ ...row, payload, createdAt: new Date(AT) })))
  return JSON.stringify(body, null, 2)
}

function typeOf(field: EventField): string {
  if (field.type === 'instant') return 'instant, ISO 8601 in UTC'
  if (field.type === 'count') return 'whole number'
  if (field.type === 'word') return `one of ${field.words.map((word) => `\`${word}\``).join(', ')}`
  if (field.of === null) return 'UUID'
  return `global id of \`${field.of}\`${field.of === 'Subject' ? '; null for processors' : ''}`
}

function sectionOf(kind: string, definition: EventDefinition): string {
  const fields = Object.entries(definition.fields).map(([name, field]) => [
    `\`${name}\``,
    typeOf(field),
    field.description,
  ])
  return `### ${kind}

${definition.description} Version ${definition.version}; type \`${eventTypeName(kind)}\` in the schema.

${table(['Field', 'Type', 'Meaning'], fields)}

\`\`\`json
${exampleBody(kind as EventKind, definition)}
\`\`\``
}

/** The text of `docs/events.md`: every kind of event, and how events reach those who may know of them. */
export function eventsPage(): string {
  const kinds = Object.entries<EventDefinition>(EVENTS).sort(([a], [b]) => (a < b ? -1 : 1))
  const summary = kinds.map(([kind, { version, description }]) => [`\`${kind}\``, String(version), description])
  return `# Events

${WRITTEN}

What happened, told to those who may know of it: as a list (\`Query.events\`), as a stream (\`Subscription.events\`) and
by webhooks. An event holds ids, times, counts and words of closed lists, never personal data: whoever wants more asks
for the record by its id, and sees of it what it may see then.

${table(['Kind', 'Version', 'Meaning'], summary)}

## What holds

- **Feeds.** Each account has a feed, and each processor has one with the events that name it. In a feed events have the
  numbers 1, 2, 3 and so on (\`sequence\`), without gap. An owner, an admin and an integration read the whole feed of
  their account. A member and an end user see in it what concerns them, so that numbers are left out. A processor sees
  its own feed; ids of persons are null there. Staff and gateways read no feed.
- **Order.** Of two events, one of which was committed before the other was begun, the first has the lower number in
  every feed that has both. Events of one person are delivered to a webhook in this order.
- **Stored with its cause.** An event is there exactly when the change that it tells of is there. It gets its number
  within about a second.
- **At least once.** A list and a stream tell each event once to a reader who goes on after the last cursor it saw. A
  webhook may deliver an event more than once. \`id\` (\`eventId\` in webhooks) is the same everywhere: by it doubles are
  found.
- **Kept for ${DELIVERED_SECONDS / 86_400} days.** A cursor behind what is kept is refused as \`CURSOR_EXPIRED\`, with \`oldestCursor\` to go on
  from; nothing is passed over in silence. After that, read the records themselves, then follow from \`oldestCursor\`.
- **Kinds and fields are added, never renamed or taken away.** A reader passes over what it does not know. \`version\` of
  a kind is raised when a field changes its meaning.

## The stream

GraphQL over server-sent events, "distinct connections": POST (or GET with the header \`x-graphql-csrf\`) to \`/graphql\`
with \`Accept: text/event-stream\`.

- First comes an \`id:\` without an event: the place where the stream begins. Then \`next\` for each event, with its cursor
  as \`id:\`; comments while nothing happens; \`complete\` at the end.
- Go on with the header \`Last-Event-ID\` or the argument \`after\`; the header stands before the argument.
- Rights are looked up again before events are told, and after ${RECHECK_SECONDS} seconds of silence. When the token has ended or was
  revoked, the last \`next\` has the error \`UNAUTHENTICATED\`; when the caller may no longer read events, \`FORBIDDEN\`.
- A caller has at most 20 streams open (\`TOO_MANY_STREAMS\`). A server that stops ends its streams with \`complete\`.

## The kinds

A webhook's body is shown. In the schema each kind is a type with the same fields, beside those of the interface \`Event\`:
\`id\`, \`kind\`, \`version\`, \`sequence\`, \`occurredAt\`, \`accountId\`, \`subjectId\` and \`cursor\`.

${kinds.map(([kind, definition]) => sectionOf(kind, definition)).join('\n\n')}
`
}
