import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { UsageKind } from '../../generated/prisma/enums.ts'
import { readSummary, type SummaryRow, type SummarySums, type UsageDimension } from './usage.reads.ts'
import { type Disclosure, discloseAccount, discloseAll, type Population } from './usage-disclosure.rules.ts'

/** What statistics are divided by, beside the month. */
export type StatisticsDimension = 'NONE' | UsageDimension

/** Which usage statistics count: whole months, `from` inclusive, `to` exclusive; one account's, or everyone's. */
export type StatisticsQuery = {
  readonly from: Date
  readonly to: Date
  readonly kind: UsageKind
  readonly groupBy: StatisticsDimension
  readonly accountId: string | null
}

/** Sums of a month, or of a group in it, that may be shown. */
export type StatisticsRow = SummarySums & {
  /** First instant of the month, UTC. */
  readonly month: Date
  readonly isTotal: boolean
  readonly value: string | null
  /** How many different persons it has; unlinked events count as none. */
  readonly subjects: number
}

/** What is shown of a month. */
export type StatisticsMonth = {
  readonly month: Date
  readonly rows: readonly StatisticsRow[]
  /** Whether anything that there is was left out. */
  readonly leftOut: boolean
}

/** Persons of a month by account and value; small accounts together, without an account. `whole`: by account alone. */
type PersonsRow = {
  month: Date
  account_id: string | null
  value: string | null
  whole: boolean
  persons: string
  accounts: string
}

const COLUMNS = {
  NONE: Prisma.sql`null::text`,
  MODEL: Prisma.sql`model`,
  ENDPOINT_KIND: Prisma.sql`endpoint_kind::text`,
  REGION: Prisma.sql`region`,
} as const

const ROWS_MAX = 1_000_000

/**
 * What outsiders may be shown of the months of a query, in their order: sums with the total first, then by value. Months
 * without events are left out. Three statements, whatever the number of rows.
 *
 * @param k the smallest number of persons that a group may have to be shown
 */
export async function readStatistics(tx: Tx, query: StatisticsQuery, k: number): Promise<StatisticsMonth[]> {
  const persons = Map.groupBy(await readPersons(tx, query, k), (row) => row.month.getTime())
  const page = { limit: ROWS_MAX, after: null }
  const of = { from: query.from, to: query.to, kind: query.kind, accountId: query.accountId, bucket: 'MONTH' } as const
  const totals = await readSummary(tx, {}, { ...of, groupBy: [] }, page)
  const groups = query.groupBy === 'NONE' ? [] : await readSummary(tx, {}, { ...of, groupBy: [query.groupBy] }, page)
  const groupsOf = Map.groupBy(groups, (row) => row.bucketStart.getTime())
  return totals.map((total) => {
    const month = total.bucketStart
    const sizes = persons.get(month.getTime()) ?? []
    const { disclosure, everyone } = disclose(sizes, query, k)
    const shown = (groupsOf.get(month.getTime()) ?? []).filter((row) => disclosure.values.has(sharedBy(row)))
    const sizeOf = new Map(everyone.groups.map((group) => [group.value, group.persons]))
    const rows = [
      ...(disclosure.total ? [statisticsRow(total, true, everyone.persons)] : []),
      ...shown.map((row) => statisticsRow(row, false, sizeOf.get(sharedBy(row)) ?? 0)),
    ]
    return { month, rows, leftOut: disclosure.leftOut }
  })
}

const sharedBy = (row: SummaryRow): string | null => row.model ?? row.endpointKind ?? row.region

function statisticsRow(row: SummaryRow, isTotal: boolean, subjects: number): StatisticsRow {
  const { bucketStart: month, requests, inputTokens, outputTokens, payloadBytes, latencyMs } = row
  const sums = { requests, inputTokens, outputTokens, payloadBytes, latencyMs }
  return { month, isTotal, value: isTotal ? null : sharedBy(row), subjects, ...sums }
}

/** What may be shown of a month, and how many persons everything of it has. */
function disclose(
  rows: readonly PersonsRow[],
  { groupBy, accountId }: StatisticsQuery,
  k: number,
): { disclosure: Disclosure; everyone: Population } {
  const populationOf = (own: readonly PersonsRow[]): Population => ({
    persons: Number(own.find(({ whole }) => whole)?.persons ?? 0),
    groups:
      groupBy === 'NONE'
        ? []
        : own.filter(({ whole }) => !whole).map(({ value, persons }) => ({ value, persons: Number(persons) })),
  })
  const byAccount = Map.groupBy(rows, (row) => row.account_id)
  const smallRows = byAccount.get(null) ?? []
  const small = { ...populationOf(smallRows), accounts: Number(smallRows.find(({ whole }) => whole)?.accounts ?? 0) }
  const large = [...byAccount].flatMap(([id, own]) => (id === null ? [] : [populationOf(own)]))
  const everyone = addUp([small, ...large])
  return { everyone, disclosure: accountId === null ? discloseAll(small, large, k) : discloseAccount(everyone, k) }
}

function addUp(populations: readonly Population[]): Population {
  const sizes = new Map<string | null, number>()
  for (const { groups } of populations)
    for (const { value, persons } of groups) sizes.set(value, (sizes.get(value) ?? 0) + persons)
  const persons = populations.reduce((total, population) => total + population.persons, 0)
  return { persons, groups: [...sizes].map(([value, size]) => ({ value, persons: size })) }
}

/**
 * Different persons by month, account and value: counted over the events of months that are kept, and as they were noted
 * when the month was folded. Accounts with fewer than `k` in a month are added up; a person belongs to one account.
 */
function readPersons(
  tx: Tx,
  { from, to, kind, groupBy, accountId }: StatisticsQuery,
  k: number,
): Promise<PersonsRow[]> {
  const mine = accountId === null ? Prisma.empty : Prisma.sql`and account_id = ${accountId}::uuid`
  const day = (instant: Date) => Prisma.sql`(${instant}::timestamptz at time zone 'UTC')::date`
  return tx.$queryRaw<PersonsRow[]>`
    with used as (
      select date_trunc('month', occurred_at, 'UTC') as month, account_id, subject_id, ${COLUMNS[groupBy]} as value
      from usage_event
      where kind = ${kind}::usage_kind and occurred_at >= ${from} and occurred_at < ${to} ${mine}),
    counted as (
      select month, account_id, value, grouping(value) = 1 as whole, count(distinct subject_id) as persons
      from used group by grouping sets ((month, account_id), (month, account_id, value))
      union all
      select month::timestamp at time zone 'UTC', account_id, value, dimension = 'NONE', subjects
      from usage_aggregate_subjects
      where kind = ${kind}::usage_kind and dimension in ('NONE', ${groupBy}) and month >= ${day(from)}
        and month < ${day(to)} and month in (select month from usage_month) ${mine}),
    sized as (
      select counted.*, total.persons < ${k} as small
      from counted join counted as total
        on total.month = counted.month and total.account_id = counted.account_id and total.whole)
    select month, null::uuid as account_id, value, whole, sum(persons)::text as persons, count(*)::text as accounts
    from sized where small group by month, value, whole
    union all
    select month, account_id, value, whole, persons::text, '1' from sized where not small`
}
