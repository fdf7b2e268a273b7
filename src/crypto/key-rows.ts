import type { Tx } from '../db/database.ts'
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
  /** The owners, each with an id for its tombstone. */
  readonly tombstones: readonly {
    readonly id: string
    readonly subjectId: string | null
    readonly category: DataCategory
  }[]
  readonly epoch: string
  readonly at: Date
}

/**
 * Leaves a tombstone where an owner has no shared key, and destroys those that live. Rows are taken in the order of their
 * owners, so that two calls wait for each other and never in a circle. @returns how many living keys were destroyed
 */
export async function destroySharedKeys(tx: Tx, { accountId, tombstones, epoch, at }: Destruction): Promise<number> {
  const ids = tombstones.map(({ id }) => id)
  const subjects = tombstones.map(({ subjectId }) => subjectId)
  const categories = tombstones.map(({ category }) => category)
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
