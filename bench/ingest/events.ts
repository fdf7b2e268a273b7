/** An event as a gateway sends it: every field that an inference has. */
export type BenchEvent = {
  readonly occurredAt: string
  readonly requestId: string
  readonly kind: 'INFERENCE'
  readonly model: string
  readonly endpointKind: 'SERVERLESS' | 'PRIVATE' | 'BATCH'
  readonly region: string
  readonly inputTokens: number
  readonly outputTokens: number
  readonly payloadBytes: number
  readonly latencyMs: number
}

/** The same calls for every contender: `calls` times `size` events with ids of their own, for the turn `turn`. */
export function callsOf(turn: string, calls: number, size: number): BenchEvent[][] {
  return Array.from({ length: calls }, (_, call) =>
    Array.from({ length: size }, (_, index) => event(turn, call * size + index)),
  )
}

const MODELS = ['meta/llama-4-scout', 'mistral/large-3', 'deepseek/v4', 'qwen/3-coder']
const KINDS = ['SERVERLESS', 'PRIVATE', 'BATCH'] as const

/** Past by an hour at least, so that nothing lies in the future and all in one or two months. */
const START_MS = Date.now() - 2 * 3_600_000

function event(turn: string, number: number): BenchEvent {
  return {
    occurredAt: new Date(START_MS + number).toISOString(),
    requestId: `${turn}-${number}`,
    kind: 'INFERENCE',
    model: MODELS[number % MODELS.length] as string,
    endpointKind: KINDS[number % KINDS.length] as (typeof KINDS)[number],
    region: 'eu-central-1',
    inputTokens: 200 + (number % 1_800),
    outputTokens: 20 + (number % 700),
    payloadBytes: 4_000 + (number % 9_000),
    latencyMs: 80 + (number % 2_000),
  }
}

/** First days of the months that the events lie in. */
export function monthsOfEvents(): string[] {
  const month = (ms: number) => `${new Date(ms).toISOString().slice(0, 7)}-01`
  return [...new Set([month(START_MS), month(Date.now())])]
}
