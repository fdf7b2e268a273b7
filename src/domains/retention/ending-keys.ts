import type { Tx } from '../../db/database.ts'
import { uuidArray } from '../../db/uuid-array.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import type { Deps } from '../deps.ts'
import type { PersonalDataSystem, Piece } from '../personal-data.ts'
import { EndingFault } from './ending-faults.ts'
import type { EndItem } from './ending-items.ts'

type Owner = { readonly subjectId: string | null; readonly category: DataCategory }

/** What becomes of keys when items end. */
export type KeyPlan = {
  /** Whose keys go: those of a person for a category. */
  readonly owners: readonly Owner[]
  /** Items with keys of their own, which go. */
  readonly itemIds: readonly string[]
  /** How many living keys go, by category. */
  readonly living: readonly (readonly [DataCategory, number])[]
  /** What stays although the key that seals it goes. */
  readonly kept: readonly (Piece & { readonly system: string })[]
}

type KeyRow = Owner & { readonly itemId: string | null; readonly kept: boolean }

/**
 * Which keys go with these items: those of the items themselves, and a person's key for a category of which nothing
 * living is left, whose data is to be shredded, or whose keys must go (`keysGo`). The account's own keys also seal what
 * no item stands for: only that of its own data goes, with its own item.
 */
export async function planKeys(
  tx: Tx,
  accountId: string,
  items: readonly EndItem[],
  keysGo: boolean,
): Promise<KeyPlan> {
  const owners = ownersOf(items)
  const ending = items.map(({ itemId }) => itemId)
  const rows = await livingKeys(tx, accountId, items)
  const shredded = new Set(items.filter(({ action }) => action === 'SHRED').map(ownerKey))
  const mustGo = (owner: Owner) => keysGo || shredded.has(ownerKey(owner))
  const going = rows.filter((row) => row.itemId !== null || !row.kept || mustGo(row))
  const shared = distinct(going.filter(({ itemId }) => itemId === null))
  const counts = new Map<DataCategory, number>()
  for (const { category } of going) counts.set(category, (counts.get(category) ?? 0) + 1)
  const withMore = new Set(rows.filter(({ kept }) => kept).map(ownerKey))
  const resealed = withMore.size === 0 ? [] : shared.filter((owner) => withMore.has(ownerKey(owner)))
  return {
    owners: keysGo ? owners : shared,
    itemIds: going.flatMap(({ itemId }) => itemId ?? []),
    living: [...counts],
    kept: resealed.length === 0 ? [] : await keptUnder(tx, accountId, resealed, ending),
  }
}

/** Seals what stays under keys of its own. @throws EndingFault where nobody can */
export async function resealKept(
  tx: Tx,
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  accountId: string,
  kept: KeyPlan['kept'],
): Promise<void> {
  for (const { system, ...piece } of kept) {
    const of = systems.find(({ key }) => key === system)
    if (!of) throw new EndingFault('ERASURE.NO_SUCH_SYSTEM')
    const owner = { accountId, subjectId: piece.subjectId, category: piece.category }
    await of.reseal(tx, deps, accountId, piece, await deps.keys.keyForItem(tx, owner, piece.itemId))
  }
}

/** Destroys the keys that go. Effects: rows of `keys.data_key`. */
export async function destroyKeys(tx: Tx, deps: Deps, accountId: string, plan: KeyPlan): Promise<void> {
  if (plan.owners.length > 0) await deps.keys.destroyAll(tx, accountId, plan.owners)
  if (plan.itemIds.length > 0) await deps.keys.destroyOfItems(tx, accountId, plan.itemIds)
}

const ownerKey = ({ subjectId, category }: Owner) => `${subjectId ?? '-'} ${category}`

function distinct(owners: readonly Owner[]): readonly Owner[] {
  const entries = owners.map(({ subjectId, category }) => [ownerKey({ subjectId, category }), { subjectId, category }])
  return [...new Map(entries as [string, Owner][]).values()]
}

const ownersOf = (items: readonly Owner[]) =>
  distinct(items.filter(({ subjectId, category }) => subjectId !== null || category === 'ACCOUNT'))

/**
 * The living keys of these owners and of the items; of the owners', whether more lives under them than ends: all that ends
 * lives, and is locked.
 */
async function livingKeys(tx: Tx, accountId: string, items: readonly EndItem[]): Promise<readonly KeyRow[]> {
  const owners = ownersOf(items)
  const persons = owners.flatMap(({ subjectId }) => subjectId ?? [])
  const categories = [...new Set(owners.map(({ category }) => category))]
  const own = owners.some(({ subjectId }) => subjectId === null)
  const living = (whose: Prisma.Sql) => Prisma.sql`
    (select count(*) from inventory_item i where i.account_id = ${accountId}::uuid and ${whose}
      and i.category = k.category and i.state in ('LIVE', 'HELD', 'RESTRICTED'))::int`
  const rows = await tx.$queryRaw<(Owner & { readonly itemId: string | null; readonly living: number })[]>`
    select k.subject_id as "subjectId", k.category, null::uuid as "itemId",
      ${living(Prisma.sql`i.subject_id = k.subject_id`)} as living
    from keys.data_key k
    where k.account_id = ${accountId}::uuid and k.subject_id = any(${uuidArray(persons)})
      and k.category = any(${categories}::data_category[]) and k.item_id is null and k.wrapped is not null
    union all
    select null::uuid, k.category, null::uuid, ${living(Prisma.sql`i.subject_id is null`)}
    from keys.data_key k
    where ${own} and k.account_id = ${accountId}::uuid and k.subject_id is null and k.category = 'ACCOUNT'
      and k.item_id is null and k.wrapped is not null
    union all
    select k.subject_id, k.category, k.item_id, 0 from keys.data_key k
    where k.account_id = ${accountId}::uuid and k.item_id = any(${uuidArray(items.map(({ itemId }) => itemId))})
      and k.wrapped is not null`
  const ending = new Map<string, number>()
  for (const item of items) ending.set(ownerKey(item), (ending.get(ownerKey(item)) ?? 0) + 1)
  return rows.flatMap(({ living: count, ...row }) => {
    const ends = ending.get(ownerKey(row))
    return row.itemId === null && ends === undefined
      ? []
      : [{ ...row, kept: row.itemId === null && count > (ends ?? 0) }]
  })
}

const ownersTable = (owners: readonly Owner[]) => Prisma.sql`
  unnest(${owners.map(({ subjectId }) => subjectId)}::uuid[], ${owners.map(({ category }) => category)}::data_category[])
    as o (subject_id, category)`

/** What lives under these persons' keys and does not end now, but for what has a key of its own already. */
function keptUnder(
  tx: Tx,
  accountId: string,
  owners: readonly Owner[],
  ending: readonly string[],
): Promise<KeyPlan['kept']> {
  return tx.$queryRaw<KeyPlan['kept'][number][]>`
    select i.id as "itemId", i.subject_id as "subjectId", i.category, i.locator, i.system
    from ${ownersTable(owners)}
    join inventory_item i on i.account_id = ${accountId}::uuid and i.subject_id is not distinct from o.subject_id
      and i.category = o.category
    where i.state in ('LIVE', 'HELD', 'RESTRICTED') and i.id <> all(${uuidArray(ending)}) and not exists (
      select from keys.data_key k
      where k.account_id = i.account_id and k.item_id = i.id and k.wrapped is not null)
    order by i.id for update of i`
}
