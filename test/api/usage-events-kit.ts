import type { World } from '../kit/world.ts'
import { perform } from './calls.ts'

/** An inference event of a random trace. */
export type TraceEvent = {
  readonly occurredAt: string
  readonly requestId: string
  readonly kind: 'INFERENCE'
  readonly model: string
  readonly endpointKind: string
  readonly region: string | null
  readonly inputTokens: number
  readonly outputTokens: number
  readonly payloadBytes: number | null
  readonly latencyMs: number | null
  readonly subjectId: string | null
}

/** Numbers that look random and are the same in every run (mulberry32). */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Edges of months and of a leap day, where a bucket may go wrong. */
const EDGES = [
  '2023-12-31T23:59:59.999Z',
  '2024-01-01T00:00:00.000Z',
  '2024-02-28T23:59:59.999Z',
  '2024-02-29T00:00:00.000Z',
  '2024-02-29T23:59:59.999Z',
  '2024-03-01T00:00:00.000Z',
]

/** A random trace over the turn of the year and a leap day; the subjects are linked to a third of it each. */
export function randomTrace(count: number, seed: number, subjectIds: readonly string[]): TraceEvent[] {
  const below = numbersFrom(seed)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const start = Date.parse('2023-12-30T00:00:00Z')
  const span = 64 * 86_400_000
  return Array.from({ length: count }, (_, index) => ({
    occurredAt: EDGES[index] ?? new Date(start + below(span)).toISOString(),
    requestId: `t-${seed}-${index}`,
    kind: 'INFERENCE',
    model: pick(['m/a', 'm/b', 'M/b', 'm.c']),
    endpointKind: pick(['SERVERLESS', 'PRIVATE', 'BATCH']),
    region: pick(['eu', 'us', null]),
    inputTokens: below(100_000),
    outputTokens: below(2_000),
    payloadBytes: pick([null, below(2 ** 31)]),
    latencyMs: pick([null, below(50), 10 ** below(7) + below(1_000)]),
    subjectId: pick([null, ...subjectIds]),
  }))
}

/** Records a trace. */
export async function recordTrace(world: World, accountId: string, events: readonly object[]): Promise<void> {
  const outcome = await perform(world, 'gateway', 'recordUsage', { accountId, events })
  if (outcome.__typename !== 'RecordUsageSuccess') throw new Error(`recording: ${outcome.code}`)
}
