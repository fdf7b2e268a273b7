import type { Database, Tx } from '../../db/database.ts'
import type { OutboxEvent } from '../../generated/prisma/client.ts'
import { addSeconds, CLOCK_SKEW_SECONDS, type Clock } from '../../time/clock.ts'
import { lockFeeds } from './events.feed.ts'
import {
  type EventKind,
  type EventPayload,
  isEventKind,
  RETRY_SECONDS_MAX,
  readPayload,
  retryDelaySeconds,
} from './events.rules.ts'

/** A delivered event, its payload read by its kind's shape. */
export type DeliveredEvent<K extends EventKind = EventKind> = {
  readonly id: string
  readonly accountId: string
  readonly kind: K
  readonly subjectId: string | null
  readonly payload: EventPayload<K>
  readonly createdAt: Date
}

/** What a domain does about events of one kind: in one transaction with the note that the event was delivered. */
export type EventHandler<K extends EventKind = EventKind> = {
  readonly kind: K
  handle(tx: Tx, event: DeliveredEvent<K>): Promise<void>
}

const BATCH = 500

/**
 * Delivers what waits in the outbox and has its place in the feeds. An event and its effects are one transaction: an event is delivered at least
 * once, and its effects happen once. One that fails is tried again with growing pauses and holds up no other.
 * @returns how many were delivered
 */
export async function dispatchOutbox(db: Database, clock: Clock, handlers: readonly EventHandler[]): Promise<number> {
  const handled = [...new Set(handlers.map((handler) => handler.kind))]
  let count = await passUnheard(db, clock.now(), handled)
  for (;;) {
    const outcome = await deliverNext(db, clock.now(), handlers, handled)
    if (outcome === 'none') return count
    if (outcome === 'delivered') count += 1
  }
}

/** Marks events that no domain listens to, many in one statement. */
async function passUnheard(db: Database, now: Date, handled: readonly string[]): Promise<number> {
  let count = 0
  for (;;) {
    const passed = await db.worker(
      (tx) => tx.$executeRaw`
        update outbox_event set dispatched_at = ${now} where ctid = any(array(
          select ctid from outbox_event
          where dispatched_at is null and sequenced_at is not null and next_attempt_at <= ${now} and not kind = any(${handled}::text[])
          order by next_attempt_at limit ${BATCH} for update skip locked))`,
    )
    count += passed
    if (passed < BATCH) return count
  }
}

async function deliverNext(
  db: Database,
  now: Date,
  handlers: readonly EventHandler[],
  handled: readonly string[],
): Promise<'none' | 'delivered' | 'postponed'> {
  let claimed: OutboxEvent | undefined
  try {
    await db.worker(async (tx) => {
      const [key] = await tx.$queryRaw<{ account_id: string; id: string }[]>`
        select account_id, id from outbox_event
        where dispatched_at is null and sequenced_at is not null and next_attempt_at <= ${now} and kind = any(${handled}::text[])
        order by next_attempt_at limit 1 for update skip locked`
      if (!key) return
      const where = { accountId_id: { accountId: key.account_id, id: key.id } }
      claimed = await tx.outboxEvent.findUniqueOrThrow({ where })
      await tx.$executeRaw`select set_config('app.account_id', ${claimed.accountId}, true)`
      const event = readEvent(claimed)
      for (const handler of handlers) if (handler.kind === event.kind) await handler.handle(tx, event)
      await tx.outboxEvent.update({ where, data: { dispatchedAt: now, lastProblem: null }, select: { id: true } })
    })
  } catch (error) {
    if (!claimed) throw error
    await postpone(db, claimed, now)
    return 'postponed'
  }
  return claimed ? 'delivered' : 'none'
}

function readEvent(row: OutboxEvent): DeliveredEvent {
  const { id, accountId, kind, subjectId, createdAt } = row
  if (!isEventKind(kind)) throw new Error('the outbox holds an event of an unknown kind')
  return { id, accountId, kind, subjectId, createdAt, payload: readPayload(kind, row.payload) }
}

async function postpone(db: Database, row: OutboxEvent, now: Date): Promise<void> {
  const attempts = row.attempts + 1
  await db.worker((tx) =>
    tx.outboxEvent.updateMany({
      where: { accountId: row.accountId, id: row.id, attempts: row.attempts, dispatchedAt: null },
      data: { attempts, lastProblem: 'HANDLER_FAILED', nextAttemptAt: addSeconds(now, retryDelaySeconds(attempts)) },
    }),
  )
}

/** How long a delivered event is kept, and with it its place in the feeds, in seconds: 30 days. */
export const DELIVERED_SECONDS = 30 * 86_400

/**
 * Deletes events that were delivered 30 days ago or longer and wait for no endpoint of a webhook, 500 a transaction.
 * Each feed's counter notes up to where it was forgotten, so that no reader takes a gap for all there is.
 * @returns how many
 */
export async function deleteDeliveredEvents(db: Database, now: Date): Promise<number> {
  let count = 0
  for (;;) {
    const deleted = await db.worker(async (tx) => {
      await lockFeeds(tx)
      return forgetBatch(tx, addSeconds(now, -DELIVERED_SECONDS))
    })
    count += deleted
    if (deleted < BATCH) return count
  }
}

function forgetBatch(tx: Tx, until: Date): Promise<number> {
  return tx.$executeRaw`
    with gone as (
      select account_id, id from outbox_event o
      where dispatched_at <= ${until} and sequenced_at is not null and not exists (
        select from webhook_delivery d
        where d.event_account_id = o.account_id and d.event_id = o.id and d.state = 'PENDING')
      order by position limit ${BATCH} for update skip locked),
    last as (
      select f.feed_id, max(f.sequence) as sequence from event_feed f
      join gone on gone.account_id = f.account_id and gone.id = f.event_id group by 1),
    noted as (
      update event_counter c set forgotten = greatest(c.forgotten, last.sequence) from last where c.feed_id = last.feed_id)
    delete from outbox_event o using gone where o.account_id = gone.account_id and o.id = gone.id`
}

/**
 * Makes events due that wait longer than any failure makes them: they were written or put off while the clock was ahead.
 * @returns how many
 */
export function recallPutOffEvents(db: Database, now: Date): Promise<number> {
  const neverMeant = addSeconds(now, RETRY_SECONDS_MAX + CLOCK_SKEW_SECONDS)
  return db.worker(
    (tx) => tx.$executeRaw`
      update outbox_event set next_attempt_at = ${now} where dispatched_at is null and next_attempt_at > ${neverMeant}`,
  )
}

/** What waits in the outbox, for metrics: how many, and the age of the oldest in seconds. */
export async function outboxBacklog(db: Database, now: Date): Promise<{ waiting: number; oldestSeconds: number }> {
  const [row] = await db.worker(
    (tx) => tx.$queryRaw<{ waiting: number; oldest: Date | null }[]>`
      select count(*)::int as waiting, min(created_at) as oldest from outbox_event where dispatched_at is null`,
  )
  const oldestSeconds = row?.oldest ? Math.max(0, (now.getTime() - row.oldest.getTime()) / 1000) : 0
  return { waiting: row?.waiting ?? 0, oldestSeconds }
}
