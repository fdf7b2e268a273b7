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
type RowColumns = SumColumns & { bucket: Date; by_model: string; by_endpoint: string; by_region: string }

const UNIT = { HOUR: 'hour', DAY: 'day', MONTH: 'month' } as const

type Reach = NonNullable<UsageReach>

function conditions(reach: Reach, query: SummaryQuery): Prisma.Sql {
  const equals: [Prisma.Sql, string | null | undefined, Prisma.Sql][] = [
    [Prisma.sql`account_id`, reach.accountId, Prisma.sql`::uuid`],
    [Prisma.sql`account_id`, query.accountId, Prisma.sql`::uuid`],
    [Prisma.sql`kind`, query.kind, Prisma.sql`::usage_kind`],
    [Prisma.sql`model`, query.model, Prisma.empty],
    [Prisma.sql`endpoint_kind`, query.endpointKind, Prisma.sql`::endpoint_kind`],
    [Prisma.sql`region`, query.region, Prisma.empty],
  ]
  return Prisma.join(
    [
      Prisma.sql`true`,
      ...equals.flatMap(([column, value, cast]) => (value ? [Prisma.sql`${column} = ${value}${cast}`] : [])),
    ],
    ' and ',
  )
}

/** What is selected to group by, of events or of aggregates; empty for totals. */
type Keys = { readonly events: Prisma.Sql; readonly aggregates: Prisma.Sql; readonly names: Prisma.Sql }

const NO_KEYS: Keys = { events: Prisma.empty, aggregates: Prisma.empty, names: Prisma.empty }

/**
 * Usage by key and bucket of latency: events of the months that are kept, and aggregates of those that were folded. An
 * event is in exactly one of the two, because its month is noted as folded in the transaction that drops it. Aggregates
 * are nobody's in particular, so that a person's usage is that of its events alone.
 */
function counted(reach: Reach, query: SummaryQuery, keys: Keys): Prisma.Sql {
  const where = conditions(reach, query)
  const persons = [reach.subjectId, query.subjectId].flatMap((id) =>
    id ? [Prisma.sql`and subject_id = ${id}::uuid`] : [],
  )
  const [from, to] = [query.from, query.to].map((each) => Prisma.sql`(${each}::timestamptz at time zone 'UTC')::date`)
  const aggregates =
    persons.length > 0
      ? Prisma.empty
      : Prisma.sql`union all
      select ${keys.aggregates} latency_bucket, sum(requests), sum(input_tokens), sum(output_tokens), sum(payload_bytes)
      from usage_aggregate
      where ${where} and day >= ${from} and day < ${to}
        and date_trunc('month', day)::date in (select month from usage_month)
      group by ${keys.names} latency_bucket`
  return Prisma.sql`counted as (
      select ${keys.events} ${Prisma.raw(bucketSql('latency_ms'))} as latency_bucket, count(*)::numeric as requests,
        sum(input_tokens)::numeric as input, sum(output_tokens)::numeric as output, sum(payload_bytes) as bytes
      from usage_event
      where ${where} ${Prisma.join([Prisma.empty, ...persons], ' ')}
        and occurred_at >= ${query.from} and occurred_at < ${query.to}
      group by ${keys.names} latency_bucket
      ${aggregates}),
    grouped as (
      select ${keys.names} latency_bucket, sum(requests) as requests, sum(input) as input, sum(output) as output,
        sum(bytes) as bytes
      from counted group by ${keys.names} latency_bucket)`
}

// As text: a sum may be larger than the widest integer of the database.
const SUMS = Prisma.sql`coalesce(sum(requests), 0)::text as requests, coalesce(sum(input), 0)::text as input,
  coalesce(sum(output), 0)::text as output, coalesce(sum(bytes), 0)::text as bytes,
  json_object_agg(latency_bucket, requests) filter (where latency_bucket is not null) as latency`

/** Bucket of time and group. Their names are no columns, so that grouping by a name groups by what is selected. */
function keysOf({ bucket, groupBy }: SummaryQuery): Keys {
  const by = (dimension: UsageDimension, column: Prisma.Sql) =>
    groupBy.includes(dimension) ? Prisma.sql`coalesce(${column}::text, '')` : Prisma.sql`''`
  const groups = Prisma.sql`${by('MODEL', Prisma.sql`model`)} collate "C" as by_model,
    ${by('ENDPOINT_KIND', Prisma.sql`endpoint_kind`)} collate "C" as by_endpoint,
    ${by('REGION', Prisma.sql`region`)} collate "C" as by_region,`
  const unit = UNIT[bucket]
  return {
    events: Prisma.sql`date_trunc(${unit}, occurred_at, 'UTC') as bucket, ${groups}`,
    aggregates: Prisma.sql`date_trunc(${unit}, day::timestamp at time zone 'UTC', 'UTC') as bucket, ${groups}`,
    names: Prisma.sql`bucket, by_model, by_endpoint, by_region,`,
  }
}

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
  const { after } = page
  const beyond = after
    ? Prisma.sql`where (bucket, by_model, by_endpoint, by_region) > (${after.bucketStart}::timestamptz,
        ${after.model ?? ''}, ${after.endpointKind ?? ''}, ${after.region ?? ''})`
    : Prisma.empty
  const rows = await tx.$queryRaw<RowColumns[]>`
    with ${counted(reach, query, keysOf(query))}
    select bucket, by_model, by_endpoint, by_region, ${SUMS} from grouped ${beyond}
    group by bucket, by_model, by_endpoint, by_region order by 1, 2, 3, 4 limit ${page.limit}`
  return rows.map((row) => ({
    bucketStart: row.bucket,
    model: row.by_model || null,
    endpointKind: (row.by_endpoint || null) as EndpointKind | null,
    region: row.by_region || null,
    ...sumsOf(row),
  }))
}

/** The sums over everything that a summary counts. One statement. */
export async function readTotals(tx: Tx, reach: UsageReach, query: SummaryQuery): Promise<SummarySums> {
  const none = { requests: '0', input: '0', output: '0', bytes: '0', latency: null }
  if (!reach) return sumsOf(none)
  const [row] = await tx.$queryRaw<SumColumns[]>`
    with ${counted(reach, query, NO_KEYS)}
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
