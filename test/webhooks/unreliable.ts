import type { Arrival, Behaviour } from './receiver.ts'

/** What a receiver did with an arrival, in order. */
export type Handled = { readonly arrival: Arrival; readonly accepted: boolean }

/** Numbers from 0 to 1 that are the same in every run. @see mulberry32 */
export function chances(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A receiver that fails by chance: it answers 500 (8 %), redirects (2 %), resets the connection before it has taken the
 * event (2 %) or after (2 %), and stalls (`stalls`); else it takes the event and answers 200.
 */
export function unreliable(chance: () => number, stalls: number): { handled: Handled[]; behave: Behaviour } {
  const handled: Handled[] = []
  const behave: Behaviour = (arrival, response, request) => {
    const draw = chance()
    const accepted = draw >= 0.12 + stalls
    handled.push({ arrival, accepted: accepted || (draw >= 0.12 && draw < 0.14) })
    if (draw < 0.08) response.writeHead(500).end('failed')
    else if (draw < 0.1) response.writeHead(302, { location: '/elsewhere' }).end()
    else if (draw < 0.14) request.socket.destroy()
    else if (draw >= 0.14 + stalls) response.writeHead(200).end('taken')
  }
  return { handled, behave }
}

/** What a receiver was sent, judged against the events that it should get. */
export type Judgement = {
  readonly requests: number
  /** Events that were never taken. */
  readonly lost: number
  /** Times that an event was taken again, always under its id. */
  readonly doubled: number
  /** Arrivals before an earlier event of the same person was taken. */
  readonly outOfOrder: number
  /** Ids that came with two different bodies. */
  readonly changed: number
}

/** Judges what was handled. `expected` are the ids of the events. */
export function judge(handled: readonly Handled[], expected: readonly string[]): Judgement {
  const taken = new Map<string, number>()
  const bodies = new Map<string, Set<string>>()
  const sequences = new Map<string, Set<string>>()
  const read = handled.map(({ arrival, accepted }) => {
    const id = arrival.headers['webhook-id'] ?? ''
    const { subjectId, sequence } = JSON.parse(arrival.body).data as { subjectId: string | null; sequence: string }
    bodies.set(id, (bodies.get(id) ?? new Set()).add(arrival.body))
    if (subjectId !== null) sequences.set(subjectId, (sequences.get(subjectId) ?? new Set()).add(sequence))
    return { id, accepted, subjectId, sequence: BigInt(sequence) }
  })
  const open = new Map([...sequences].map(([subject, all]) => [subject, new Set([...all].map(BigInt))]))
  let outOfOrder = 0
  for (const { id, accepted, subjectId, sequence } of read) {
    const waiting = subjectId === null ? undefined : open.get(subjectId)
    if (waiting && [...waiting].some((earlier) => earlier < sequence)) outOfOrder += 1
    if (!accepted) continue
    taken.set(id, (taken.get(id) ?? 0) + 1)
    waiting?.delete(sequence)
  }
  return {
    requests: handled.length,
    lost: expected.filter((id) => !taken.has(id)).length,
    doubled: [...taken.values()].reduce((sum, times) => sum + times - 1, 0),
    outOfOrder,
    changed: [...bodies.values()].filter((variants) => variants.size > 1).length,
  }
}
