import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { EndpointKind, UsageKind } from '../../generated/prisma/enums.ts'
import type { UsageReach } from './usage.scope.ts'
import { bucketSql, percentilesFromBuckets } from './usage-latency.rules.ts'

/** The length of a bucket of time. */
export type UsageBucket = 'HOUR' | 'DAY' | 'MONTH'

/** What a summary can be divided by, beside time. */
export type UsageDimension = 'MODEL' | 'ENDPOINT_KIND' | 'REGION'

/** Which events a summary counts: `from` inclusive, `to` exclusive. */
export type SummaryQuery = {
  readonly from: Date
  readonly to: Date
  readonly bucket: UsageBucket
  readonly groupBy: readonly UsageDimension[]
  readonly kind: UsageKind
  readonly model?: string | null | undefined
  readonly endpointKind?: EndpointKind | null | undefined
  readonly region?: string | null | undefined
  readonly accountId?: string | null | undefined
  readonly subjectId?: string | null | undefined
}

/** What identifies a row of a summary, in its order. */
export type SummaryKey = {
  readonly bucketStart: Date
  readonly model: string | null
  readonly endpointKind: EndpointKind | null
  readonly region: string | null
}

/** Sums over a group of events. Latency percentiles are in milliseconds, at most 5 % off; null without a latency. */
export type SummarySums = {
  readonly requests: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly payloadBytes: bigint
  readonly latencyMs: {
    readonly p50: number | null
    readonly p90: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
}

export type SummaryRow = SummaryKey & SummarySums

type SumColumns = {
  requests: string
  input: string
  output: string
  bytes: string
  latency: Record<string, number> | null
}
type RowColumns = SumColumns & { bucket: Date; model: string; endpoint_kind: string; region: string }

const UNIT = { HOUR: 'hour', DAY: 'day', MONTH: 'month' } as const

function conditions(reach: NonNullable<UsageReach>, query: SummaryQuery): Prisma.Sql {
  const equals: [Prisma.Sql, string | null | undefined, Prisma.Sql][] = [
    [Prisma.sql`account_id`, reach.accountId, Prisma.sql`::uuid`],
    [Prisma.sql`subject_id`, reach.subjectId, Prisma.sql`::uuid`],
    [Prisma.sql`account_id`, query.accountId, Prisma.sql`::uuid`],
    [Prisma.sql`subject_id`, query.subjectId, Prisma.sql`::uuid`],
    [Prisma.sql`kind`, query.kind, Prisma.sql`::usage_kind`],
    [Prisma.sql`model`, query.model, Prisma.empty],
    [Prisma.sql`endpoint_kind`, query.endpointKind, Prisma.sql`::endpoint_kind`],
    [Prisma.sql`region`, query.region, Prisma.empty],
  ]
  return Prisma.join(
    [
      Prisma.sql`occurred_at >= ${query.from} and occurred_at < ${query.to}`,
      ...equals.flatMap(([column, value, cast]) => (value ? [Prisma.sql`${column} = ${value}${cast}`] : [])),
    ],
    ' and ',
  )
}

const PER_LATENCY = Prisma.sql`count(*) as requests, sum(input_tokens) as input, sum(output_tokens) as output,
  sum(payload_bytes) as bytes, ${Prisma.raw(bucketSql('latency_ms'))} as latency_bucket`

// As text: a sum may be larger than the widest integer of the database.
const SUMS = Prisma.sql`coalesce(sum(requests), 0)::text as requests, coalesce(sum(input), 0)::text as input,
  coalesce(sum(output), 0)::text as output, coalesce(sum(bytes), 0)::text as bytes,
  json_object_agg(latency_bucket, requests) filter (where latency_bucket is not null) as latency`

/**
 * A page of a summary, one row a bucket of time and group, in order of time, model, endpoint kind and region.
 * One statement. `after` is the key of the last row of the page before.
 */
export async function readSummary(
  tx: Tx,
  reach: UsageReach,
  query: SummaryQuery,
  page: { readonly limit: number; readonly after: SummaryKey | null },
): Promise<SummaryRow[]> {
  if (!reach) return []
  const by = (dimension: UsageDimension, column: Prisma.Sql) =>
    query.groupBy.includes(dimension) ? Prisma.sql`coalesce(${column}::text, '')` : Prisma.sql`''`
  const { after } = page
  const beyond = after
    ? Prisma.sql`where (bucket, model, endpoint_kind, region) > (${after.bucketStart}::timestamptz,
        ${after.model ?? ''}, ${after.endpointKind ?? ''}, ${after.region ?? ''})`
    : Prisma.empty
  const rows = await tx.$queryRaw<RowColumns[]>`
    with grouped as (
      select date_trunc(${UNIT[query.bucket]}, occurred_at, 'UTC') as bucket,
        ${by('MODEL', Prisma.sql`model`)} collate "C" as model,
        ${by('ENDPOINT_KIND', Prisma.sql`endpoint_kind`)} collate "C" as endpoint_kind,
        ${by('REGION', Prisma.sql`region`)} collate "C" as region, ${PER_LATENCY}
      from usage_event where ${conditions(reach, query)}
      group by 1, 2, 3, 4, latency_bucket)
    select bucket, model, endpoint_kind, region, ${SUMS} from grouped ${beyond}
    group by 1, 2, 3, 4 order by 1, 2, 3, 4 limit ${page.limit}`
  return rows.map((row) => ({
    bucketStart: row.bucket,
    model: row.model || null,
    endpointKind: (row.endpoint_kind || null) as EndpointKind | null,
    region: row.region || null,
    ...sumsOf(row),
  }))
}

/** The sums over everything that a summary counts. One statement. */
export async function readTotals(tx: Tx, reach: UsageReach, query: SummaryQuery): Promise<SummarySums> {
  const none = { requests: '0', input: '0', output: '0', bytes: '0', latency: null }
  if (!reach) return sumsOf(none)
  const [row] = await tx.$queryRaw<SumColumns[]>`
    with grouped as (
      select ${PER_LATENCY} from usage_event where ${conditions(reach, query)} group by latency_bucket)
    select ${SUMS} from grouped`
  return sumsOf(row ?? none)
}

function sumsOf(row: SumColumns): SummarySums {
  const counts = new Map(Object.entries(row.latency ?? {}).map(([bucket, count]) => [Number(bucket), Number(count)]))
  const [p50 = null, p90 = null, p95 = null, p99 = null] = percentilesFromBuckets(counts, [50, 90, 95, 99])
  return {
    requests: BigInt(row.requests),
    inputTokens: BigInt(row.input),
    outputTokens: BigInt(row.output),
    payloadBytes: BigInt(row.bytes),
    latencyMs: { p50, p90, p95, p99 },
  }
}
