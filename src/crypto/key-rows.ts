import type { Tx } from '../db/database.ts'
import { uuidArray } from '../db/uuid-array.ts'
import type { DataCategory } from '../generated/prisma/enums.ts'
import { KeyDestroyedError } from './errors.ts'

/** Whose key, as it stands in the row. */
type Owner = { readonly accountId: string; readonly subjectId: string | null; readonly category: DataCategory }

/** What unwrapping a key needs. */
export type KeyRow = { readonly version: number; readonly epoch: string; readonly wrapped: Uint8Array | null }

/** The shared key's first version. No key of an item takes it, so that it is free for a tombstone. */
const FIRST_VERSION = 1

/** The key that an item has of its own, living or destroyed. @throws KeyDestroyedError when it is another owner's */
export async function itemKeyRow(tx: Tx, owner: Owner, itemId: string): Promise<KeyRow | null> {
  const row = await tx.dataKey.findFirst({
    where: { accountId: owner.accountId, itemId },
    select: { subjectId: true, category: true, version: true, epoch: true, wrapped: true },
  })
  if (row && (row.subjectId !== owner.subjectId || row.category !== owner.category)) throw new KeyDestroyedError()
  return row
}

/** The version after all that the owner's keys have, whether they live or not; 2 or more. */
export async function nextVersion(tx: Tx, { accountId, subjectId, category }: Owner): Promise<number> {
  const last = await tx.dataKey.aggregate({ where: { accountId, subjectId, category }, _max: { version: true } })
  return Math.max(last._max.version ?? 0, FIRST_VERSION) + 1
}

/** What destroying the shared keys of owners writes. */
export type Destruction = {
  readonly accountId: string
  readonly owners: readonly { readonly subjectId: string | null; readonly category: DataCategory }[]
  /** Ids of tombstones. */
  readonly nextId: () => string
  readonly epoch: string
  readonly at: Date
}

/**
 * Destroys the living shared keys of owners, and leaves a tombstone where an owner has none. Three statements at most.
 * @returns how many living keys were destroyed
 */
export async function destroySharedKeys(tx: Tx, destruction: Destruction): Promise<number> {
  const { owners } = destruction
  const persons = owners.filter(({ subjectId }) => subjectId !== null)
  const { destroyed, left } = await destroyOfPersons(tx, { ...destruction, owners: persons })
  const others = [...owners.filter(({ subjectId }) => subjectId === null), ...left]
  if (others.length === 0) return destroyed
  return destroyed + (await barAndDestroy(tx, { ...destruction, owners: others }))
}

/** Destroys the living shared keys of persons. One statement. @returns how many, and who of them had none */
async function destroyOfPersons(
  tx: Tx,
  { accountId, owners, at }: Destruction,
): Promise<{ readonly destroyed: number; readonly left: Destruction['owners'] }> {
  if (owners.length === 0) return { destroyed: 0, left: [] }
  const subjects = owners.flatMap(({ subjectId }) => subjectId ?? [])
  const categories = `{${owners.map(({ category }) => category).join(',')}}`
  const [row] = await tx.$queryRaw<{ destroyed: number; left: readonly number[] }[]>`
    with owner as (
      select * from unnest(${uuidArray(subjects)}, ${categories}::data_category[])
        with ordinality as o (subject_id, category, n)),
    gone as (
      update keys.data_key as k set wrapped = null, destroyed_at = ${at} from owner as o
      where k.account_id = ${accountId}::uuid and k.subject_id = o.subject_id and k.category = o.category
        and k.item_id is null and k.wrapped is not null
      returning o.n)
    select (select count(*) from gone)::int as destroyed,
      array(select n::int from owner except select n::int from gone) as left`
  if (!row) throw new Error('a statement that counts gave no row')
  return { destroyed: row.destroyed, left: row.left.flatMap((n) => owners[n - 1] ?? []) }
}

/**
 * First leaves a tombstone where an owner has no shared key, then destroys those that live, among them what was written
 * meanwhile: the tombstone waits for it. Rows are taken in the order of their owners, so that two calls wait for each
 * other and never in a circle.
 */
async function barAndDestroy(tx: Tx, { accountId, owners, nextId, epoch, at }: Destruction): Promise<number> {
  const ids = owners.map(nextId)
  const subjects = owners.map(({ subjectId }) => subjectId)
  const categories = owners.map(({ category }) => category)
  await tx.$executeRaw`
    insert into keys.data_key (account_id, id, subject_id, category, version, epoch, wrapped, created_at, destroyed_at)
    select ${accountId}::uuid, o.id, o.subject_id, o.category, ${FIRST_VERSION}, ${epoch}, null, ${at}, ${at}
    from unnest(${ids}::uuid[], ${subjects}::uuid[], ${categories}::data_category[]) as o (id, subject_id, category)
    order by o.subject_id, o.category on conflict do nothing`
  return tx.$executeRaw`
    with owner as (
      select * from unnest(${subjects}::uuid[], ${categories}::data_category[]) as o (subject_id, category))
    update keys.data_key set wrapped = null, destroyed_at = ${at}
    where account_id = ${accountId}::uuid and id in (
      select k.id from owner as o join keys.data_key as k
        on k.account_id = ${accountId}::uuid and k.subject_id = o.subject_id and k.category = o.category
      where k.item_id is null and k.wrapped is not null
      union all
      select k.id from owner as o join keys.data_key as k
        on k.account_id = ${accountId}::uuid and k.subject_id is null and k.category = o.category
      where o.subject_id is null and k.item_id is null and k.wrapped is not null)`
}

/** Destroys the living keys that items have of their own. @returns how many */
export function destroyItemKeys(tx: Tx, accountId: string, itemIds: readonly string[], at: Date): Promise<number> {
  return tx.$executeRaw`
    update keys.data_key set wrapped = null, destroyed_at = ${at}
    where account_id = ${accountId}::uuid and item_id = any(${[...itemIds]}::uuid[]) and wrapped is not null`
}
