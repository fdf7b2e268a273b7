import { describe, expect, it } from 'vitest'
import {
  isUsageFault,
  USAGE_EVENTS_MAX,
  type UsageEventInput,
  validateUsageEvent,
  validateUsageEvents,
} from '../../../src/domains/usage/usage.rules.ts'
import { acceptedFrom, type UsageWindow } from '../../../src/domains/usage/usage-window.rules.ts'
import { CONTENT } from './content.ts'

const NOW = new Date('2026-06-01T12:00:00.000Z')

const INFERENCE: UsageEventInput = {
  occurredAt: new Date('2026-06-01T11:59:59.123Z'),
  requestId: 'req-1',
  kind: 'INFERENCE',
  subjectId: '0190c8f2-7b1e-7c3a-9f00-0123456789ab',
  ip: '203.0.113.77',
  userAgent: 'OpenAI/Python 1.30.1',
  model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
  endpointKind: 'SERVERLESS',
  region: 'eu-central-1',
  inputTokens: 374,
  outputTokens: 44,
  payloadBytes: 2_048,
  latencyMs: 812,
}

const KEPT: UsageWindow = {
  rules: [
    {
      ...{ id: 'r', version: 1, category: 'USAGE', trigger: 'CREATED', period: 'P13M' },
      effectiveFrom: new Date('2000-01-01T00:00:00Z'),
    },
  ],
  foldedUntil: null,
}
const from = (now: Date) => acceptedFrom(KEPT, now)
const validateOne = (event: UsageEventInput, index: number, now: Date) =>
  validateUsageEvent(event, index, now, from(now))
const validateAll = (events: readonly UsageEventInput[], now: Date) => validateUsageEvents(events, now, from(now))

const VIEW: UsageEventInput = {
  occurredAt: new Date('2026-06-01T11:00:00Z'),
  requestId: 'v-1',
  kind: 'PAGE_VIEW',
  page: '/models',
}

describe('validateUsageEvent', () => {
  it('turns an inference into its row, with address and device reduced', () => {
    expect(validateOne(INFERENCE, 0, NOW)).toEqual({
      occurredAt: new Date('2026-06-01T11:59:59.123Z'),
      requestId: 'req-1',
      kind: 'INFERENCE',
      subjectId: '0190c8f2-7b1e-7c3a-9f00-0123456789ab',
      addressPrefix: '203.0.113.0/24',
      browser: 'OTHER',
      os: 'OTHER',
      page: null,
      model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
      endpointKind: 'SERVERLESS',
      region: 'eu-central-1',
      inputTokens: 374,
      outputTokens: 44,
      payloadBytes: 2_048n,
      latencyMs: 812,
    })
  })

  it('takes null and undefined for absent', () => {
    const absent = {
      subjectId: null,
      addressPrefix: null,
      browser: null,
      os: null,
      page: null,
      model: null,
      endpointKind: null,
      region: null,
      inputTokens: null,
      outputTokens: null,
      payloadBytes: null,
      latencyMs: null,
    }
    const bare = { occurredAt: NOW, requestId: 's-1', kind: 'SECURITY' } as const
    const nulls = { ...bare, subjectId: null, ip: null, userAgent: null, page: null, model: null, endpointKind: null }
    const undefineds = { ...bare, region: undefined, inputTokens: undefined, payloadBytes: undefined, ip: undefined }
    for (const event of [bare, nulls, undefineds]) {
      expect(validateOne(event, 0, NOW)).toEqual({ ...bare, ...absent })
    }
  })

  it.each<[string, Partial<UsageEventInput>]>([
    ['the earliest instant', { occurredAt: new Date('2025-06-01T00:00:00.000Z') }],
    ['the latest instant', { occurredAt: new Date('2026-06-01T12:05:00.000Z') }],
    ['no tokens', { inputTokens: 0, outputTokens: 0 }],
    ['the most tokens', { inputTokens: 2_147_483_647, outputTokens: 2_147_483_647 }],
    ['the largest payload', { payloadBytes: 9_007_199_254_740_991 }],
    ['the largest payload as a bigint', { payloadBytes: 9_007_199_254_740_991n }],
    ['the longest latency', { latencyMs: 86_400_000 }],
  ])('accepts %s', (_, change) => {
    expect(isUsageFault(validateOne({ ...INFERENCE, ...change }, 0, NOW))).toBe(false)
  })

  it.each<[string, Record<string, unknown>, string, string]>([
    ['a moment too early', { occurredAt: new Date('2025-05-31T23:59:59.999Z') }, 'occurredAt', 'must not lie before'],
    ['a moment too late', { occurredAt: new Date('2026-06-01T12:05:00.001Z') }, 'occurredAt', 'in the future'],
    ['an invalid instant', { occurredAt: new Date('x') }, 'occurredAt', 'valid instant'],
    ['the largest instant', { occurredAt: new Date(8.64e15) }, 'occurredAt', 'in the future'],
    ['the smallest instant', { occurredAt: new Date(-8.64e15) }, 'occurredAt', 'must not lie before'],
    ['an instant as text', { occurredAt: '2026-06-01' }, 'occurredAt', 'valid instant'],
    ['an empty request id', { requestId: '' }, 'requestId', '1 to 64'],
    ['no request id', { requestId: null }, 'requestId', 'is required'],
    ['an unknown kind', { kind: 'CHAT' }, 'kind', 'kind of usage'],
    ['a kind that every object has', { kind: 'constructor' }, 'kind', 'kind of usage'],
    ['a subject that is no UUID', { subjectId: 'anna' }, 'subjectId', 'UUID'],
    ['an address in octal', { ip: '0313.0.0161.07' }, 'ip', 'standard spelling'],
    ['a user agent without shape', { userAgent: 'my browser' }, 'userAgent', 'User-Agent'],
    ['a page for an inference', { page: '/models' }, 'page', 'only for PAGE_VIEW'],
    ['no model', { model: null }, 'model', 'required for INFERENCE'],
    ['an empty model', { model: '' }, 'model', '1 to 128'],
    ['no endpoint kind', { endpointKind: null }, 'endpointKind', 'required for INFERENCE'],
    ['an unknown endpoint kind', { endpointKind: 'EDGE' }, 'endpointKind', 'kind of endpoint'],
    ['a region in capitals', { region: 'EU' }, 'region', '1 to 32'],
    ['no input tokens', { inputTokens: undefined }, 'inputTokens', 'required for INFERENCE'],
    ['no output tokens', { outputTokens: null }, 'outputTokens', 'required for INFERENCE'],
    ['negative tokens', { inputTokens: -1 }, 'inputTokens', '0 to 2147483647'],
    ['too many tokens', { outputTokens: 2_147_483_648 }, 'outputTokens', '0 to 2147483647'],
    ['a fraction of a token', { inputTokens: 1.5 }, 'inputTokens', 'whole number'],
    ['tokens that are no number', { inputTokens: Number.NaN }, 'inputTokens', 'whole number'],
    ['tokens as text', { inputTokens: '12' }, 'inputTokens', 'whole number'],
    ['too large a payload', { payloadBytes: 9_007_199_254_740_992n }, 'payloadBytes', '9007199254740991'],
    ['a negative payload', { payloadBytes: -1n }, 'payloadBytes', 'whole number'],
    ['too long a latency', { latencyMs: 86_400_001 }, 'latencyMs', '0 to 86400000'],
    ['an endless latency', { latencyMs: Number.POSITIVE_INFINITY }, 'latencyMs', 'whole number'],
  ])('refuses %s', (_, change, field, reason) => {
    const fault = validateOne({ ...INFERENCE, ...change } as UsageEventInput, 7, NOW)
    expect(fault).toEqual({ index: 7, field, reason: expect.stringContaining(reason) })
  })

  it.each(['API_REQUEST', 'PAGE_VIEW', 'SECURITY'] as const)('refuses the fields of an inference for %s', (kind) => {
    const bare: UsageEventInput = { occurredAt: NOW, requestId: 'r', kind }
    const faults = (['model', 'endpointKind', 'inputTokens', 'outputTokens'] as const).map((field) =>
      validateOne({ ...bare, [field]: INFERENCE[field] }, 0, NOW),
    )
    expect(faults).toEqual([
      { index: 0, field: 'model', reason: 'is only for INFERENCE' },
      { index: 0, field: 'endpointKind', reason: 'is only for INFERENCE' },
      { index: 0, field: 'inputTokens', reason: 'is only for INFERENCE' },
      { index: 0, field: 'outputTokens', reason: 'is only for INFERENCE' },
    ])
  })

  it('accepts a page for PAGE_VIEW and API_REQUEST and refuses it for SECURITY', () => {
    const results = (['PAGE_VIEW', 'API_REQUEST', 'SECURITY'] as const).map((kind) =>
      isUsageFault(validateOne({ ...VIEW, kind }, 0, NOW)),
    )
    expect(results).toEqual([false, false, true])
  })

  it('refuses what lies in a month that is due within the hour, in words', () => {
    const at = (text: string, now: string) => validateOne({ ...VIEW, occurredAt: new Date(text) }, 0, new Date(now))
    expect(isUsageFault(at('2027-02-01T00:00:00.000Z', '2028-02-29T00:00:00Z'))).toBe(false)
    expect(at('2027-01-31T23:59:59.999Z', '2028-02-29T00:00:00Z')).toEqual({
      index: 0,
      field: 'occurredAt',
      reason: 'must not lie before 2027-02-01T00:00:00.000Z: older usage is kept in sums alone',
    })
    expect(isUsageFault(at('2027-02-28T23:59:59.999Z', '2028-02-29T22:59:59.999Z'))).toBe(false)
    expect(isUsageFault(at('2027-02-28T23:59:59.999Z', '2028-02-29T23:00:00Z'))).toBe(true)
    expect(isUsageFault(at('2027-03-01T00:00:00.000Z', '2028-02-29T23:00:00Z'))).toBe(false)
  })

  it('refuses content in each field that takes text, and never repeats it', () => {
    let tried = 0
    let refused = 0
    for (const field of [
      'requestId',
      'kind',
      'subjectId',
      'ip',
      'userAgent',
      'page',
      'model',
      'endpointKind',
      'region',
    ]) {
      for (const text of CONTENT) {
        const base = field === 'page' ? VIEW : INFERENCE
        const fault = validateOne({ ...base, [field]: text } as UsageEventInput, 0, NOW)
        tried += 1
        if (isUsageFault(fault) && fault.field === field && !fault.reason.includes(text)) refused += 1
      }
    }
    expect({ tried, refused }).toEqual({ tried: 324, refused: 324 })
  })
})

describe('validateUsageEvents', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ ...INFERENCE, requestId: `r${index}` }))

  it('answers a row for each event, in order', () => {
    const rows = validateAll([VIEW, INFERENCE], NOW)
    expect(isUsageFault(rows) ? [] : rows.map((row) => row.requestId)).toEqual(['v-1', 'req-1'])
  })

  it('answers the fault with the smallest index and no row', () => {
    const events = many(5)
    events.splice(2, 1, { ...INFERENCE, requestId: 'a b' })
    events.splice(4, 1, { ...INFERENCE, requestId: '' })
    expect(validateAll(events, NOW)).toEqual({
      index: 2,
      field: 'requestId',
      reason: 'must be 1 to 64 letters, digits and . _ : -',
    })
  })

  it('takes 1 to 5,000 events', () => {
    expect(validateAll(many(1), NOW)).toHaveLength(1)
    expect(validateAll(many(USAGE_EVENTS_MAX), NOW)).toHaveLength(5_000)
    expect(validateAll([], NOW)).toEqual({ index: 0, field: 'events', reason: 'must hold at least 1 event' })
    expect(validateAll(many(5_001), NOW)).toEqual({
      index: 5_000,
      field: 'events',
      reason: 'must hold at most 5000 events',
    })
  })
})
