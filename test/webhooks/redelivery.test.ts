import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { redeliveryHandler } from '../../src/domains/webhooks/webhooks.jobs.ts'
import { runJobStep } from '../../src/jobs/jobs.ts'
import { codeOf, keyOf, perform } from '../api/calls.ts'
import type { World } from '../kit/world.ts'
import {
  accept,
  answer,
  createEndpoint,
  deliveriesOf,
  type Endpoint,
  emit,
  openReceiver,
  openWebhookWorld,
  owner,
  place,
  type Receiver,
  send,
} from './kit.ts'

let world: World
let receiver: Receiver
beforeAll(async () => {
  world = await openWebhookWorld()
  await place(world)
})
beforeEach(async () => {
  receiver = await openReceiver()
  world.clock.move(3_600)
})
afterEach(() => receiver.close())
afterAll(() => world.close())

const remove = async ({ id }: Endpoint) =>
  perform(world, await owner(world), 'deleteWebhookEndpoint', { webhookEndpointId: id })
const ids = () => receiver.arrivals.map(({ headers }) => headers['webhook-id'])
const deliveryId = (row: { accountId: string; id: string }) =>
  Buffer.from(`WebhookDelivery:${row.accountId}/${row.id}`).toString('base64')
const redeliver = async (row: { accountId: string; id: string }) =>
  codeOf(perform(world, await owner(world), 'redeliverWebhook', { webhookDeliveryId: deliveryId(row) }))

/** Asks for the last minute again, runs the job, and gives its end. */
async function redeliverRange(endpoint: Endpoint, states?: readonly string[]) {
  const now = world.clock.now().getTime()
  const range = { from: new Date(now - 60_000).toISOString(), to: new Date(now + 1).toISOString() }
  const as = await owner(world)
  const input = { webhookEndpointId: endpoint.id, ...range, ...(states ? { states } : {}) }
  const asked = await perform(world, as, 'redeliverWebhooks', input)
  const { id } = asked['job'] as { id: string }
  while (await runJobStep(world.resources.db, world.clock, [redeliveryHandler]));
  const { data } = await world.ask(as, 'query ($id: ID!) { job(id: $id) { state done total } }', { id })
  return data.job
}

async function oneDelivery(endpoint: Endpoint) {
  const [row] = await deliveriesOf(world, endpoint.id)
  if (!row) throw new Error('there is no delivery')
  return row
}

test('a delivery is sent again with the same id, however it ended, and begins its attempts anew', async () => {
  const endpoint = await createEndpoint(world, receiver.url)
  await emit(world, [null])
  await send(world)
  expect(await redeliver(await oneDelivery(endpoint))).toBe('RedeliverWebhookSuccess')
  expect(await oneDelivery(endpoint)).toMatchObject({ state: 'PENDING', attempts: 0, finishedAt: null })
  receiver.behave(answer(500))
  expect(await send(world)).toBe(1)
  expect(await redeliver(await oneDelivery(endpoint))).toBe('RedeliverWebhookSuccess')
  receiver.behave(accept)
  expect(await send(world)).toBe(1)
  expect(await oneDelivery(endpoint)).toMatchObject({ state: 'DELIVERED', attempts: 2 })
  expect([ids().length, new Set(ids()).size]).toEqual([3, 1])
  await remove(endpoint)
})

test('asking twice at once sends once', async () => {
  const endpoint = await createEndpoint(world, receiver.url)
  await emit(world, [null])
  await send(world)
  const row = await oneDelivery(endpoint)
  const codes = await Promise.all([redeliver(row), redeliver(row), redeliver(row)])
  expect(new Set(codes)).toEqual(new Set(['RedeliverWebhookSuccess']))
  expect(await send(world)).toBe(1)
  await remove(endpoint)
})

test('a range brings back dead letters, and only them where nothing else is asked for', async () => {
  const endpoint = await createEndpoint(world, receiver.url)
  await emit(world, [null])
  await send(world)
  receiver.behave(answer(410))
  await emit(world, [null])
  await send(world)
  receiver.behave(accept)
  const as = await owner(world)
  const { webhookEndpoint } = await perform(world, as, 'setWebhookEndpointState', {
    ...{ webhookEndpointId: endpoint.id, state: 'ACTIVE' },
  })
  expect(webhookEndpoint).toMatchObject({ state: 'ACTIVE', disabledReason: null })
  const before = ids().length
  await place(world)
  expect(await redeliverRange(endpoint)).toMatchObject({ state: 'DONE' })
  await send(world)
  const states = (await deliveriesOf(world, endpoint.id)).map(({ state, kind }) => [kind, state])
  expect(states).toEqual([
    ['account.created', 'DELIVERED'],
    ['account.created', 'DELIVERED'],
    ['webhook.endpoint_disabled', 'DELIVERED'],
  ])
  expect(ids().length - before).toBe(2)
  expect(await redeliverRange(endpoint, ['DELIVERED'])).toEqual({ state: 'DONE', done: 3, total: 3 })
  expect(await send(world)).toBe(3)
  expect(new Set(ids()).size).toBe(3)
  await remove(endpoint)
})

test('a range brings what the endpoint never got: before it was made, while it was disabled, 1,200 events', async () => {
  await emit(world, Array(600).fill(null))
  const endpoint = await createEndpoint(world, receiver.url)
  const as = await owner(world)
  const set = (state: string) =>
    perform(world, as, 'setWebhookEndpointState', { webhookEndpointId: endpoint.id, state })
  await set('DISABLED')
  await emit(world, Array(600).fill(null))
  expect(await codeOf(perform(world, as, 'sendTestWebhook', { webhookEndpointId: endpoint.id }))).toBe(
    'WEBHOOK.ENDPOINT_DISABLED',
  )
  await set('ACTIVE')
  expect(await send(world)).toBe(0)
  expect(await redeliverRange(endpoint, [])).toEqual({ state: 'DONE', done: 1_200, total: 1_200 })
  expect(await send(world)).toBe(1_200)
  expect(await redeliverRange(endpoint, [])).toEqual({ state: 'DONE', done: 1_200, total: 1_200 })
  expect(await send(world)).toBe(0)
  expect(new Set(ids()).size).toBe(1_200)
  await remove(endpoint)
})

test('only the kinds that the endpoint asks for are made up for', async () => {
  await emit(world, [null, keyOf(world.ids.endUser).id, null])
  const endpoint = await createEndpoint(world, receiver.url, { kinds: ['subject.updated'] })
  await redeliverRange(endpoint)
  expect(await send(world)).toBe(1)
  await remove(endpoint)
})

test('nothing is sent again to a disabled endpoint', async () => {
  const endpoint = await createEndpoint(world, receiver.url)
  await emit(world, [null])
  const as = await owner(world)
  await perform(world, as, 'setWebhookEndpointState', { webhookEndpointId: endpoint.id, state: 'DISABLED' })
  const row = await oneDelivery(endpoint)
  expect(row).toMatchObject({ state: 'DEAD', lastProblem: 'ENDPOINT_DISABLED' })
  expect(await redeliver(row)).toBe('WEBHOOK.ENDPOINT_DISABLED')
  const range = { from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' }
  const asked = perform(world, as, 'redeliverWebhooks', { webhookEndpointId: endpoint.id, ...range })
  expect(await codeOf(asked)).toBe('WEBHOOK.ENDPOINT_DISABLED')
  await remove(endpoint)
})

test('deliveries and their log go with their events', async () => {
  const endpoint = await createEndpoint(world, receiver.url)
  await emit(world, [null])
  await send(world)
  const row = await oneDelivery(endpoint)
  const counts = () =>
    world.resources.db.worker(async (tx) => [
      await tx.webhookDelivery.count({ where: { id: row.id } }),
      await tx.webhookAttempt.count({ where: { deliveryId: row.id } }),
    ])
  expect(await counts()).toEqual([1, 1])
  await world.resources.db.worker((tx) =>
    tx.outboxEvent.deleteMany({ where: { accountId: row.eventAccountId, id: row.eventId } }),
  )
  expect(await counts()).toEqual([0, 0])
  await remove(endpoint)
})
