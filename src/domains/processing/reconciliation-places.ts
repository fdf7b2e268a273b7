import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { LocatedKey, PersonalDataSystem } from '../personal-data.ts'
import type { ItemPlace, Merged } from './reconciliation-merge.ts'

/** What one step compares: a system of an account. */
export type Stage = { readonly accountId: string; readonly system: string }

const NOBODY = '00000000-0000-0000-0000-000000000000'
const LIVING = Prisma.sql`i.state in ('LIVE', 'HELD', 'RESTRICTED')`
/** As in the index `inventory_item_place`. */
const PLACE = Prisma.sql`i.locator collate "C", app.category_word(i.category) collate "C",
  coalesce(i.subject_id, '00000000-0000-0000-0000-000000000000')`
const COLUMNS = Prisma.sql`i.id, i.locator, i.category::text as category, i.subject_id as "subjectId"`

/** Living items of a system of an account in the order of `locatePage`, after a place. */
export function itemPage(tx: Tx, { accountId, system }: Stage, after: LocatedKey | null, limit: number) {
  const beyond = after
    ? Prisma.sql`and (${PLACE}) > (${after.locator}, ${after.category}, ${after.subjectId ?? NOBODY}::uuid)`
    : Prisma.empty
  return tx.$queryRaw<ItemPlace[]>`
    select ${COLUMNS} from inventory_item i
    where i.account_id = ${accountId}::uuid and i.system collate "C" = ${system} and ${LIVING} ${beyond}
    order by ${PLACE} limit ${limit}`
}

/**
 * Takes back what was written between the reading of the two pages: data whose item came after the page of items, and
 * items that ended before the data was looked for.
 */
export async function recheck(tx: Tx, { accountId, system }: Stage, merged: Merged): Promise<Merged> {
  const places: readonly LocatedKey[] = [...merged.missing, ...merged.orphaned]
  if (places.length === 0) return merged
  const now = await tx.$queryRaw<ItemPlace[]>`
    select ${COLUMNS} from unnest(${places.map(({ locator }) => locator)}::text[],
      ${places.map(({ category }) => category)}::text[],
      ${places.map(({ subjectId }) => subjectId ?? NOBODY)}::uuid[]) as p (locator, category, subject_id)
    join inventory_item i on i.account_id = ${accountId}::uuid and i.system collate "C" = ${system} and ${LIVING}
      and (${PLACE}) = (p.locator, p.category, p.subject_id)`
  const living = new Set(now.map(({ id }) => id))
  const nameOf = ({ locator, category, subjectId }: LocatedKey) => `${locator} ${category} ${subjectId}`
  const held = new Set(now.map(nameOf))
  return {
    ...merged,
    missing: merged.missing.filter((place) => !held.has(nameOf(place))),
    orphaned: merged.orphaned.filter(({ id }) => living.has(id)),
  }
}

/**
 * What comes after a stage; after null the first. Accounts in the order of their ids, or the one that is named alone; in
 * each the systems that hold personal data and those that have items, in the order of their keys.
 */
export async function nextStage(
  tx: Tx,
  systems: readonly PersonalDataSystem[],
  comparedId: string | null,
  after: Stage | null,
): Promise<Stage | null> {
  let stage: Stage | null = after
  for (;;) {
    const accountId = stage?.accountId ?? comparedId ?? (await nextAccount(tx, null))
    if (accountId === null) return null
    const system = await nextSystem(tx, systems, accountId, stage?.system ?? '')
    if (system !== null) return { accountId, system }
    const next = comparedId === null ? await nextAccount(tx, accountId) : null
    if (next === null) return null
    stage = { accountId: next, system: '' }
  }
}

async function nextAccount(tx: Tx, after: string | null): Promise<string | null> {
  const row = await tx.account.findFirst({
    where: after === null ? {} : { id: { gt: after } },
    orderBy: { id: 'asc' },
    select: { id: true },
  })
  return row?.id ?? null
}

async function nextSystem(tx: Tx, systems: readonly PersonalDataSystem[], accountId: string, after: string) {
  const [row] = await tx.$queryRaw<{ system: string }[]>`
    select i.system from inventory_item i
    where i.account_id = ${accountId}::uuid and ${LIVING} and i.system collate "C" > ${after}
    order by i.system collate "C" limit 1`
  const holding = systems.filter(({ tables, key }) => key > after && tables.some(({ holds }) => holds === 'DATA'))
  return [...holding.map(({ key }) => key), ...(row ? [row.system] : [])].toSorted()[0] ?? null
}
