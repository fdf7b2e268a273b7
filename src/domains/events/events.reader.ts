import type { Caller } from '../../db/caller.ts'
import type { Tx } from '../../db/database.ts'
import { Refusal } from '../live.ts'
import { readEventCursor, writeEventCursor } from './cursor.rules.ts'
import { type PublishedEvent, publishEvent } from './events.publish.ts'
import { type EventKind, isEventKind } from './events.rules.ts'
import { feedOf, feedScope } from './events.scope.ts'

/** An event in the feed of the caller who reads it. */
export type FeedEvent = PublishedEvent & {
  /** Its place: reading goes on after it. */
  readonly cursor: string
}

/** Which events of a feed; conditions are combined by AND. */
export type EventFilter = {
  readonly kinds?: readonly EventKind[]
  /** A person of the account; null: nobody. */
  readonly subjectId?: string | null
  /** Written at or after this instant. */
  readonly from?: Date
  /** Written before this instant. */
  readonly to?: Date
}

/** The part of a feed to read. */
export type FeedPart = {
  /** What was read; null: from the oldest that is kept. */
  readonly after: bigint | null
  readonly filter: EventFilter
  readonly limit: number
}

/**
 * The number that a cursor of the caller's feed names.
 * @throws Refusal BAD_USER_INPUT when it is of another feed, or none
 */
export function positionOf(caller: Caller, cursor: string): bigint {
  const position = readEventCursor(cursor)
  if (position === null || position.feedId !== feedOf(caller)) throw notOurs()
  return position.sequence
}

const notOurs = () => new Refusal('BAD_USER_INPUT', 'after is not a cursor of this feed.', { field: 'after' })

/**
 * The last number of the caller's feed.
 * @param after what the caller has read
 * @throws Refusal BAD_USER_INPUT when `after` is a number that was never given out, CURSOR_EXPIRED when what follows it
 *   is no longer kept
 */
export async function endOfFeed(tx: Tx, caller: Caller, after: bigint | null): Promise<{ last: bigint; kept: bigint }> {
  const feedId = feedOf(caller)
  const counter = feedId === null ? null : await tx.eventCounter.findUnique({ where: { feedId } })
  const last = counter?.sequence ?? 0n
  const kept = counter?.forgotten ?? 0n
  if (after !== null && after > last) throw notOurs()
  if (feedId !== null && after !== null && after < kept)
    throw new Refusal('CURSOR_EXPIRED', null, {
      field: 'after',
      oldestCursor: writeEventCursor({ feedId, sequence: kept }),
    })
  return { last, kept }
}

/**
 * Events of the caller's feed in order, `limit` at most. What was deleted is never passed over: the counter is read
 * after the events.
 * @throws Refusal as `endOfFeed`
 */
export async function readFeed(tx: Tx, caller: Caller, { after, filter, limit }: FeedPart): Promise<FeedEvent[]> {
  const { kinds, subjectId, from, to } = filter
  const isProcessor = caller.principal === 'PROCESSOR'
  const start = after ?? (await endOfFeed(tx, caller, null)).kept
  const written = { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) }
  const wanted = {
    sequence: { gt: start },
    ...(kinds ? { kind: { in: [...kinds] } } : {}),
    ...(subjectId === undefined ? {} : { subjectId: isProcessor || subjectId === null ? { in: [] } : subjectId }),
    ...(from || to ? { event: { is: { createdAt: written } } } : {}),
  }
  const rows = await tx.eventFeed.findMany({
    where: { AND: [feedScope(caller), wanted] },
    orderBy: { sequence: 'asc' },
    take: limit,
    include: { event: { select: { payload: true, createdAt: true } } },
  })
  const { kept } = await endOfFeed(tx, caller, after)
  return rows.flatMap(({ event, kind, ...entry }) => {
    if (entry.sequence <= kept || !isEventKind(kind)) return []
    const published = publishEvent({ ...entry, kind, payload: event.payload, createdAt: event.createdAt })
    return [{ ...published, cursor: writeEventCursor(entry) }]
  })
}
