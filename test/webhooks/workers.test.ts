import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { codeOf, perform } from '../api/calls.ts'
import type { World } from '../kit/world.ts'
import {
  createEndpoint,
  deliveriesOf,
  type Endpoint,
  emit,
  openReceiver,
  owner,
  place,
  type Receiver,
  send,
  withEndpoint,
} from './kit.ts'

let world: World
let receiver: Receiver
let endpoint: Endpoint
withEndpoint((has) => {
  ;({ world, receiver, endpoint } = has)
})

const states = async () => (await deliveriesOf(world, endpoint.id)).map(({ state }) => state)

test('a worker that is killed while it sends leaves a lease; another sends the event again under the same id', async () => {
  await emit(world, [null])
  const reached = Promise.withResolvers<void>()
  // A worker that is gone: its request has been sent, and nothing comes after it.
  void send(world, {
    inAllMax: 1,
    post: () => {
      reached.resolve()
      return new Promise<never>(() => {})
    },
  })
  await reached.promise
  expect(await send(world)).toBe(0)
  world.clock.move(59.999)
  expect(await send(world)).toBe(0)
  world.clock.move(0.001)
  expect(await send(world)).toBe(1)
  expect(await deliveriesOf(world, endpoint.id)).toMatchObject([{ state: 'DELIVERED', attempts: 2 }])
})

test('an endpoint that is deleted while something is sent to it takes nothing from the others', async () => {
  const other = await openReceiver()
  const doomed = await createEndpoint(world, other.url)
  await emit(world, [null])
  const as = await owner(world)
  const { promise: deleted, resolve } = Promise.withResolvers<void>()
  other.behave(async (_arrival, response) => {
    await perform(world, as, 'deleteWebhookEndpoint', { webhookEndpointId: doomed.id })
    response.writeHead(204).end()
    resolve()
  })
  receiver.behave(async (_arrival, response) => {
    await deleted
    response.writeHead(204).end()
  })
  expect(await send(world, { timeoutMs: 30_000 })).toBe(2)
  expect(await deliveriesOf(world, endpoint.id)).toMatchObject([{ state: 'DELIVERED', attempts: 1 }])
  expect(await deliveriesOf(world, doomed.id)).toEqual([])
  await other.close()
})

test('a paused endpoint misses nothing: events wait until it is active again', async () => {
  const as = await owner(world)
  const set = (state: string) =>
    codeOf(perform(world, as, 'setWebhookEndpointState', { webhookEndpointId: endpoint.id, state }))
  expect(await set('PAUSED')).toBe('SetWebhookEndpointStateSuccess')
  await emit(world, [null, null])
  expect([await send(world), await states()]).toEqual([0, ['PENDING', 'PENDING']])
  await set('ACTIVE')
  expect([await send(world), await states()]).toEqual([2, ['DELIVERED', 'DELIVERED']])
})

test('an endpoint gets the kinds that it asks for, and a test whatever it asks for', async () => {
  const other = await openReceiver()
  const picky = await createEndpoint(world, other.url, { kinds: ['account.created'] })
  await emit(world, [randomUUID(), null])
  expect(await codeOf(perform(world, await owner(world), 'sendTestWebhook', { webhookEndpointId: picky.id }))).toBe(
    'SendTestWebhookSuccess',
  )
  await place(world)
  await send(world)
  const kinds = (arrivals: Receiver['arrivals']) => arrivals.map(({ body }) => JSON.parse(body).type).sort()
  expect(kinds(other.arrivals)).toEqual(['account.created', 'webhook.test'])
  expect(kinds(receiver.arrivals)).toEqual(['account.created', 'subject.updated'])
  await perform(world, await owner(world), 'deleteWebhookEndpoint', { webhookEndpointId: picky.id })
  await other.close()
})

test('no more than eight deliveries to an endpoint are under way, and a slow one holds up no other', async () => {
  const slow = await openReceiver()
  const stuck = await createEndpoint(world, slow.url, { kinds: ['subject.updated'] })
  const held: (() => void)[] = []
  let most = 0
  slow.behave((_arrival, response) => {
    held.push(() => response.writeHead(204).end())
    most = Math.max(most, held.length)
  })
  await emit(
    world,
    Array.from({ length: 20 }, () => randomUUID()),
  )
  const sending = send(world, { timeoutMs: 60_000 })
  await expect.poll(() => receiver.arrivals.length, { timeout: 20_000 }).toBe(20)
  expect(slow.arrivals.length).toBe(8)
  const freeing = setInterval(() => {
    for (const free of held.splice(0)) free()
  }, 5)
  await sending
  clearInterval(freeing)
  expect(most).toBeLessThanOrEqual(8)
  await perform(world, await owner(world), 'deleteWebhookEndpoint', { webhookEndpointId: stuck.id })
  await slow.close()
})
