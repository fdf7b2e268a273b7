import { BrowserFamily, EndpointKind, OsFamily, UsageKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { globalId, tenantKey } from '../../schema/global-id.ts'
import { aboutPerson } from '../../schema/root-field.ts'
import type { SummaryRow, SummarySums } from './usage.reads.ts'
import type { UsageTally } from './usage.service.ts'

builder.enumType(UsageKind, {
  name: 'UsageKind',
  description: 'What was used.',
  values: {
    API_REQUEST: { description: 'A request to the API.' },
    PAGE_VIEW: { description: 'A page of the dashboard or the web site.' },
    INFERENCE: { description: 'A call of a model.' },
    SECURITY: { description: 'What is kept to prevent abuse.' },
  },
})
builder.enumType(EndpointKind, {
  name: 'EndpointKind',
  description: 'How a model was reached.',
  values: {
    SERVERLESS: { description: 'A shared, serverless endpoint.' },
    PRIVATE: { description: 'A private deployment.' },
    BATCH: { description: 'Batch processing.' },
  },
})
builder.enumType(BrowserFamily, {
  name: 'BrowserFamily',
  description: 'The family of a browser; no version is kept.',
  values: {
    CHROME: { description: 'Chrome.' },
    FIREFOX: { description: 'Firefox.' },
    SAFARI: { description: 'Safari.' },
    EDGE: { description: 'Edge.' },
    OPERA: { description: 'Opera.' },
    SAMSUNG_INTERNET: { description: 'Samsung Internet.' },
    OTHER: { description: 'Another, or a program.' },
  },
})
builder.enumType(OsFamily, {
  name: 'OsFamily',
  description: 'The family of an operating system; no version is kept.',
  values: {
    WINDOWS: { description: 'Windows.' },
    MACOS: { description: 'macOS.' },
    LINUX: { description: 'Linux.' },
    ANDROID: { description: 'Android.' },
    IOS: { description: 'iOS or iPadOS.' },
    OTHER: { description: 'Another.' },
  },
})

export const UsageEventObject = builder.prismaObject('UsageEvent', {
  description: 'One logged request or view; never content.',
  extensions: {
    ...cursorOf(['uuid', 'instant', 'request-id']),
    ...aboutPerson((event: { accountId: string; subjectId: string | null; requestId: string }) => ({
      accountId: event.accountId,
      subjectId: event.subjectId,
      recordType: 'UsageEvent',
      recordId: event.requestId,
    })).extensions,
  },
  fields: (t) => ({
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: (event) => globalId('Account', event.accountId),
    }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person it is linked to; null when it is linked to none.',
      resolve: ({ accountId, subjectId }) =>
        subjectId === null ? null : globalId('Subject', tenantKey({ accountId, id: subjectId })),
    }),
    requestId: t.exposeString('requestId', { description: 'Id of the request, unique with account and time.' }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When the request came.' }),
    recordedAt: t.expose('recordedAt', { type: 'DateTime', description: 'When it was recorded here.' }),
    kind: t.expose('kind', { type: UsageKind, description: 'What was used.' }),
    addressPrefix: t.exposeString('addressPrefix', {
      nullable: true,
      description: 'Network of the address: /24 of IPv4, /48 of IPv6. The full address is never stored.',
    }),
    browser: t.expose('browser', { type: BrowserFamily, nullable: true, description: 'Family of the browser.' }),
    os: t.expose('os', { type: OsFamily, nullable: true, description: 'Family of the operating system.' }),
    page: t.exposeString('page', { nullable: true, description: 'Path without query and fragment.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model.' }),
    endpointKind: t.expose('endpointKind', {
      type: EndpointKind,
      nullable: true,
      description: 'How the model was reached.',
    }),
    region: t.exposeString('region', { nullable: true, description: 'Where it was processed.' }),
    inputTokens: t.exposeInt('inputTokens', { nullable: true, description: 'Tokens that went in.' }),
    outputTokens: t.exposeInt('outputTokens', { nullable: true, description: 'Tokens that came out.' }),
    payloadBytes: t.expose('payloadBytes', {
      type: 'BigInt',
      nullable: true,
      description: 'Size of request and response, in bytes.',
    }),
    latencyMs: t.exposeInt('latencyMs', { nullable: true, description: 'From request to last byte, in milliseconds.' }),
  }),
})

const LatencyPercentiles = builder.objectRef<SummarySums['latencyMs']>('LatencyPercentiles').implement({
  description:
    'Percentiles of latency in milliseconds, by nearest rank from fixed logarithmic buckets, at most 5 % off; null where no event had a latency.',
  fields: (t) => ({
    p50: t.exposeInt('p50', { nullable: true, description: 'Half of the requests took at most this long.' }),
    p90: t.exposeInt('p90', { nullable: true, description: '90 % took at most this long.' }),
    p95: t.exposeInt('p95', { nullable: true, description: '95 % took at most this long.' }),
    p99: t.exposeInt('p99', { nullable: true, description: '99 % took at most this long.' }),
  }),
})

export const UsageSums = builder.interfaceRef<SummarySums>('UsageSums').implement({
  description: 'Sums over a group of usage events.',
  fields: (t) => ({
    requests: t.expose('requests', { type: 'BigInt', description: 'Number of events.' }),
    inputTokens: t.expose('inputTokens', { type: 'BigInt', description: 'Tokens that went in.' }),
    outputTokens: t.expose('outputTokens', { type: 'BigInt', description: 'Tokens that came out.' }),
    payloadBytes: t.expose('payloadBytes', { type: 'BigInt', description: 'Bytes of requests and responses.' }),
    latencyMs: t.expose('latencyMs', { type: LatencyPercentiles, description: 'How long they took.' }),
  }),
})

export const UsageTotals = builder.objectRef<SummarySums>('UsageTotals').implement({
  description: 'Sums over everything that a summary counts.',
  interfaces: [UsageSums],
})

export const UsageSummaryRow = builder.objectRef<SummaryRow>('UsageSummaryRow').implement({
  description: 'Sums of one bucket of time and group.',
  extensions: cursorOf(null),
  interfaces: [UsageSums],
  fields: (t) => ({
    bucketStart: t.expose('bucketStart', { type: 'DateTime', description: 'Begin of the bucket, UTC.' }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'The model; null when not grouped by it or none was named.',
    }),
    endpointKind: t.expose('endpointKind', {
      type: EndpointKind,
      nullable: true,
      description: 'How the model was reached; null when not grouped by it.',
    }),
    region: t.exposeString('region', {
      nullable: true,
      description: 'Where it was processed; null when not grouped by it or none was named.',
    }),
  }),
})

export const UsageTallyObject = builder.objectRef<UsageTally>('UsageTally').implement({
  description: 'How many events, and the tokens they count.',
  fields: (t) => ({
    events: t.exposeInt('events', { description: 'Number of events.' }),
    inputTokens: t.field({
      type: 'BigInt',
      description: 'Tokens that went in.',
      resolve: (tally) => BigInt(tally.inputTokens),
    }),
    outputTokens: t.field({
      type: 'BigInt',
      description: 'Tokens that came out.',
      resolve: (tally) => BigInt(tally.outputTokens),
    }),
  }),
})
