import { builder } from '../../schema/builder.ts'
import type { FeedEvent } from './events.reader.ts'
import { EVENTS, type EventDefinition, type EventField, eventTypeName } from './events.rules.ts'

/** Something that happened, as every kind of event shows it. */
export const EventInterface = builder.interfaceRef<FeedEvent>('Event')

builder.interfaceType(EventInterface, {
  description:
    'Something that happened: ids, times, counts and words, no personal data. Kinds and fields are added, never taken away; a reader passes over those that it does not know.',
  resolveType: (event) => eventTypeName(event.kind),
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'UUID of the event, the same in queries, subscriptions and webhooks: by it a reader finds doubles.',
    }),
    sequence: t.expose('sequence', {
      type: 'BigInt',
      description: 'Its number in the feed: 1, 2, 3 ... without gap for who sees the whole feed.',
    }),
    kind: t.exposeString('kind', { description: 'What happened, e.g. `subject.created`; see docs/events.md.' }),
    version: t.exposeInt('version', {
      description: 'The version of its kind, raised when a field changes its meaning.',
    }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it happened.' }),
    accountId: t.exposeID('accountId', { description: 'Global id of the account in which it happened.' }),
    subjectId: t.exposeID('subjectId', {
      nullable: true,
      description: 'Global id of the person whom it concerns; null where it concerns none, and for processors.',
    }),
    cursor: t.exposeString('cursor', { description: 'Its place in the feed, for `after`.' }),
  }),
})

/** What every kind has anyway. */
const COMMON: ReadonlySet<string> = new Set(['accountId', 'subjectId'])

const isHidden = (field: EventField) => field.type === 'id' && field.of === 'Subject'

function descriptionOf(field: EventField): string {
  if (field.type === 'id') {
    if (field.of === null) return `${field.description} A UUID.`
    return `${field.description} Global id of the type ${field.of}${isHidden(field) ? '; null for processors' : ''}.`
  }
  return field.type === 'word' ? `${field.description} One of: ${field.words.join(', ')}.` : field.description
}

const asText = (event: FeedEvent, name: string) => String(event.data[name])

for (const [kind, definition] of Object.entries<EventDefinition>(EVENTS))
  builder.objectType(builder.objectRef<FeedEvent>(eventTypeName(kind)), {
    description: `${definition.description} Kind \`${kind}\`, version ${definition.version}.`,
    interfaces: [EventInterface],
    fields: (t) =>
      Object.fromEntries(
        Object.entries(definition.fields)
          .filter(([name]) => !COMMON.has(name))
          .map(([name, field]) => {
            const description = descriptionOf(field)
            if (field.type === 'instant')
              return [
                name,
                t.field({ type: 'DateTime', description, resolve: (event) => new Date(asText(event, name)) }),
              ]
            if (field.type === 'count')
              return [name, t.int({ description, resolve: (event) => Number(event.data[name]) })]
            if (field.type === 'word') return [name, t.string({ description, resolve: (event) => asText(event, name) })]
            const idOf = (event: FeedEvent) => (event.data[name] === null ? null : asText(event, name))
            return isHidden(field)
              ? [name, t.id({ nullable: true, description, resolve: idOf })]
              : [name, t.id({ description, resolve: (event) => asText(event, name) })]
          }),
      ),
  })
