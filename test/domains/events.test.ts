import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { recordAudit } from '../../src/domains/audit/audit.service.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import {
  DELIVERED_SECONDS,
  deleteDeliveredEvents,
  dispatchOutbox,
  type EventHandler,
  outboxBacklog,
  recallPutOffEvents,
} from '../../src/domains/events/events.jobs.ts'
import { retryDelaySeconds } from '../../src/domains/events/events.rules.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { fresh, localId } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
let accountId: string
beforeAll(async () => {
  world = await openWorld()
  accountId = localId(world.ids.account)
})
beforeEach(() => dispatch())
afterAll(() => world.close())

const subjectId = () => crypto.randomUUID()
const emit = (id = subjectId()) =>
  world.resources.db.write({ caller: systemSession(accountId), requestId: 'r' }, (tx) =>
    emitEvent(tx, world.clock, { accountId, kind: 'subject.created', subjectId: id, payload: { subjectId: id } }),
  )
async function dispatch(...handlers: EventHandler<'subject.created'>[]): Promise<number> {
  await sequenceEvents(world.resources.db, world.clock)
  return dispatchOutbox(world.resources.db, world.clock, handlers as unknown as EventHandler[])
}
const waiting = async () => (await outboxBacklog(world.resources.db, world.clock.now())).waiting

/** A handler with an effect in the database: one audit event for each delivery. */
function handlerOf(requestId: string, before: (subjectId: string) => void = () => {}): EventHandler<'subject.created'> {
  return {
    kind: 'subject.created',
    async handle(tx, event) {
      const actor = { caller: systemSession(event.accountId), requestId }
      const entry = { accountId: event.accountId, kind: 'subject.updated', recordType: 'Subject' } as const
      await recordAudit(tx, world.clock, actor, { ...entry, recordIds: [event.payload.subjectId] })
      before(event.payload.subjectId)
    },
  }
}
const effects = (requestId: string) => world.resources.db.worker((tx) => tx.auditEvent.count({ where: { requestId } }))

test('events that were written or put off while the clock was ahead are delivered when the clock is back', async () => {
  const start = world.clock.now().toISOString()
  world.clock.move(400 * 86_400)
  await emit()
  world.clock.set(start)
  const requestId = fresh()
  await dispatch(handlerOf(requestId))
  expect(await effects(requestId)).toBe(0)
  expect(await recallPutOffEvents(world.resources.db, world.clock.now())).toBe(1)
  expect(await recallPutOffEvents(world.resources.db, world.clock.now())).toBe(0)
  await dispatch(handlerOf(requestId))
  expect(await effects(requestId)).toBe(1)
})

test('an event whose handler fails is delivered later, with pauses that grow, and its effect happens once', async () => {
  await emit()
  const requestId = fresh()
  let calls = 0
  const flaky = handlerOf(requestId, () => {
    calls += 1
    if (calls <= 3) throw new Error('not yet')
  })
  for (const pause of [1, 2, 4]) {
    await dispatch(flaky)
    expect([await effects(requestId), await waiting()]).toEqual([0, 1])
    world.clock.move(pause - 0.001)
    const before = calls
    await dispatch(flaky)
    expect(calls).toBe(before)
    world.clock.move(0.001)
  }
  expect(await dispatch(flaky)).toBe(1)
  expect([calls, await effects(requestId), await waiting()]).toEqual([4, 1, 0])
  expect(await dispatch(flaky)).toBe(0)
})

test('the pause is a second, doubles, and is at most an hour', () => {
  expect([1, 2, 3, 4, 12, 13, 1_000].map(retryDelaySeconds)).toEqual([1, 2, 4, 8, 2_048, 3_600, 3_600])
})

test('an event that always fails holds up no other', async () => {
  const poison = subjectId()
  await emit(poison)
  for (let index = 0; index < 20; index += 1) await emit()
  const requestId = fresh()
  const handler = handlerOf(requestId, (id) => {
    if (id === poison) throw new Error('poison')
  })
  expect(await dispatch(handler)).toBe(20)
  expect([await effects(requestId), await waiting()]).toEqual([20, 1])
  world.clock.move(3_600)
  await dispatch(handlerOf(fresh()))
})

test('two dispatchers at once deliver each event once', async () => {
  for (let index = 0; index < 30; index += 1) await emit()
  const requestId = fresh()
  const counts = await Promise.all([dispatch(handlerOf(requestId)), dispatch(handlerOf(requestId))])
  expect(counts[0] + counts[1]).toBe(30)
  expect([await effects(requestId), await waiting()]).toEqual([30, 0])
})

test('an event without a place in its feed is not delivered', async () => {
  await emit()
  const requestId = fresh()
  const handlers = [handlerOf(requestId)] as unknown as EventHandler[]
  expect(await dispatchOutbox(world.resources.db, world.clock, handlers)).toBe(0)
  expect(await dispatchOutbox(world.resources.db, world.clock, [])).toBe(0)
  expect([await effects(requestId), await waiting()]).toEqual([0, 1])
})

test('events of kinds that nobody hears are passed; of kinds that are not known they wait', async () => {
  await emit()
  const now = world.clock.now()
  await world.resources.db.worker((tx) =>
    tx.outboxEvent.create({
      data: { accountId, id: subjectId(), kind: 'no.such', payload: {}, createdAt: now, nextAttemptAt: now },
      select: { id: true },
    }),
  )
  expect(await waiting()).toBe(2)
  expect(await dispatch()).toBe(1)
  expect(await waiting()).toBe(1)
  const { count } = await world.resources.db.worker((tx) => tx.outboxEvent.deleteMany({ where: { kind: 'no.such' } }))
  expect(count).toBe(1)
})

test('a payload that is not of the catalogue is neither sent nor delivered', async () => {
  const bad = { subjectId: 'nobody' }
  const sent = world.resources.db.write({ caller: systemSession(accountId), requestId: 'r' }, (tx) =>
    emitEvent(tx, world.clock, { accountId, kind: 'subject.created', payload: bad }),
  )
  await expect(sent).rejects.toThrow()
  expect(await waiting()).toBe(0)
  const now = world.clock.now()
  const row = { accountId, id: subjectId(), kind: 'subject.created', createdAt: now, nextAttemptAt: now }
  await world.resources.db.worker((tx) =>
    tx.outboxEvent.create({ data: { ...row, payload: { ...bad, name: 'Ada' } }, select: { id: true } }),
  )
  await emit()
  const requestId = fresh()
  expect(await dispatch(handlerOf(requestId))).toBe(1)
  expect([await effects(requestId), await waiting()]).toEqual([1, 1])
})

test('delivered events are deleted after 30 days, waiting ones never', async () => {
  const { db } = world.resources
  const rows = () => db.worker((tx) => tx.outboxEvent.count())
  world.clock.move(DELIVERED_SECONDS)
  await deleteDeliveredEvents(db, world.clock.now())
  await emit()
  await dispatch(handlerOf(fresh()))
  await emit()
  const before = await rows()
  world.clock.move(DELIVERED_SECONDS - 1)
  expect(await deleteDeliveredEvents(db, world.clock.now())).toBe(0)
  world.clock.move(1)
  expect(await deleteDeliveredEvents(db, world.clock.now())).toBe(1)
  expect(await rows()).toBe(before - 1)
  expect(await waiting()).toBeGreaterThan(0)
})
