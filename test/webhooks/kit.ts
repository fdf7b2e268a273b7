import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { SCOPES } from '../../src/auth/permissions.ts'
import { systemSession } from '../../src/auth/session.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { fanOut } from '../../src/domains/webhooks/webhooks.feed.ts'
import { type SendOptions, sendWebhooks } from '../../src/domains/webhooks/webhooks.sender.ts'
import { postGuarded } from '../../src/net/guarded-post.ts'
import { keyOf, localId, perform, type Who } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'
import { type Endpoint, openReceiver, type Receiver } from './receiver.ts'

export { accept, answer, type Endpoint, openReceiver, type Receiver, verified } from './receiver.ts'

/** A world that may send to loopback. */
export const openWebhookWorld = () => openWorld({ env: { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' } })

/** What each test of a file has. */
export type Has = { readonly world: World; readonly receiver: Receiver; readonly endpoint: Endpoint }

/** Opens one world for the tests of a file, and for each test a receiver and an endpoint of it; `set` is told of them. */
export function withEndpoint(set: (has: Has) => void): void {
  let world: World
  let has: Has
  beforeAll(async () => {
    world = await openWebhookWorld()
    await place(world)
  })
  beforeEach(async () => {
    const receiver = await openReceiver()
    has = { world, receiver, endpoint: await createEndpoint(world, `${receiver.url}/hook?x=1`) }
    set(has)
  })
  afterEach(async () => {
    await perform(world, await owner(world), 'deleteWebhookEndpoint', { webhookEndpointId: has.endpoint.id })
    await has.receiver.close()
  })
  afterAll(() => world.close())
}

/** The owner of the demo's first account, with a token of now: the clock of these tests moves by days. */
export const owner = async (world: World): Promise<Who> => ({
  token: await world.ownerToken(Object.keys(SCOPES).join(' ')),
})

/** Creates an endpoint by the API. */
export async function createEndpoint(
  world: World,
  url: string,
  { as, ...more }: { as?: Who; kinds?: readonly string[]; label?: string } = {},
): Promise<Endpoint> {
  const made = await perform(world, as ?? (await owner(world)), 'createWebhookEndpoint', { url, ...more })
  if (made.__typename !== 'CreateWebhookEndpointSuccess') throw new Error(`no endpoint: ${made.code}`)
  const { id } = made['webhookEndpoint'] as { id: string }
  return { id, secret: String(made['secret']), publicKey: String(made['publicKey']) }
}

/** Emits events of the demo's first account about these persons (null: about none), and gives them their places. */
export async function emit(world: World, subjectIds: readonly (string | null)[]): Promise<void> {
  const accountId = localId(world.ids.account)
  await world.resources.db.write({ caller: systemSession(accountId), requestId: 'r' }, async (tx) => {
    for (const id of subjectIds) {
      if (id === null) await emitEvent(tx, world.clock, { accountId, kind: 'account.created', payload: { accountId } })
      else
        await emitEvent(tx, world.clock, {
          ...{ accountId, kind: 'subject.updated', subjectId: id },
          payload: { subjectId: id },
        })
    }
  })
  await place(world)
}

/** Gives events their places, which makes their deliveries. */
export const place = (world: World) => sequenceEvents(world.resources.db, world.clock, [fanOut(world.clock)])

/** Sends what is due, without chance, and gives up on an answer after `timeoutMs` (default 20,000). */
export function send(world: World, options: SendOptions & { timeoutMs?: number } = {}): Promise<number> {
  const post: NonNullable<SendOptions['post']> = (request) =>
    postGuarded(request, { allowedNetworks: ['127.0.0.0/8'], timeoutMs: options.timeoutMs ?? 20_000 })
  return sendWebhooks(world.resources, { post, chance: () => 0, ...options })
}

/** The deliveries of an endpoint as they are stored, in order of their numbers. */
export async function deliveriesOf(world: World, endpointId: string) {
  const { accountId, id } = keyOf(endpointId)
  return world.resources.db.worker((tx) =>
    tx.webhookDelivery.findMany({ where: { accountId, endpointId: id }, orderBy: { sequence: 'asc' } }),
  )
}
