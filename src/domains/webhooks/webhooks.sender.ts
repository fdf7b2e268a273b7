import { type Post, type PostOutcome, postGuarded } from '../../net/guarded-post.ts'
import type { Deps } from '../deps.ts'
import { type Claimed, claimDue } from './webhook-claims.ts'
import { webhookHeaders } from './webhook-message.ts'
import { type Attempted, recordAttempts } from './webhook-results.ts'

/** How deliveries are sent. */
export type SendOptions = {
  /** Default: to public addresses, and to the networks of the operator's settings. */
  readonly post?: (post: Post) => Promise<PostOutcome>
  /** 0 to 1, for the pauses. Default: random. */
  readonly chance?: () => number
  /** How many are under way at once. Default 32. */
  readonly inAllMax?: number
  /** How many to one endpoint. Default 8. */
  readonly perEndpointMax?: number
  /** When aborted, nothing new is claimed. */
  readonly signal?: AbortSignal
}

/** How long the sender waits for an answer before it looks for more work, in milliseconds. */
const LOOK_MS = 250
/** How long it waits for others to end with the first, so that they are written together, in milliseconds. */
const GATHER_MS = 10

/**
 * Sends what is due until nothing is, and what comes due meanwhile. A delivery is claimed in one short transaction and
 * its result written in another; between them it is this worker's under a lease, and no transaction is open. Whoever is
 * killed in between leaves a lease that ends: the delivery is sent again with the same `webhook-id`.
 * @returns how many attempts were made
 */
export async function sendWebhooks(
  deps: Pick<Deps, 'db' | 'clock' | 'keys' | 'settings'>,
  options: SendOptions = {},
): Promise<number> {
  const { db, clock, keys } = deps
  const allowedNetworks = deps.settings.webhookNetworks
  const post = options.post ?? ((request: Post) => postGuarded(request, { allowedNetworks }))
  const chance = options.chance ?? Math.random
  const flights = new Flights(options.inAllMax ?? 32, options.perEndpointMax ?? 8)
  for (let count = 0; ; ) {
    const landed = flights.landed()
    const record = () => db.worker((tx) => recordAttempts(tx, clock, chance, landed))
    // Once more where another transaction stood in the way: what is not written down is sent again.
    if (landed.length > 0) await record().catch(record)
    count += landed.length
    const room = flights.room()
    const mayClaim = room.inAll > 0 && !options.signal?.aborted
    const claimed = mayClaim ? await db.worker((tx) => claimDue(tx, keys, clock.now(), room)) : []
    for (const each of claimed) flights.start(each, () => attempt(each, clock.now(), post))
    if (flights.isEmpty) return count
    await flights.wait()
  }
}

async function attempt(claimed: Claimed, at: Date, post: NonNullable<SendOptions['post']>): Promise<Attempted> {
  const { message, eventId: id } = claimed
  const failed = { claimed, at, status: null, problem: 'SEND_FAILED', durationMs: 0 } as const
  if (!message) return failed
  const { url, body, pairs } = message
  try {
    return { claimed, at, ...(await post({ url, body, headers: webhookHeaders({ id, at, body }, pairs) })) }
  } catch {
    // What is wrong with a request is nothing the log may hold: it names the customer's URL.
    return failed
  }
}

/** Requests under way, and those that have ended. */
class Flights {
  readonly #inAllMax: number
  readonly #perEndpointMax: number
  readonly #waiting = new Map<string, Promise<unknown>>()
  readonly #busy = new Map<string, number>()
  #ended: Attempted[] = []

  constructor(inAllMax: number, perEndpointMax: number) {
    this.#inAllMax = inAllMax
    this.#perEndpointMax = perEndpointMax
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#ended.length === 0
  }

  room() {
    return { inAll: this.#inAllMax - this.#waiting.size, perEndpoint: this.#perEndpointMax, busy: this.#busy }
  }

  start({ id, endpointId }: Claimed, run: () => Promise<Attempted>): void {
    this.#busy.set(endpointId, (this.#busy.get(endpointId) ?? 0) + 1)
    const flight = run().then((attempted) => {
      this.#waiting.delete(id)
      this.#busy.set(endpointId, (this.#busy.get(endpointId) ?? 1) - 1)
      this.#ended.push(attempted)
    })
    this.#waiting.set(id, flight)
  }

  /** What has ended since the last call. */
  landed(): readonly Attempted[] {
    const ended = this.#ended
    this.#ended = []
    return ended
  }

  /** Until one has ended and those that end with it have too, or it is time to look for more. */
  async wait(): Promise<void> {
    if (this.#ended.length === 0) await within(LOOK_MS, Promise.race(this.#waiting.values()))
    await within(GATHER_MS, Promise.all(this.#waiting.values()))
  }
}

/** Waits for `what`, `ms` at most. */
async function within(ms: number, what: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([promise, what]).finally(() => clearTimeout(timer))
}
