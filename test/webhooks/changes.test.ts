import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyOf, perform } from '../api/calls.ts'
import type { World } from '../kit/world.ts'
import { createEndpoint, emit, openReceiver, openWebhookWorld, owner, place, send, verified } from './kit.ts'

let world: World
beforeAll(async () => {
  world = await openWebhookWorld()
  await place(world)
})
afterAll(() => world.close())

const remove = async (...ids: string[]) => {
  for (const webhookEndpointId of ids)
    for (const as of [await owner(world), 'processor'] as const)
      await perform(world, as, 'deleteWebhookEndpoint', { webhookEndpointId })
}

test('during a rotation both pairs sign; then the new one alone; a third ends the first at once', async () => {
  const receiver = await openReceiver()
  const first = await createEndpoint(world, receiver.url)
  const rotate = async (overlapHours?: number) => {
    const made = await perform(world, await owner(world), 'rotateWebhookKeys', {
      webhookEndpointId: first.id,
      ...(overlapHours === undefined ? {} : { overlapHours }),
    })
    const { keys } = made['webhookEndpoint'] as { keys: { publicKey: string; expiresAt: string | null }[] }
    return { secret: String(made['secret']), publicKey: String(made['publicKey']), keys }
  }
  const both = { v1: 1, v1a: 1 }
  const none = { v1: 0, v1a: 0 }
  const signers = async (...pairs: { secret: string; publicKey: string }[]) => {
    await emit(world, [null])
    await send(world)
    const arrival = receiver.arrivals.at(-1)
    if (!arrival) throw new Error('nothing arrived')
    const count = arrival.headers['webhook-signature']?.split(' ').length
    return [count, ...pairs.map((pair) => verified(arrival, pair))]
  }
  const second = await rotate()
  const in24h = new Date(world.clock.now().getTime() + 86_400_000).toISOString()
  expect(second.keys.map(({ expiresAt }) => expiresAt).sort()).toEqual([in24h, null])
  expect(await signers(first, second)).toEqual([4, both, both])
  const third = await rotate()
  expect(await signers(first, second, third)).toEqual([4, none, both, both])
  world.clock.move(24 * 3_600 - 0.001)
  expect(await signers(second, third)).toEqual([4, both, both])
  world.clock.move(0.001)
  expect(await signers(second, third)).toEqual([2, none, both])
  const fourth = await rotate(0)
  expect(fourth.keys.length).toBe(1)
  expect(await signers(third, fourth)).toEqual([2, none, both])
  await remove(first.id)
  await receiver.close()
})

test('a changed URL gets what waits, and a deleted endpoint leaves nothing', async () => {
  const [old, next] = [await openReceiver(), await openReceiver()]
  const { id } = await createEndpoint(world, old.url, { label: 'One' })
  await emit(world, [null])
  const update = { webhookEndpointId: id, url: `${next.url}/new`, label: null, kinds: ['account.created'] }
  const changed = await perform(world, await owner(world), 'updateWebhookEndpoint', update)
  expect(changed['webhookEndpoint']).toEqual({
    ...{ id, state: 'ACTIVE', label: null },
    ...{ url: `${next.url}/new`, kinds: ['account.created'] },
  })
  await send(world)
  expect([old.arrivals.length, next.arrivals.map(({ path }) => path)]).toEqual([0, ['/new']])
  await remove(id)
  const left = await world.resources.db.worker((tx) =>
    Promise.all(
      [tx.webhookEndpoint, tx.webhookKey, tx.webhookDelivery].map((table) =>
        (table as typeof tx.webhookKey).count({ where: { accountId: keyOf(id).accountId } }),
      ),
    ),
  )
  expect(left).toEqual([0, 0, 0])
  await old.close()
  await next.close()
})
