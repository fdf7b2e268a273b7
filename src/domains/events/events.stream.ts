import type { Session } from '../../auth/session.ts'
import type { Database } from '../../db/database.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { type Live, type LiveStream, Refusal } from '../live.ts'
import { writeEventCursor } from './cursor.rules.ts'
import { type EventFilter, endOfFeed, type FeedEvent, positionOf, readFeed } from './events.reader.ts'
import { feedOf } from './events.scope.ts'

/** After how long without an event a caller's rights are looked at again, in seconds. */
export const RECHECK_SECONDS = 30

const BATCH = 100

/** What following a feed needs. */
export type FollowDeps = {
  readonly db: Database
  readonly clock: Clock
  readonly live: Live
  /** The caller with the rights that it has now; throws when its token has ended or was revoked. */
  readonly refresh: (session: Session) => Promise<Session>
}

/** Where to begin, and what to tell. */
export type FollowFrom = {
  /** The cursor of the last event that was seen; null: only what happens from now on. */
  readonly after: string | null
  readonly filter: EventFilter
  /** Told the cursor of the place where it begins, before any event: what a reader that hears of none goes on from. */
  readonly onBegin?: (cursor: string) => void
}

/**
 * Follows the caller's feed: first what came after `after`, then what comes, in order, without gap or double. Nothing
 * of the database is held between batches; before each one is told, and after 30 s of silence, the caller's rights are
 * looked up again. Ends when the process stops, and when `return` is called.
 * @throws Refusal TOO_MANY_STREAMS, BAD_USER_INPUT, CURSOR_EXPIRED; while it goes on FORBIDDEN when the caller may no
 *   longer read events, and what `refresh` throws
 */
export async function followEvents(
  deps: FollowDeps,
  session: Session,
  { after, filter, onBegin }: FollowFrom,
): Promise<AsyncIterableIterator<FeedEvent>> {
  const feedId = feedOf(session)
  if (feedId === null) throw new Refusal('FORBIDDEN')
  const stream = deps.live.open(session, feedId)
  try {
    const from = after === null ? null : positionOf(session, after)
    const { last } = await deps.db.read(session, (tx) => endOfFeed(tx, session, from))
    const position = from ?? last
    onBegin?.(writeEventCursor({ feedId, sequence: position }))
    return closing(stream, eventsAfter(deps, stream, session, { position, filter }))
  } catch (error) {
    stream.close()
    throw error
  }
}

/** Gives the stream's place back at its end, and ends a wait when the reader goes: a generator would sleep on. */
function closing(stream: LiveStream, events: AsyncGenerator<FeedEvent, void>): AsyncIterableIterator<FeedEvent> {
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      try {
        const step = await events.next()
        if (step.done) stream.close()
        return step
      } catch (error) {
        stream.close()
        throw error
      }
    },
    async return() {
      stream.close()
      return events.return()
    },
  }
}

async function* eventsAfter(
  deps: FollowDeps,
  stream: LiveStream,
  first: Session,
  from: { readonly position: bigint; readonly filter: EventFilter },
): AsyncGenerator<FeedEvent, void> {
  const { db, clock } = deps
  let { position } = from
  let session = first
  while (!stream.ended) {
    const seen = stream.latest
    const part = { after: position, filter: from.filter, limit: BATCH }
    const events = await db.read(session, (tx) => readFeed(tx, session, part))
    // Looked up after the reading: no event is told by rights that had ended before it happened.
    const until = dueAt(session, clock.now())
    const before = session
    session = await stillAllowed(deps, session, first)
    if (session.reach !== before.reach || session.subjectId !== before.subjectId) continue
    let told = 0
    for (const event of events) {
      if (stream.ended || clock.now() >= until) break
      position = BigInt(event.sequence)
      told += 1
      yield event
    }
    if (told < events.length || events.length === BATCH) continue
    if (seen !== null && seen > position) position = seen
    await stream.wait(position, until)
  }
}

async function stillAllowed({ refresh }: FollowDeps, session: Session, first: Session): Promise<Session> {
  const now = await refresh(session)
  const isSame = now.callerId === first.callerId && feedOf(now) === feedOf(first)
  if (!isSame || !now.scopes.has('events:read')) throw new Refusal('FORBIDDEN')
  return now
}

function dueAt({ expiresAt }: Session, now: Date): Date {
  const recheckAt = addSeconds(now, RECHECK_SECONDS)
  return expiresAt !== null && expiresAt < recheckAt ? expiresAt : recheckAt
}
