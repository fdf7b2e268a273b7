import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import { lockAccount } from '../accounts/account-guards.ts'
import type { Deps } from '../deps.ts'
import * as inventory from '../inventory/inventory.service.ts'
import type { Outcome, Person, PersonalDataSystem } from '../personal-data.ts'
import { noRecords, outcomeOf } from '../reference-system.ts'
import { isUsageCategory, itemOfMonth, USAGE, type UsageCategory, type UsageMonthOf } from './usage-items.ts'
import { locatePage, locatePerson, ofCategory, TABLES } from './usage-places.ts'
import { exportUsage } from './usage-records.ts'

/**
 * Usage events, and those that a hold kept after their month. Nothing of them is sealed under a person's key, so that
 * shredding is deleting; they are a log, in which nothing is corrected.
 */
export const usageSystem: PersonalDataSystem = {
  key: USAGE,
  name: 'Usage events',
  kind: 'DATABASE',
  categories: ['USAGE', 'SECURITY'],
  tables: [
    { name: 'public.usage_event', holds: 'DATA' },
    { name: 'public.usage_event_held', holds: 'DATA' },
  ],
  locate: locatePerson,
  locatePage,
  export: (tx, _deps, person, category) =>
    isUsageCategory(category) ? exportUsage(tx, person, category) : noRecords(),
  correct: async () => ({ outcome: 'NOT_FOUND' }),
  anonymise,
  erase,
  shred: erase,
  count: async (tx, { accountId, subjectId }) => {
    const where = { accountId, subjectId }
    return (await tx.usageEvent.count({ where })) + (await tx.usageEventHeld.count({ where }))
  },
}

/** The person's events of a category. */
const ofPerson = ({ accountId, subjectId }: Person, category: UsageCategory) =>
  Prisma.sql`account_id = ${accountId}::uuid and subject_id = ${subjectId}::uuid and ${ofCategory(category)}`

async function erase(tx: Tx, deps: Deps, person: Person, category: DataCategory): Promise<Outcome> {
  if (!isUsageCategory(category)) return { outcome: 'NOT_FOUND' }
  await lockAccount(tx, person.accountId)
  let rows = 0
  for (const table of TABLES)
    rows += await tx.$executeRaw`delete from ${Prisma.raw(table)} where ${ofPerson(person, category)}`
  await inventory.endItems(tx, deps.clock, { ...person, system: USAGE, category }, 'ERASED')
  return outcomeOf('ERASED', rows, await countOf(tx, person, category))
}

/** The events stay and are nobody's: person and network are taken away. Their months get items of nobody. */
async function anonymise(tx: Tx, deps: Deps, person: Person, category: DataCategory): Promise<Outcome> {
  if (!isUsageCategory(category)) return { outcome: 'NOT_FOUND' }
  const { accountId } = person
  await lockAccount(tx, accountId)
  let rows = 0
  for (const table of TABLES) {
    const months = await tx.$queryRaw<(UsageMonthOf & { readonly rows: number })[]>`
      with changed as (
        update ${Prisma.raw(table)} set subject_id = null, address_prefix = null
        where ${ofPerson(person, category)} returning occurred_at)
      select null as "subjectId", to_char(occurred_at at time zone 'UTC', 'YYYY-MM') as month, ${category} as category,
        min(occurred_at) as "firstAt", count(*)::int as rows
      from changed group by 2`
    for (const month of months) rows += month.rows
    const items = months.map((month) => itemOfMonth(accountId, month))
    await inventory.record(tx, deps.clock, items)
  }
  await inventory.endItems(tx, deps.clock, { ...person, system: USAGE, category }, 'ANONYMISED')
  return outcomeOf('ANONYMISED', rows, await countOf(tx, person, category))
}

async function countOf(tx: Tx, person: Person, category: UsageCategory): Promise<number> {
  let count = 0
  for (const table of TABLES) {
    const [row] = await tx.$queryRaw<{ count: number }[]>`
      select count(*)::int as count from ${Prisma.raw(table)} where ${ofPerson(person, category)}`
    count += row?.count ?? 0
  }
  return count
}
