import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import { resumeAt } from '../located-key.ts'
import type { Located, LocatedKey, Person } from '../personal-data.ts'
import { locatorOf, monthOfLocator, type UsageCategory } from './usage-items.ts'

/** Where usage events lie. */
export const TABLES = ['usage_event', 'usage_event_held'] as const

/** In the order of `locatePage`. */
const CATEGORIES: readonly UsageCategory[] = ['SECURITY', 'USAGE']

/** The condition of a category of data. */
export function ofCategory(category: UsageCategory): Prisma.Sql {
  return category === 'SECURITY' ? Prisma.sql`kind = 'SECURITY'` : Prisma.sql`kind <> 'SECURITY'`
}

/** Where the person's events lie now. */
export async function locatePerson(tx: Tx, { accountId, subjectId }: Person): Promise<Located[]> {
  const found = await tx.$queryRaw<{ month: string; category: UsageCategory; rows: number }[]>`
    select to_char(occurred_at at time zone 'UTC', 'YYYY-MM') as month,
      case kind when 'SECURITY' then 'SECURITY' else 'USAGE' end as category, count(*)::int as rows
    from (
      select occurred_at, kind from usage_event
      where account_id = ${accountId}::uuid and subject_id = ${subjectId}::uuid
      union all
      select occurred_at, kind from usage_event_held
      where account_id = ${accountId}::uuid and subject_id = ${subjectId}::uuid) as event
    group by 1, 2 order by 1, 2`
  return found.map(({ month, category, rows }) => ({ locator: locatorOf(month), category, subjectId, rows }))
}

/**
 * Where the account's events lie, a page in the documented order. Month by month, so that a page reads what it shows and
 * little more: within a month the persons come in the order of an index.
 */
export async function locatePage(
  tx: Tx,
  accountId: string,
  after: LocatedKey | null,
  limit: number,
): Promise<Located[]> {
  const found: Located[] = []
  let month = await nextMonth(tx, accountId, after && monthOfLocator(after.locator))
  while (month !== null && found.length < limit) {
    const locator = locatorOf(month)
    for (const category of CATEGORIES) {
      const from = resumeAt(after, locator, category)
      if (from === 'PAST' || found.length >= limit) continue
      const rows = await personsOf(tx, { accountId, month, category, from, limit: limit - found.length })
      for (const row of rows) found.push({ locator, category, ...row })
    }
    month = await nextMonth(tx, accountId, monthAfter(month))
  }
  return found
}

/** The first instant of a month, UTC, in text. */
export const startOf = (month: string) => `${month}-01T00:00:00.000Z`

/** The month that follows; both written `YYYY-MM`. */
export function monthAfter(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 7)
}

/** The first month with events that is not before `from`; null where there is none. */
async function nextMonth(tx: Tx, accountId: string, from: string | null): Promise<string | null> {
  const start = from === null ? '-infinity' : startOf(from)
  const [row] = await tx.$queryRaw<{ month: string | null }[]>`
    select to_char(least(
      (select min(occurred_at) from usage_event
        where account_id = ${accountId}::uuid and occurred_at >= ${start}::timestamptz),
      (select min(occurred_at) from usage_event_held
        where account_id = ${accountId}::uuid and occurred_at >= ${start}::timestamptz)
    ) at time zone 'UTC', 'YYYY-MM') as month`
  return row?.month ?? null
}

type Persons = {
  readonly accountId: string
  readonly month: string
  readonly category: UsageCategory
  readonly from: 'START' | { readonly subjectId: string | null }
  readonly limit: number
}

/** Persons with events of a month and category, nobody first, then in the order of their ids. */
function personsOf(tx: Tx, { accountId, month, category, from, limit }: Persons) {
  const last = from === 'START' ? null : from.subjectId
  const inMonth = Prisma.sql`account_id = ${accountId}::uuid and ${ofCategory(category)}
    and occurred_at >= ${startOf(month)}::timestamptz and occurred_at < ${startOf(monthAfter(month))}::timestamptz`
  const each = TABLES.flatMap((table) => [
    ...(from === 'START'
      ? [
          Prisma.sql`select null::uuid as subject_id, count(*) as rows from ${Prisma.raw(table)}
            where ${inMonth} and subject_id is null having count(*) > 0`,
        ]
      : []),
    Prisma.sql`(select subject_id, count(*) as rows from ${Prisma.raw(table)}
      where ${inMonth} and ${last === null ? Prisma.sql`subject_id is not null` : Prisma.sql`subject_id > ${last}::uuid`}
      group by subject_id order by subject_id limit ${limit})`,
  ])
  return tx.$queryRaw<{ subjectId: string | null; rows: number }[]>`
    select subject_id as "subjectId", sum(rows)::int as rows from (${Prisma.join(each, ' union all ')}) as found
    group by subject_id order by subject_id nulls first limit ${limit}`
}
