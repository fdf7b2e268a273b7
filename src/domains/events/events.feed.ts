import type { Database, Tx } from '../../db/database.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { type EventKind, isEventKind, isPayload, retryDelaySeconds } from './events.rules.ts'

/** The place of an event in one feed. */
export type FeedEntry = {
  /** An account, or a processor. */
  readonly feedId: string
  /** 1, 2, 3 ... without gap in each feed. */
  readonly sequence: bigint
  readonly accountId: string
  readonly eventId: string
  readonly kind: EventKind
  readonly subjectId: string | null
  readonly processorId: string | null
  readonly createdAt: Date
}

/** Told of entries in the transaction (login of the worker) that makes them. What it throws undoes the batch. */
export type FeedListener = (tx: Tx, entries: readonly FeedEntry[]) => Promise<void>

const BATCH = 500
const LOCK_KEY = 4_716_001

/** Lets one transaction at a time give out or take away places; the others wait for its end. */
export async function lockFeeds(tx: Tx): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(${LOCK_KEY}::bigint)`
}

/**
 * Gives events their places in the feed of their account and, where they are for a processor, in the feed of that: per
 * feed without gap, in the order in which they were written. 500 events a transaction, one at a time over all workers;
 * a transaction that does not commit leaves no place behind. An event that is not of the catalogue gets none and is
 * looked at again with growing pauses.
 * @returns how many events got a place
 */
export async function sequenceEvents(
  db: Database,
  clock: Clock,
  listeners: readonly FeedListener[] = [],
): Promise<number> {
  let count = 0
  for (;;) {
    const now = clock.now()
    const { looked, placed } = await db.worker((tx) => placeBatch(tx, now, listeners))
    count += placed
    if (looked < BATCH) return count
  }
}

type Unplaced = {
  readonly account_id: string
  readonly id: string
  readonly kind: string
  readonly subject_id: string | null
  readonly processor_id: string | null
  readonly payload: unknown
  readonly created_at: Date
  readonly attempts: number
}

async function placeBatch(
  tx: Tx,
  now: Date,
  listeners: readonly FeedListener[],
): Promise<{ looked: number; placed: number }> {
  await lockFeeds(tx)
  const rows = await tx.$queryRaw<Unplaced[]>`
    select account_id, id, kind, subject_id, processor_id, payload, created_at, attempts from outbox_event
    where sequenced_at is null and (attempts = 0 or next_attempt_at <= ${now})
    order by position limit ${BATCH}`
  const good = rows.filter(({ kind, payload }) => isEventKind(kind) && isPayload(kind, payload))
  for (const row of rows) if (!good.includes(row)) await postpone(tx, row, now)
  if (good.length === 0) return { looked: rows.length, placed: 0 }
  const entries = await placesOf(tx, good)
  await tx.$executeRaw`
    insert into event_feed (feed_id, sequence, account_id, event_id, kind, subject_id)
    select * from unnest(
      ${entries.map((entry) => entry.feedId)}::uuid[], ${entries.map((entry) => entry.sequence)}::bigint[],
      ${entries.map((entry) => entry.accountId)}::uuid[], ${entries.map((entry) => entry.eventId)}::uuid[],
      ${entries.map((entry) => entry.kind)}::text[], ${entries.map((entry) => (entry.feedId === entry.accountId ? entry.subjectId : null))}::uuid[])`
  await tx.$executeRaw`
    update outbox_event o set sequenced_at = ${now}, attempts = 0, last_problem = null
    from unnest(${good.map((row) => row.account_id)}::uuid[], ${good.map((row) => row.id)}::uuid[]) as placed (account_id, id)
    where o.account_id = placed.account_id and o.id = placed.id`
  for (const listener of listeners) await listener(tx, entries)
  return { looked: rows.length, placed: good.length }
}

/** Takes as many numbers of each feed as are needed and hands them out in the order of `rows`. */
async function placesOf(tx: Tx, rows: readonly Unplaced[]): Promise<FeedEntry[]> {
  const wanted = rows.flatMap((row) =>
    [row.account_id, row.processor_id].flatMap((feedId) => (feedId === null ? [] : [{ feedId, row }])),
  )
  const counters = await tx.$queryRaw<{ feed_id: string; next: bigint }[]>`
    with wanted as (
      select feed_id, count(*) as n from unnest(${wanted.map(({ feedId }) => feedId)}::uuid[]) as w (feed_id) group by 1),
    taken as (
      insert into event_counter (feed_id, sequence) select feed_id, n from wanted
      on conflict (feed_id) do update set sequence = event_counter.sequence + excluded.sequence
      returning feed_id, sequence)
    select feed_id, sequence - n + 1 as next from taken join wanted using (feed_id)`
  const next = new Map(counters.map((counter) => [counter.feed_id, counter.next]))
  return wanted.map(({ feedId, row }) => {
    const sequence = next.get(feedId)
    if (sequence === undefined) throw new Error('a feed has no counter')
    next.set(feedId, sequence + 1n)
    return {
      feedId,
      sequence,
      accountId: row.account_id,
      eventId: row.id,
      kind: row.kind as EventKind,
      subjectId: row.subject_id,
      processorId: row.processor_id,
      createdAt: row.created_at,
    }
  })
}

async function postpone(tx: Tx, row: Unplaced, now: Date): Promise<void> {
  const attempts = row.attempts + 1
  const nextAttemptAt = addSeconds(now, retryDelaySeconds(attempts))
  await tx.outboxEvent.updateMany({
    where: { accountId: row.account_id, id: row.id },
    data: { attempts, lastProblem: 'NOT_OF_CATALOGUE', nextAttemptAt },
  })
}
