import type { Session } from '../../auth/session.ts'
import { builder } from '../../schema/builder.ts'
import { pageOf } from '../../schema/forward-page.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { type EventFilter, type FeedEvent, positionOf, readFeed } from './events.reader.ts'
import { EVENTS, isEventKind } from './events.rules.ts'
import { feedOf } from './events.scope.ts'
import { followEvents } from './events.stream.ts'
import { EventInterface } from './events.types.ts'

const PAGE = 20
const PAGE_MAX = 100

const Filter = builder.inputType('EventFilter', {
  description: 'Which events; conditions are combined by AND.',
  fields: (t) => ({
    kinds: t.stringList({ description: `Of these kinds: ${Object.keys(EVENTS).join(', ')}.` }),
    subjectId: t.id({ description: 'That concern this person. Processors are told of no person.' }),
    from: t.field({ type: 'DateTime', description: 'That happened at or after this instant.' }),
    to: t.field({ type: 'DateTime', description: 'That happened before this instant.' }),
  }),
})

function readFilter(session: Session, given: typeof Filter.$inferInput | null | undefined): EventFilter {
  const { kinds, subjectId, from, to } = given ?? {}
  const known = kinds?.filter(isEventKind)
  if (known?.length !== kinds?.length) throw badInput('filter.kinds', 'names a kind of event that there is not')
  if (from && to && from >= to) throw badInput('filter.to', 'must lie after filter.from')
  const subject = subjectId ? readTenantKey('filter.subjectId', 'Subject', subjectId) : undefined
  return {
    ...(known ? { kinds: known } : {}),
    ...(subject ? { subjectId: subject.accountId === session.accountId ? subject.id : null } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  }
}

const EventEdge = builder.edgeObject({ type: EventInterface, name: 'EventEdge' })
const EventConnection = builder.connectionObject({ type: EventInterface, name: 'EventConnection' }, EventEdge)

const WHO =
  'An owner, an admin and an integration see the whole feed of the account, without gap; a member and an end user what concerns them, so that numbers are left out; a processor its own feed, without persons.'

const cursorOf = ({ cursor }: FeedEvent) => cursor

builder.queryField('events', (t) =>
  t.field({
    type: EventConnection,
    ...needs('events:read', `Events in the order of their feed, oldest first; kept for 30 days. ${WHO}`),
    args: {
      after: t.arg.string({
        description:
          'Only what follows this cursor. One that is older than what is kept is refused as CURSOR_EXPIRED, with the cursor to go on from.',
      }),
      first: t.arg.int({ description: 'How many; default 20, at most 100.' }),
      filter: t.arg({ type: Filter, description: 'Which ones; absent: all.' }),
    },
    resolve: async (_root, args, { session, reads }) => {
      const first = args.first ?? PAGE
      if (first < 0) throw badInput('first', 'must not be negative')
      const limit = Math.min(first, PAGE_MAX)
      const after = args.after == null ? null : positionOf(session, args.after)
      const filter = readFilter(session, args.filter)
      if (feedOf(session) === null) return pageOf([], limit, after, cursorOf)
      const events = await readFeed(reads.tx, session, { after, filter, limit: limit + 1 })
      return pageOf(events, limit, after, cursorOf)
    },
  }),
)

builder.subscriptionField('events', (t) =>
  t.field({
    type: EventInterface,
    ...needs(
      'events:read',
      `Follows events, as \`Query.events\` shows them: first what came after \`after\`, then what comes. ${WHO} Ends with an error when the token ends or the caller may no longer read them; a reader then goes on after the last cursor that it saw.`,
    ),
    args: {
      after: t.arg.string({
        description:
          'Begins after this cursor; absent: with what happens from now on. The header `Last-Event-ID`, where it is sent, stands in its place.',
      }),
      filter: t.arg({ type: Filter, description: 'Which ones; absent: all.' }),
    },
    subscribe: (_root, args, { session, deps, live, refresh, lastEventId, nameEvent }) =>
      followEvents({ ...deps, live, refresh }, session, {
        after: lastEventId ?? args.after ?? null,
        filter: readFilter(session, args.filter),
        onBegin: nameEvent,
      }),
    resolve: (event, _args, { nameEvent }) => {
      nameEvent(event.cursor)
      return event
    },
  }),
)
