import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { anonymousSession } from '../../src/auth/session.ts'
import type { Database } from '../../src/db/database.ts'
import { sendWebhooks } from '../../src/domains/webhooks/webhooks.sender.ts'
import { postGuarded } from '../../src/net/guarded-post.ts'
import { TEST_PASSWORD, withDatabase } from '../kit/global-setup.ts'
import { spawnProgram } from '../kit/server-process.ts'
import type { World } from '../kit/world.ts'
import {
  createEndpoint,
  deliveriesOf,
  type Endpoint,
  emit,
  openReceiver,
  openWebhookWorld,
  place,
  type Receiver,
  verified,
} from './kit.ts'
import { chances, type Handled, judge, unreliable } from './unreliable.ts'

/** How many events; `WEBHOOK_EVENTS` asks for more. */
const EVENTS = Number(process.env['WEBHOOK_EVENTS'] ?? 1_000)
/** After how many arrivals of a round its worker is killed. */
const KILLS = [150, 60, 20]
/** Longer than a lease, and then the pauses of the schedule. */
const MOVES = [61, 330, 1_980, 7_920, 19_800]
const DAY = 95_040

let world: World
let receivers: { receiver: Receiver; endpoint: Endpoint; handled: Handled[] }[]
beforeAll(async () => {
  world = await openWebhookWorld()
  await place(world)
  receivers = []
  for (const seed of [1, 2]) {
    const receiver = await openReceiver()
    const { handled, behave } = unreliable(chances(seed), 0.002)
    receiver.behave(behave)
    receivers.push({ receiver, endpoint: await createEndpoint(world, receiver.url), handled })
  }
})
afterAll(async () => {
  for (const { receiver } of receivers) await receiver.close()
  await world.close()
})

const arrivals = () => receivers.reduce((sum, { handled }) => sum + handled.length, 0)
const isPending = async () => {
  const rows = await Promise.all(receivers.map(({ endpoint }) => deliveriesOf(world, endpoint.id)))
  return rows.flat().some(({ state }) => state === 'PENDING')
}

type Worker = { readonly ended: Promise<unknown>; kill(): void }

/** A worker in this process. Once it is killed, what it writes never reaches the database and nothing is answered. */
function startInProcess(): Worker {
  let killed = false
  const { promise: died, resolve: die } = Promise.withResolvers<void>()
  const real = world.resources.db
  const worker: Database['worker'] = (fn) => (killed ? new Promise<never>(() => undefined) : real.worker(fn))
  const db = { worker } as Database
  const sent = sendWebhooks(
    { ...world.resources, db },
    { post: (post) => postGuarded(post, { allowedNetworks: ['127.0.0.0/8'], timeoutMs: 1_000 }) },
  )
  const kill = () => {
    killed = true
    die()
  }
  return { ended: Promise.race([sent, died]), kill }
}

async function startProcess(): Promise<Worker> {
  const [row] = await world.resources.db.read(
    anonymousSession,
    (tx) => tx.$queryRaw<{ name: string }[]>`select current_database()::text as name`,
  )
  const url = new URL(withDatabase(process.env['TEST_POSTGRES_URL'] ?? '', row?.name ?? ''))
  url.username = 'privacy_app'
  url.password = TEST_PASSWORD
  const args = [url.href, world.resources.dataDir, world.clock.now().toISOString()]
  const { child, ended } = spawnProgram('test/webhooks/sender-process.ts', {}, args)
  const checked = ended.then(({ code, signal, output }) => {
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`a worker failed:\n${output}`)
  })
  return { ended: checked, kill: () => void child.kill('SIGKILL') }
}

const start = async () => (inject('backend') === 'postgres' ? startProcess() : startInProcess())

/** Two workers send; after some arrivals one of them is killed in the middle. */
async function round(killAfter: number | undefined): Promise<boolean> {
  const before = arrivals()
  const [victim, other] = await Promise.all([start(), start()])
  let over = false
  const all = Promise.all([victim.ended, other.ended]).finally(() => {
    over = true
  })
  let killed = false
  if (killAfter !== undefined) {
    await Promise.race([
      expect.poll(() => over || arrivals() - before >= killAfter, { timeout: 30_000, interval: 2 }).toBe(true),
      all,
    ])
    killed = !over
    victim.kill()
  }
  await all
  return killed
}

test(`of ${EVENTS} events to two endpoints that fail by chance none is lost when workers are killed`, async () => {
  const people = Array.from({ length: Math.ceil(EVENTS / 3) }, () => randomUUID())
  const draw = chances(3)
  const about = () => (draw() < 0.1 ? null : (people[Math.floor(draw() * people.length)] ?? null))
  await emit(world, Array.from({ length: EVENTS }, about))
  let kills = 0
  for (let index = 0; index === 0 || (await isPending()); index += 1) {
    if (await round(KILLS[index])) kills += 1
    world.clock.move(MOVES[index] ?? DAY)
  }
  expect(kills).toBe(KILLS.length)
  for (const { endpoint, handled } of receivers) {
    const deliveries = await deliveriesOf(world, endpoint.id)
    expect(deliveries.length).toBe(EVENTS)
    expect(deliveries.filter(({ state }) => state !== 'DELIVERED')).toEqual([])
    const judgement = judge(
      handled,
      deliveries.map(({ eventId }) => eventId),
    )
    expect(judgement).toMatchObject({ lost: 0, outOfOrder: 0, changed: 0 })
    expect(judgement.doubled).toBeGreaterThan(0)
    expect(judgement.requests).toBeGreaterThan(EVENTS * 1.05)
    for (const { arrival } of handled) expect(verified(arrival, endpoint)).toEqual({ v1: 1, v1a: 1 })
    const last = handled.at(-1)?.arrival
    if (last) expect(() => new Webhook(endpoint.secret).verify(`${last.body} `, last.headers)).toThrow()
  }
}, 180_000)
