import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { verifyWebhook } from '../../client/src/webhooks.ts'
import { recallPutOffDeliveries } from '../../src/domains/webhooks/webhooks.jobs.ts'
import { keyOf, perform } from '../api/calls.ts'
import type { World } from '../kit/world.ts'
import {
  accept,
  answer,
  createEndpoint,
  deliveriesOf,
  type Endpoint,
  emit,
  openReceiver,
  owner,
  place,
  type Receiver,
  send,
  verified,
  withEndpoint,
} from './kit.ts'

let world: World
let receiver: Receiver
let endpoint: Endpoint
withEndpoint((has) => {
  ;({ world, receiver, endpoint } = has)
})

const states = async () => (await deliveriesOf(world, endpoint.id)).map(({ state }) => state)
const ids = () => receiver.arrivals.map(({ headers }) => headers['webhook-id'])

test('an event arrives as Standard Webhooks 1.0.0 says, with nothing of a person but ids', async () => {
  const { id: subjectId, accountId } = keyOf(world.ids.endUser)
  await emit(world, [subjectId])
  expect(await send(world)).toBe(1)
  const [arrival] = receiver.arrivals
  const [delivery] = await deliveriesOf(world, endpoint.id)
  if (!arrival || !delivery) throw new Error('nothing arrived')
  expect(arrival.path).toBe('/hook?x=1')
  expect(arrival.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'PipeletPrivacy-Webhooks/1.0',
    'webhook-id': delivery.eventId,
    'webhook-timestamp': String(Math.floor(world.clock.now().getTime() / 1000)),
  })
  expect(JSON.parse(arrival.body)).toEqual({
    type: 'subject.updated',
    timestamp: world.clock.now().toISOString(),
    data: {
      eventId: delivery.eventId,
      version: 1,
      sequence: String(delivery.sequence),
      accountId: Buffer.from(`Account:${accountId}`).toString('base64'),
      subjectId: world.ids.endUser,
    },
  })
  expect(verified(arrival, endpoint)).toEqual({ v1: 1, v1a: 1 })
  expect(delivery).toMatchObject({ state: 'DELIVERED', attempts: 1, lastStatus: 204, lastProblem: null })
})

test('what was to be sent while the clock was ahead is sent when the clock is back', async () => {
  const { db } = world.resources
  const start = world.clock.now().toISOString()
  world.clock.move(400 * 86_400)
  await emit(world, [keyOf(world.ids.endUser).id])
  await place(world)
  world.clock.set(start)
  expect(await send(world)).toBe(0)
  expect(await recallPutOffDeliveries(db, world.clock.now())).toBe(1)
  expect(await recallPutOffDeliveries(db, world.clock.now())).toBe(0)
  expect(await send(world)).toBe(1)
  expect(await states()).toEqual(['DELIVERED'])
})

test('the client package believes what is sent, and nothing that was changed on its way', async () => {
  await emit(world, [keyOf(world.ids.endUser).id])
  await send(world)
  const [arrival] = receiver.arrivals
  if (!arrival) throw new Error('nothing arrived')
  const now = world.clock.now()
  for (const keys of [endpoint.secret, endpoint.publicKey]) {
    const event = await verifyWebhook({ ...arrival, keys, now })
    expect(event).toMatchObject({ type: 'subject.updated', data: { subjectId: world.ids.endUser } })
    await expect(verifyWebhook({ ...arrival, body: `${arrival.body} `, keys, now })).rejects.toMatchObject({
      reason: 'NO_MATCHING_SIGNATURE',
    })
  }
})

test('a delivery that always fails is tried ten times at the instants of the schedule, and then given up', async () => {
  receiver.behave(answer(500))
  await emit(world, [null])
  const pauses = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
  expect(await send(world)).toBe(1)
  for (const pause of pauses) {
    world.clock.move(pause - 0.001)
    expect(await send(world)).toBe(0)
    world.clock.move(0.001)
    expect(await send(world)).toBe(1)
  }
  world.clock.move(10 * 86_400)
  expect(await send(world)).toBe(0)
  const [delivery] = await deliveriesOf(world, endpoint.id)
  expect(delivery).toMatchObject({ state: 'DEAD', attempts: 10, lastStatus: 500, lastProblem: 'STATUS_NOT_SUCCESS' })
  expect(new Set(ids()).size).toBe(1)
  const log = await world.resources.db.worker((tx) =>
    tx.webhookAttempt.findMany({ where: { deliveryId: delivery?.id ?? '' }, orderBy: { number: 'asc' } }),
  )
  expect(log.map(({ number, status, problem }) => [number, status, problem])).toEqual(
    Array.from({ length: 10 }, (_, index) => [index + 1, 500, 'STATUS_NOT_SUCCESS']),
  )
})

test('410 disables the endpoint, gives up what waits for it, and tells the account', async () => {
  const other = await openReceiver()
  const told = await createEndpoint(world, other.url, { kinds: ['webhook.endpoint_disabled'] })
  receiver.behave(answer(410))
  const person = randomUUID()
  await emit(world, [person, person, person])
  expect(await send(world)).toBe(1)
  expect(await deliveriesOf(world, endpoint.id)).toMatchObject([
    { state: 'DEAD', lastStatus: 410, lastProblem: 'GONE' },
    { state: 'DEAD', attempts: 0, lastProblem: 'ENDPOINT_DISABLED' },
    { state: 'DEAD', attempts: 0, lastProblem: 'ENDPOINT_DISABLED' },
  ])
  await place(world)
  await send(world)
  expect(other.arrivals.map(({ body }) => JSON.parse(body))).toMatchObject([
    { type: 'webhook.endpoint_disabled', data: { endpointId: endpoint.id } },
  ])
  await emit(world, [null])
  expect(await states()).toEqual(['DEAD', 'DEAD', 'DEAD'])
  const { data } = await world.ask(
    await owner(world),
    '{ webhookEndpoints { edges { node { id state disabledReason } } } }',
  )
  expect(data.webhookEndpoints.edges.map(({ node }: { node: object }) => node)).toContainEqual({
    id: endpoint.id,
    state: 'DISABLED',
    disabledReason: 'GONE',
  })
  await perform(world, await owner(world), 'deleteWebhookEndpoint', { webhookEndpointId: told.id })
  await other.close()
})

test('events of a person arrive in their order, whatever fails; those of others do not wait', async () => {
  const [ada, ben] = [randomUUID(), randomUUID()]
  const failing = new Map<string, number>()
  receiver.behave((arrival, response) => {
    const { sequence } = JSON.parse(arrival.body).data
    const failed = failing.get(sequence) ?? 0
    failing.set(sequence, failed + 1)
    response.writeHead(failed < Number(BigInt(sequence) % 3n) ? 500 : 204).end()
  })
  await emit(world, [ada, ada, ben, ada, ben, ada, ben, ada])
  for (let round = 0; round < 60 && (await states()).includes('PENDING'); round += 1) {
    await send(world)
    world.clock.move(330)
  }
  const order = receiver.arrivals.map(({ body }) => JSON.parse(body).data as { sequence: string; subjectId: string })
  expect(await states()).toEqual(Array(8).fill('DELIVERED'))
  for (const person of new Set(order.map(({ subjectId }) => subjectId))) {
    const numbers = order.filter(({ subjectId }) => subjectId === person).map(({ sequence }) => Number(sequence))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  }
})

test('an event waits behind a failed one of its person, and goes at once when that has arrived', async () => {
  const ada = randomUUID()
  receiver.behave(answer(503))
  await emit(world, [ada, ada])
  await send(world)
  await emit(world, [ada, randomUUID()])
  receiver.behave(accept)
  expect(await send(world)).toBe(1)
  expect(await states()).toEqual(['PENDING', 'PENDING', 'PENDING', 'DELIVERED'])
  world.clock.move(5)
  expect(await send(world)).toBe(3)
  expect(await states()).toEqual(Array(4).fill('DELIVERED'))
})

test('what is refused, stalls, is reset or redirected is tried again, and nothing is followed', async () => {
  const behaviours = [
    (_arrival: unknown, _response: unknown, request: { socket: { destroy(): void } }) => request.socket.destroy(),
    () => {},
    answer(302, { location: `${receiver.url}/elsewhere` }),
    answer(307, { location: `${receiver.url}/elsewhere` }),
    answer(404),
  ]
  await emit(world, [null])
  for (const [index, behaviour] of behaviours.entries()) {
    receiver.behave(behaviour)
    expect(await send(world, index === 1 ? { timeoutMs: 300 } : {})).toBe(1)
    world.clock.move([5, 300, 1_800, 7_200, 18_000][index] ?? 0)
  }
  receiver.behave(accept)
  expect(await send(world)).toBe(1)
  const [delivery] = await deliveriesOf(world, endpoint.id)
  const log = await world.resources.db.worker((tx) =>
    tx.webhookAttempt.findMany({ where: { deliveryId: delivery?.id ?? '' }, orderBy: { number: 'asc' } }),
  )
  expect(log.map(({ status, problem }) => [status, problem])).toEqual([
    [null, 'CONNECTION_LOST'],
    [null, 'TIMEOUT'],
    [302, 'REDIRECTED'],
    [307, 'REDIRECTED'],
    [404, 'STATUS_NOT_SUCCESS'],
    [204, null],
  ])
  expect(receiver.arrivals.filter(({ path }) => path === '/elsewhere')).toEqual([])
})

test('what a receiver answers is stored nowhere', async () => {
  const canary = 'the-answer-of-the-receiver'
  receiver.behave((_arrival, response) => void response.writeHead(500, { 'x-canary': canary }).end(canary.repeat(10)))
  await emit(world, [null])
  await send(world)
  const rows = await world.resources.db.worker(async (tx) => [
    await tx.webhookDelivery.findMany({ omit: { sequence: true } }),
    await tx.webhookAttempt.findMany(),
  ])
  expect(JSON.stringify(rows)).not.toContain(canary)
  expect(world.log.join('')).not.toContain(canary)
})
