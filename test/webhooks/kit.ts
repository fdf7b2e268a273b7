import { createPublicKey, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { SCOPES } from '../../src/auth/permissions.ts'
import { systemSession } from '../../src/auth/session.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { fanOut } from '../../src/domains/webhooks/webhooks.feed.ts'
import { type SendOptions, sendWebhooks } from '../../src/domains/webhooks/webhooks.sender.ts'
import { postGuarded } from '../../src/net/guarded-post.ts'
import { keyOf, localId, perform, type Who } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'

/** A request as it arrived. */
export type Arrival = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Says what a receiver does with a request; the default answers 204. */
export type Behaviour = (arrival: Arrival, response: ServerResponse, request: IncomingMessage) => void

/** A real receiver on loopback that keeps what arrived. */
export type Receiver = {
  readonly url: string
  readonly arrivals: Arrival[]
  behave(behaviour: Behaviour): void
  close(): Promise<void>
}

/** Answers 204. */
export const accept: Behaviour = (_arrival, response) => void response.writeHead(204).end()
/** Answers with a status. */
export const answer =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_arrival, response) =>
    void response.writeHead(status, headers).end()

/** Opens a receiver. Every arrival is kept before it is answered. */
export async function openReceiver(): Promise<Receiver> {
  const arrivals: Arrival[] = []
  let behaviour = accept
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const arrival = { path: request.url ?? '', headers, body: Buffer.concat(chunks).toString('utf8') }
    arrivals.push(arrival)
    behaviour(arrival, response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    arrivals,
    behave: (next) => {
      behaviour = next
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A world that may send to loopback. */
export const openWebhookWorld = () => openWorld({ env: { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' } })

/** The owner of the demo's first account, with a token of now: the clock of these tests moves by days. */
export const owner = async (world: World): Promise<Who> => ({
  token: await world.ownerToken(Object.keys(SCOPES).join(' ')),
})

/** An endpoint just made. */
export type Endpoint = { readonly id: string; readonly secret: string; readonly publicKey: string }

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

/** Sends what is due, without chance, and gives up on an answer after `timeoutMs` (default 300). */
export function send(world: World, options: SendOptions & { timeoutMs?: number } = {}): Promise<number> {
  const post: NonNullable<SendOptions['post']> = (request) =>
    postGuarded(request, { allowedNetworks: ['127.0.0.0/8'], timeoutMs: options.timeoutMs ?? 300 })
  return sendWebhooks(world.resources, { post, chance: () => 0, ...options })
}

const SPKI_OF_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

/** How many of the signatures of an arrival each pair of keys verifies: `v1` by the library, `v1a` by node:crypto. */
export function verified(arrival: Arrival, endpoint: Pick<Endpoint, 'secret' | 'publicKey'>) {
  const { 'webhook-id': id = '', 'webhook-timestamp': at = '', 'webhook-signature': list = '' } = arrival.headers
  const content = Buffer.from(`${id}.${at}.${arrival.body}`)
  const key = createPublicKey({
    key: Buffer.concat([SPKI_OF_ED25519, Buffer.from(endpoint.publicKey.slice('whpk_'.length), 'base64')]),
    format: 'der',
    type: 'spki',
  })
  const v1a = list.split(' ').filter((signature) => {
    const [version, value = ''] = signature.split(',')
    return version === 'v1a' && verify(null, content, key, Buffer.from(value, 'base64'))
  })
  const expected = new Webhook(endpoint.secret).sign(id, new Date(Number(at) * 1000), arrival.body)
  const v1 = list.split(' ').filter((signature) => signature === expected)
  return { v1: v1.length, v1a: v1a.length }
}

/** The deliveries of an endpoint as they are stored, in order of their numbers. */
export async function deliveriesOf(world: World, endpointId: string) {
  const { accountId, id } = keyOf(endpointId)
  return world.resources.db.worker((tx) =>
    tx.webhookDelivery.findMany({ where: { accountId, endpointId: id }, orderBy: { sequence: 'asc' } }),
  )
}
