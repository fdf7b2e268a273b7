import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { Database } from '../../src/db/database.ts'
import { type FeedEntry, sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { DELIVERED_SECONDS, deleteDeliveredEvents, dispatchOutbox } from '../../src/domains/events/events.jobs.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { TestClock } from '../kit/clock.ts'
import { openTestBackend } from '../kit/database.ts'
import { openOwnerOf } from '../kit/owner.ts'

let db: Database
let accountId: string
const clock = new TestClock()
beforeAll(async () => {
  db = new Database(await openTestBackend({ poolMax: 12 }))
})
beforeEach(() => {
  accountId = crypto.randomUUID()
})
afterAll(() => db.close())

type Emitted = { accountId?: string; subjectId?: string; processorId?: string }

const emit = ({ accountId: of = accountId, subjectId = crypto.randomUUID(), processorId }: Emitted = {}) =>
  db.write({ caller: systemSession(of), requestId: 'r' }, async (tx) => {
    const event = { accountId: of, kind: 'subject.updated', subjectId, payload: { subjectId } } as const
    await emitEvent(tx, clock, { ...event, ...(processorId === undefined ? {} : { processorId }) })
    return subjectId
  })
const feedOf = (feedId: string) =>
  db.worker((tx) => tx.eventFeed.findMany({ where: { feedId }, orderBy: { sequence: 'asc' } }))
const numbersOf = async (feedId: string) => (await feedOf(feedId)).map((entry) => Number(entry.sequence))
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)
const counterOf = (feedId: string) => db.worker((tx) => tx.eventCounter.findUnique({ where: { feedId } }))

test('a feed counts 1, 2, 3 in the order of writing, each account for itself', async () => {
  const other = crypto.randomUUID()
  const first = await emit()
  await emit({ accountId: other })
  const second = await emit()
  expect(await sequenceEvents(db, clock)).toBe(3)
  expect((await feedOf(accountId)).map((entry) => [Number(entry.sequence), entry.subjectId])).toEqual([
    [1, first],
    [2, second],
  ])
  expect(await numbersOf(other)).toEqual([1])
  expect(await sequenceEvents(db, clock)).toBe(0)
  await emit()
  await sequenceEvents(db, clock)
  expect(await numbersOf(accountId)).toEqual([1, 2, 3])
  expect(await counterOf(accountId)).toEqual({ feedId: accountId, sequence: 3n, forgotten: 0n })
})

test('an event for a processor stands in the feed of its account and in that of the processor', async () => {
  const processorId = crypto.randomUUID()
  await emit()
  await emit({ processorId })
  await emit({ accountId: crypto.randomUUID(), processorId })
  const told: FeedEntry[] = []
  await sequenceEvents(db, clock, [async (_tx, entries) => void told.push(...entries)])
  expect(await numbersOf(accountId)).toEqual([1, 2])
  expect(await numbersOf(processorId)).toEqual([1, 2])
  expect(told.filter((entry) => entry.feedId === processorId).map((entry) => entry.sequence)).toEqual([1n, 2n])
  expect(told).toHaveLength(5)
})

test('writers that roll back, and sequencers at once, leave no gap and no double', async () => {
  const writers = Array.from({ length: 60 }, (_, index) =>
    index % 3 === 0
      ? db
          .write({ caller: systemSession(accountId), requestId: 'r' }, async (tx) => {
            const subjectId = crypto.randomUUID()
            await emitEvent(tx, clock, { accountId, kind: 'subject.updated', subjectId, payload: { subjectId } })
            throw new Error('rolled back')
          })
          .catch(() => undefined)
      : emit(),
  )
  const sequencers = Array.from({ length: 4 }, () => sequenceEvents(db, clock))
  await Promise.all([...writers, ...sequencers])
  await Promise.all(Array.from({ length: 3 }, () => sequenceEvents(db, clock)))
  expect(await numbersOf(accountId)).toEqual(upTo(40))
  expect(new Set((await feedOf(accountId)).map((entry) => entry.eventId)).size).toBe(40)
})

test('events of one person keep the order in which they were written', async () => {
  const subjects = Array.from({ length: 5 }, () => crypto.randomUUID())
  const written = new Map<string, string[]>(subjects.map((id) => [id, []]))
  const write = async (subjectId: string) => {
    for (let turn = 0; turn < 8; turn += 1) {
      await emit({ subjectId })
      const [newest] = await db.worker(
        (tx) => tx.$queryRaw<{ id: string }[]>`
          select id from outbox_event where subject_id = ${subjectId}::uuid order by position desc limit 1`,
      )
      written.get(subjectId)?.push(newest?.id ?? '')
      if (turn % 3 === 0) await sequenceEvents(db, clock)
    }
  }
  await Promise.all(subjects.map(write))
  await sequenceEvents(db, clock)
  const feed = await feedOf(accountId)
  expect(feed.map((entry) => Number(entry.sequence))).toEqual(upTo(40))
  for (const [subjectId, ids] of written)
    expect(feed.filter((entry) => entry.subjectId === subjectId).map((entry) => entry.eventId)).toEqual(ids)
})

test('a sequencer that is killed in the middle leaves nothing half, and the next one begins where it began', async () => {
  for (let index = 0; index < 3; index += 1) await emit()
  const killed = sequenceEvents(db, clock, [
    async () => {
      throw new Error('killed')
    },
  ])
  await expect(killed).rejects.toThrow('killed')
  expect(await numbersOf(accountId)).toEqual([])
  expect(await counterOf(accountId)).toBeNull()
  await emit()
  expect(await sequenceEvents(db, clock)).toBe(4)
  expect(await numbersOf(accountId)).toEqual([1, 2, 3, 4])
})

test('1,200 events take three transactions and keep their order', async () => {
  await db.write({ caller: systemSession(accountId), requestId: 'r' }, async (tx) => {
    for (let index = 0; index < 1_200; index += 1) {
      const payload = { subjectId: crypto.randomUUID() }
      await emitEvent(tx, clock, { accountId, kind: 'subject.updated', subjectId: payload.subjectId, payload })
    }
  })
  const batches: number[] = []
  await sequenceEvents(db, clock, [async (_tx, entries) => void batches.push(entries.length)])
  expect(batches).toEqual([500, 500, 200])
  const [row] = await db.worker(
    (tx) => tx.$queryRaw<{ n: number; same: boolean }[]>`
      select count(*)::int as n, array_agg(f.sequence order by f.sequence) = array_agg(f.sequence order by o.position) as same
      from event_feed f join outbox_event o on o.account_id = f.account_id and o.id = f.event_id
      where f.feed_id = ${accountId}::uuid`,
  )
  expect(row).toEqual({ n: 1_200, same: true })
})

test('an event that is not of the catalogue gets no place and holds up no other, however many there are', async () => {
  const now = clock.now()
  const rows = Array.from({ length: 501 }, () => ({
    accountId,
    id: crypto.randomUUID(),
    kind: 'subject.updated',
    payload: { subjectId: 'nobody' },
    createdAt: now,
    nextAttemptAt: now,
  }))
  await db.worker((tx) => tx.outboxEvent.createMany({ data: rows }))
  await emit()
  expect(await sequenceEvents(db, clock)).toBe(1)
  expect(await numbersOf(accountId)).toEqual([1])
  const waiting = await db.worker((tx) =>
    tx.outboxEvent.count({ where: { accountId, sequencedAt: null, attempts: 1 } }),
  )
  expect(waiting).toBe(501)
  await db.worker((tx) => tx.outboxEvent.deleteMany({ where: { accountId } }))
})

/** A webhook's delivery of the event that waits. */
async function awaitDelivery(eventId: string, sequence: bigint): Promise<{ deliver(): Promise<unknown> }> {
  const owner = await openOwnerOf(db)
  const id = crypto.randomUUID()
  await owner.query(
    `insert into account (id, name_cipher, country, region, created_at)
     values ($1::uuid, '\\x00', 'DE', 'eu-central', '2026-03-15T12:00:00Z')`,
    accountId,
  )
  await owner.query(
    `insert into webhook_endpoint (account_id, id, url_cipher, kinds, created_at, updated_at)
     values ($1::uuid, $2::uuid, '\\x00', '{}', '2026-03-15T12:00:00Z', '2026-03-15T12:00:00Z')`,
    accountId,
    id,
  )
  await owner.close()
  const at = clock.now()
  const event = { eventAccountId: accountId, eventId, kind: 'subject.updated', sequence }
  const row = { accountId, id, endpointId: id, ...event, createdAt: at, nextAttemptAt: at }
  await db.worker((tx) => tx.webhookDelivery.createMany({ data: [row] }))
  const data = { state: 'DELIVERED' } as const
  return { deliver: () => db.worker((tx) => tx.webhookDelivery.updateMany({ where: { accountId, id }, data })) }
}

test('what is deleted after 30 days is noted; what a webhook still waits for, or has no place, stays', async () => {
  for (let index = 0; index < 3; index += 1) await emit()
  await sequenceEvents(db, clock)
  await dispatchOutbox(db, clock, [])
  const [, second] = await feedOf(accountId)
  const { deliver } = await awaitDelivery(second?.eventId ?? '', 2n)
  clock.move(DELIVERED_SECONDS - 1)
  await emit()
  await deleteDeliveredEvents(db, clock.now())
  expect(await numbersOf(accountId)).toEqual([1, 2, 3])
  clock.move(1)
  await deleteDeliveredEvents(db, clock.now())
  expect(await numbersOf(accountId)).toEqual([2])
  expect(await counterOf(accountId)).toEqual({ feedId: accountId, sequence: 3n, forgotten: 3n })
  await deliver()
  clock.move(2 * DELIVERED_SECONDS)
  await deleteDeliveredEvents(db, clock.now())
  expect(await numbersOf(accountId)).toEqual([])
  expect(await sequenceEvents(db, clock)).toBe(1)
  expect(await numbersOf(accountId)).toEqual([4])
  expect(await counterOf(accountId)).toEqual({ feedId: accountId, sequence: 4n, forgotten: 3n })
})
