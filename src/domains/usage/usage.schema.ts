import { EndpointKind, UsageKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import { AccountNotActive, NotAvailable } from '../accounts/accounts.problems.ts'
import './usage.queries.ts'
import './usage-statistics.queries.ts'
import './usage-summary.queries.ts'
import { UsageEventNotValid } from './usage.problems.ts'
import { USAGE_EVENTS_MAX } from './usage.rules.ts'
import { openUsageImport, recordUsage } from './usage.service.ts'
import { UsageTallyObject } from './usage.types.ts'
import { USAGE_PATTERN_WORDS, USAGE_PATTERNS } from './usage-patterns.rules.ts'

problemType(UsageEventNotValid, 'An event of the call is not acceptable; nothing of the call was stored.', (t) => ({
  index: t.exposeInt('index', { description: 'Position of the event in the call, from 0.' }),
  field: t.exposeString('field', { description: 'Field of the event.' }),
  reason: t.exposeString('reason', { description: 'Why, without the value.' }),
}))

const shape = (field: keyof typeof USAGE_PATTERNS) =>
  `${USAGE_PATTERN_WORDS[field]}. Pattern: \`${USAGE_PATTERNS[field]}\``

const UsageEventInput = builder.inputType('UsageEventInput', {
  description: 'One logged request or view. No field takes content.',
  fields: (t) => ({
    occurredAt: t.field({
      type: 'DateTime',
      required: true,
      description:
        'When the request came; at most 5 minutes ahead, and in a month (UTC) that is kept: of the rules of retention for usage and security records the shorter period, counted from the first instant of the month, is not over within the hour.',
    }),
    requestId: t.string({
      required: true,
      description: `Id of the request: ${shape('requestId')}. Unique with account and time: a repeat is a duplicate.`,
    }),
    kind: t.field({ type: UsageKind, required: true, description: 'What was used.' }),
    subjectId: t.id({ description: 'Global id of the person, of the same account; absent: linked to none.' }),
    ip: t.string({ description: 'IPv4 or IPv6 address; only its network (/24, /48) is stored.' }),
    userAgent: t.string({
      description: `${shape('userAgent')}. Only the families of browser and system are stored. Leave out what has another shape.`,
    }),
    page: t.string({ description: `For API_REQUEST and PAGE_VIEW: ${shape('page')}` }),
    model: t.string({ description: `For INFERENCE, required: ${shape('model')}` }),
    endpointKind: t.field({ type: EndpointKind, description: 'For INFERENCE, required: how the model was reached.' }),
    region: t.string({ description: `Where it was processed: ${shape('region')}` }),
    inputTokens: t.int({ description: 'For INFERENCE, required: tokens that went in, 0 to 2^31 - 1.' }),
    outputTokens: t.int({ description: 'For INFERENCE, required: tokens that came out, 0 to 2^31 - 1.' }),
    payloadBytes: t.field({ type: 'BigInt', description: 'Bytes of request and response, 0 to 2^53 - 1.' }),
    latencyMs: t.int({ description: 'From request to last byte, in milliseconds, at most one day.' }),
  }),
})

mutation('recordUsage', {
  scope: 'usage:write',
  readsBack: false,
  description: `Records 1 to ${USAGE_EVENTS_MAX} usage events of one account: all or none. For gateways.`,
  problems: [NotAvailable, AccountNotActive, UsageEventNotValid],
  input: (t) => ({
    accountId: t.id({ required: true, description: 'The account.' }),
    events: t.field({
      type: [UsageEventInput],
      required: true,
      description: `The events, 1 to ${USAGE_EVENTS_MAX}.`,
      extensions: { listLengthMax: USAGE_EVENTS_MAX },
    }),
  }),
  run: async (deps, call, input) => {
    const accountId = readAccountId('accountId', input.accountId)
    const events = input.events.map((event, index) => {
      const payloadBytes =
        event.payloadBytes === null || event.payloadBytes === undefined ? null : BigInt(event.payloadBytes)
      if (!event.subjectId) return { ...event, payloadBytes, subjectId: null }
      const key = readTenantKey(`events.${index}.subjectId`, 'Subject', event.subjectId)
      if (key.accountId !== accountId)
        throw new UsageEventNotValid(index, 'subjectId', 'is not available in the account')
      return { ...event, subjectId: key.id, payloadBytes }
    })
    return recordUsage(deps, call, { accountId, events })
  },
  success: (t) => ({
    recorded: t.expose('recorded', { type: UsageTallyObject, description: 'What was new.' }),
    duplicates: t.expose('duplicates', { type: UsageTallyObject, description: 'What was known already.' }),
  }),
})

mutation('openUsageImport', {
  scope: 'usage:write',
  readsBack: false,
  description:
    'Fixes how far the events of a trace file are moved in time. The first run of a file into an account decides; every later run is told the same, so that it stores nothing twice.',
  problems: [NotAvailable, AccountNotActive],
  input: (t) => ({
    accountId: t.id({ required: true, description: 'The account.' }),
    fileHash: t.string({ required: true, description: 'SHA-256 of the file, 64 lower-case hexadecimal digits.' }),
    shiftMs: t.field({
      type: 'BigInt',
      required: true,
      description: 'Milliseconds to add to each time, if this is the first run; at most 100 years either way.',
    }),
  }),
  run: async (deps, call, input) => {
    const accountId = readAccountId('accountId', input.accountId)
    if (!/^[0-9a-f]{64}$/.test(input.fileHash)) throw badInput('fileHash', 'must be 64 lower-case hexadecimal digits')
    const shiftMs = BigInt(input.shiftMs)
    if (shiftMs > 3_155_760_000_000n || shiftMs < -3_155_760_000_000n)
      throw badInput('shiftMs', 'must be at most 100 years')
    return openUsageImport(deps, call, { accountId, fileHash: input.fileHash, shiftMs })
  },
  success: (t) => ({
    shiftMs: t.field({
      type: 'BigInt',
      description: 'Milliseconds to add to each time.',
      resolve: ({ shiftMs }) => BigInt(shiftMs),
    }),
    firstRun: t.exposeBoolean('firstRun', { description: 'Whether this call decided it.' }),
  }),
})
