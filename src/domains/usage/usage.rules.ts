import type { UsageEvent } from '../../generated/prisma/client.ts'
import { EndpointKind, UsageKind } from '../../generated/prisma/enums.ts'
import { isUuid } from '../../time/id.ts'
import { deviceOf, isReducibleAddress, reduceAddress } from './usage-device.rules.ts'
import { LATENCY_MS_MAX } from './usage-latency.rules.ts'
import { matchesUsagePattern, USAGE_PATTERN_WORDS, type UsagePatternField } from './usage-patterns.rules.ts'

/** The most usage events one call may carry. The least is one. */
export const USAGE_EVENTS_MAX = 5_000

/** How many minutes an event may lie ahead of the server's clock, for clocks that disagree. */
export const OCCURRED_AT_FUTURE_MINUTES_MAX = 5

/** The most tokens an event may count, the largest value of the column: 2^31 - 1. */
export const TOKENS_MAX = 2_147_483_647

/** The largest payload an event may name, in bytes: 2^53 - 1. */
export const PAYLOAD_BYTES_MAX = Number.MAX_SAFE_INTEGER

/** One event as a gateway reports it. A field that is null, undefined or left out is absent. */
export interface UsageEventInput {
  readonly occurredAt: Date
  readonly requestId: string
  readonly kind: UsageKind
  readonly subjectId?: string | null | undefined
  readonly ip?: string | null | undefined
  readonly userAgent?: string | null | undefined
  readonly page?: string | null | undefined
  readonly model?: string | null | undefined
  readonly endpointKind?: EndpointKind | null | undefined
  readonly region?: string | null | undefined
  readonly inputTokens?: number | null | undefined
  readonly outputTokens?: number | null | undefined
  readonly payloadBytes?: bigint | number | null | undefined
  readonly latencyMs?: number | null | undefined
}

/** A field of a reported event. */
export type UsageField = keyof UsageEventInput

/** One event as it is stored: address and user agent are reduced, everything absent is null. */
export type UsageRow = Readonly<Omit<UsageEvent, 'accountId' | 'recordedAt'>>

/** Why a call is refused: the first event at fault (from 0), its field, and a reason that never contains the value. */
export interface UsageFault {
  readonly index: number
  /** `events` when it is the number of events that is wrong. */
  readonly field: UsageField | 'events'
  readonly reason: string
}

/** The instants an event may have occurred at, both included, in milliseconds since 1970. */
interface Period {
  readonly startMs: number
  readonly endMs: number
}

type Check = readonly [field: UsageField, reasonAgainst: (event: UsageEventInput, period: Period) => string | null]

/** In the order in which faults of one event are reported. */
const CHECKS: readonly Check[] = [
  ['occurredAt', (event, period) => againstInstant(event.occurredAt, period)],
  ['requestId', (event) => againstPattern('requestId', event.requestId) ?? againstAbsent(event.requestId)],
  ['kind', (event) => (Object.hasOwn(UsageKind, event.kind) ? null : 'must be a kind of usage')],
  ['subjectId', (event) => (isAbsent(event.subjectId) || isUuid(event.subjectId) ? null : 'must be a UUID')],
  ['ip', (event) => againstAddress(event.ip)],
  ['userAgent', (event) => againstUserAgent(event.userAgent)],
  ['page', (event) => againstPage(event)],
  ['model', (event) => againstPresence(event, event.model) ?? againstPattern('model', event.model)],
  ['endpointKind', (event) => againstPresence(event, event.endpointKind) ?? againstEndpointKind(event.endpointKind)],
  ['region', (event) => againstPattern('region', event.region)],
  ['inputTokens', (event) => againstPresence(event, event.inputTokens) ?? againstCount(event.inputTokens, TOKENS_MAX)],
  [
    'outputTokens',
    (event) => againstPresence(event, event.outputTokens) ?? againstCount(event.outputTokens, TOKENS_MAX),
  ],
  ['payloadBytes', (event) => againstCount(event.payloadBytes, PAYLOAD_BYTES_MAX)],
  ['latencyMs', (event) => againstCount(event.latencyMs, LATENCY_MS_MAX)],
]

/**
 * The row to store for one event, or the first of its faults.
 *
 * An INFERENCE event names its model, endpoint kind, input and output tokens; no other kind may. A page belongs to
 * PAGE_VIEW and API_REQUEST only. Strings match {@link USAGE_PATTERN_WORDS}; a user agent without that shape is refused.
 *
 * @param index the place of the event in its call, from 0
 * @param now what the limit of `occurredAt` ahead is counted from
 * @param from the earliest instant that is taken (`acceptedFrom`)
 */
export function validateUsageEvent(
  event: UsageEventInput,
  index: number,
  now: Date,
  from: Date,
): UsageRow | UsageFault {
  return faultOf(event, index, periodOf(now, from)) ?? rowOf(event)
}

/** Whether a validation ended with a fault. */
export function isUsageFault(result: UsageRow | readonly UsageRow[] | UsageFault): result is UsageFault {
  return 'reason' in result
}

/**
 * The rows to store for a call, in its order, or the fault with the smallest index: all or nothing. A call of no event
 * is at fault at 0, a call of too many at the first one too many, with field `events`.
 */
export function validateUsageEvents(
  events: readonly UsageEventInput[],
  now: Date,
  from: Date,
): readonly UsageRow[] | UsageFault {
  if (events.length === 0) return { index: 0, field: 'events', reason: 'must hold at least 1 event' }
  if (events.length > USAGE_EVENTS_MAX) {
    return { index: USAGE_EVENTS_MAX, field: 'events', reason: `must hold at most ${USAGE_EVENTS_MAX} events` }
  }
  const period = periodOf(now, from)
  const rows: UsageRow[] = []
  for (const [index, event] of events.entries()) {
    const fault = faultOf(event, index, period)
    if (fault !== null) return fault
    rows.push(rowOf(event))
  }
  return rows
}

function faultOf(event: UsageEventInput, index: number, period: Period): UsageFault | null {
  for (const [field, reasonAgainst] of CHECKS) {
    const reason = reasonAgainst(event, period)
    if (reason !== null) return { index, field, reason }
  }
  return null
}

function rowOf(event: UsageEventInput): UsageRow {
  const device = isAbsent(event.userAgent) ? null : deviceOf(event.userAgent)
  return {
    occurredAt: event.occurredAt,
    requestId: event.requestId,
    kind: event.kind,
    subjectId: event.subjectId ?? null,
    addressPrefix: isAbsent(event.ip) ? null : reduceAddress(event.ip),
    browser: device?.browser ?? null,
    os: device?.os ?? null,
    page: event.page ?? null,
    model: event.model ?? null,
    endpointKind: event.endpointKind ?? null,
    region: event.region ?? null,
    inputTokens: event.inputTokens ?? null,
    outputTokens: event.outputTokens ?? null,
    payloadBytes: isAbsent(event.payloadBytes) ? null : BigInt(event.payloadBytes),
    latencyMs: event.latencyMs ?? null,
  }
}

function periodOf(now: Date, from: Date): Period {
  return { startMs: from.getTime(), endMs: now.getTime() + OCCURRED_AT_FUTURE_MINUTES_MAX * 60_000 }
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function againstAbsent(value: unknown): string | null {
  return isAbsent(value) ? 'is required' : null
}

function againstInstant(instant: Date, { startMs, endMs }: Period): string | null {
  const ms = instant instanceof Date ? instant.getTime() : Number.NaN
  if (Number.isNaN(ms)) return 'must be a valid instant'
  if (ms > endMs) return `must not be more than ${OCCURRED_AT_FUTURE_MINUTES_MAX} minutes in the future`
  if (ms < startMs) return `must not lie before ${new Date(startMs).toISOString()}: older usage is kept in sums alone`
  return null
}

function againstPattern(
  field: Exclude<UsagePatternField, 'userAgent'>,
  value: string | null | undefined,
): string | null {
  if (isAbsent(value) || (typeof value === 'string' && matchesUsagePattern(field, value))) return null
  return `must be ${USAGE_PATTERN_WORDS[field]}`
}

function againstAddress(ip: string | null | undefined): string | null {
  if (isAbsent(ip) || (typeof ip === 'string' && isReducibleAddress(ip))) return null
  return 'must be an IPv4 or IPv6 address in its standard spelling'
}

function againstUserAgent(userAgent: string | null | undefined): string | null {
  if (isAbsent(userAgent) || (typeof userAgent === 'string' && deviceOf(userAgent) !== null)) return null
  return `must be ${USAGE_PATTERN_WORDS.userAgent}`
}

function againstPage({ kind, page }: UsageEventInput): string | null {
  if (isAbsent(page)) return null
  if (kind !== 'PAGE_VIEW' && kind !== 'API_REQUEST') return 'is only for PAGE_VIEW and API_REQUEST'
  return againstPattern('page', page)
}

/** The four fields of an inference are there for INFERENCE and absent for every other kind. */
function againstPresence({ kind }: UsageEventInput, value: unknown): string | null {
  if (kind === 'INFERENCE') return isAbsent(value) ? 'is required for INFERENCE' : null
  return isAbsent(value) ? null : 'is only for INFERENCE'
}

function againstEndpointKind(value: EndpointKind | null | undefined): string | null {
  return isAbsent(value) || Object.hasOwn(EndpointKind, value) ? null : 'must be a kind of endpoint'
}

function againstCount(value: bigint | number | null | undefined, max: number): string | null {
  if (isAbsent(value)) return null
  const isWhole = typeof value === 'bigint' || Number.isInteger(value)
  return isWhole && value >= 0 && value <= max ? null : `must be a whole number from 0 to ${max}`
}
