import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import { deleteCopies } from '../audit/person-copies.service.ts'
import type { Deps } from '../deps.ts'
import * as inventory from '../inventory/inventory.service.ts'
import { type Counted, type EndAction, NoSuchPlaceError, type Piece } from '../personal-data.ts'
import {
  isUsageCategory,
  itemOfMonth,
  monthOfLocator,
  USAGE,
  type UsageCategory,
  type UsageMonthOf,
} from './usage-items.ts'
import { monthAfter, startOf, TABLES } from './usage-places.ts'

type Month = { readonly subjectId: string | null; readonly month: string; readonly category: UsageCategory }

/**
 * Ends months of events. What is anonymised loses person and network and is nobody's from then on, with items of nobody.
 * Of nobody's events there is nothing to unlink: they are deleted, with what comes to be nobody's in the same call.
 * @see PersonalDataSystem.end
 */
export async function endUsage(
  tx: Tx,
  deps: Deps,
  accountId: string,
  action: EndAction,
  pieces: readonly Piece[],
): Promise<Counted> {
  const months = pieces.map(monthOf)
  const ofPersons = months.filter(({ subjectId }) => subjectId !== null)
  const ofNobody = months.filter(({ subjectId }) => subjectId === null)
  let rows = 0
  if (action === 'ANONYMISE') {
    const left = await unlink(tx, accountId, ofPersons)
    for (const { count } of left) rows += count
    const ending = new Set(ofNobody.map(placeOf))
    const items = left.filter((month) => !ending.has(placeOf(month))).map((month) => itemOfMonth(accountId, month))
    await inventory.record(tx, deps.clock, items)
  } else rows += await deleteEvents(tx, accountId, ofPersons)
  rows += await deleteEvents(tx, accountId, ofNobody)
  const persons = new Set(ofPersons.flatMap(({ subjectId }) => subjectId ?? []))
  await deleteCopies(tx, accountId, [...persons], false)
  return { rows, remaining: await countEvents(tx, accountId, ofPersons, ofNobody) }
}

const placeOf = ({ month, category }: Omit<Month, 'subjectId'>) => `${month} ${category}`

function monthOf({ subjectId, category, locator }: Piece): Month {
  const month = monthOfLocator(locator)
  if (month === null || !isUsageCategory(category)) throw new NoSuchPlaceError(USAGE)
  return { subjectId, month, category }
}

/** The months as rows to join: whose, from when, until before when, and whether of the kind SECURITY. */
function joined(months: readonly Month[]): Prisma.Sql {
  return Prisma.sql`unnest(${months.map(({ subjectId }) => subjectId)}::uuid[],
    ${months.map(({ month }) => startOf(month))}::timestamptz[],
    ${months.map(({ month }) => startOf(monthAfter(month)))}::timestamptz[],
    ${months.map(({ category }) => category === 'SECURITY')}::boolean[])
    as m (subject_id, starts_at, ends_at, is_security)`
}

/** The events of the months, which are all of persons or all of nobody. No other partitions are looked at. */
function inMonths(accountId: string, months: readonly Month[]): Prisma.Sql {
  const whose =
    months[0]?.subjectId === null ? Prisma.sql`e.subject_id is null` : Prisma.sql`e.subject_id = m.subject_id`
  const bounds = spansOf(months).map(
    ({ from, to }) =>
      Prisma.sql`e.occurred_at >= ${startOf(from)}::timestamptz and e.occurred_at < ${startOf(to)}::timestamptz`,
  )
  return Prisma.sql`e.account_id = ${accountId}::uuid and ${whose} and (e.kind = 'SECURITY') = m.is_security
    and e.occurred_at >= m.starts_at and e.occurred_at < m.ends_at and (${Prisma.join(bounds, ' or ')})`
}

/** The months, each once, those that follow one another as one span: from the first to before the last. */
function spansOf(months: readonly Month[]): { from: string; to: string }[] {
  const spans: { from: string; to: string }[] = []
  for (const month of [...new Set(months.map((each) => each.month))].toSorted()) {
    const last = spans.at(-1)
    if (last?.to === month) last.to = monthAfter(month)
    else spans.push({ from: month, to: monthAfter(month) })
  }
  return spans
}

async function deleteEvents(tx: Tx, accountId: string, months: readonly Month[]): Promise<number> {
  if (months.length === 0) return 0
  let rows = 0
  for (const table of TABLES)
    rows += await tx.$executeRaw`
      delete from ${Prisma.raw(table)} as e using ${joined(months)} where ${inMonths(accountId, months)}`
  return rows
}

/** @returns the months of nobody that came of it, one for each table */
async function unlink(tx: Tx, accountId: string, months: readonly Month[]) {
  if (months.length === 0) return []
  const left: (UsageMonthOf & { readonly count: number })[] = []
  for (const table of TABLES)
    left.push(
      ...(await tx.$queryRaw<(UsageMonthOf & { readonly count: number })[]>`
        with changed as (
          update ${Prisma.raw(table)} as e set subject_id = null, address_prefix = null
          from ${joined(months)} where ${inMonths(accountId, months)} returning e.occurred_at, e.kind)
        select null as "subjectId", to_char(occurred_at at time zone 'UTC', 'YYYY-MM') as month,
          case kind when 'SECURITY' then 'SECURITY' else 'USAGE' end as category, min(occurred_at) as "firstAt",
          count(*)::int as count
        from changed group by 2, 3`),
    )
  return left
}

async function countEvents(tx: Tx, accountId: string, ...groups: readonly (readonly Month[])[]): Promise<number> {
  const counts = groups.flatMap((months) =>
    months.length === 0
      ? []
      : TABLES.map(
          (table) => Prisma.sql`
            select 1 from ${Prisma.raw(table)} as e, ${joined(months)} where ${inMonths(accountId, months)}`,
        ),
  )
  if (counts.length === 0) return 0
  const [row] = await tx.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from (${Prisma.join(counts, ' union all ')}) as still_there`
  return row?.count ?? 0
}
