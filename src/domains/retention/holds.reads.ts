import type { Session } from '../../auth/session.ts'
import { type LiveKeyRow, liveKeySelect } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'
import { type InventoryItem, Prisma } from '../../generated/prisma/client.ts'
import { isVisiblyHeld, seesConfidentialHolds } from '../inventory/visible-state.rules.ts'
import { HOLD_KEY } from './hold.service.ts'

/** What is told of the holds on an item: since when the first of them, and when the next of them is reviewed. */
export type ItemHold = { readonly since: Date; readonly reviewOn: Date }

type Reads = { readonly tx: Tx }
type Place = Pick<InventoryItem, 'accountId' | 'id' | 'subjectId' | 'category'>

const items = new WeakMap<Reads, { places: Place[]; found: Promise<ReadonlyMap<string, ItemHold>> }>()
const keys = new WeakMap<Reads, Promise<readonly LiveKeyRow[]>>()

const nameOf = ({ accountId, id }: Pick<Place, 'accountId' | 'id'>) => `${accountId}/${id}`

/**
 * The holds in force on an item, as far as the caller may know of them; null where it is to know of none. Items that were
 * read together share one statement.
 */
export async function holdOfItem(
  reads: Reads,
  viewer: Session,
  item: Place & Pick<InventoryItem, 'state' | 'resumesAs' | 'holdConfidential'>,
): Promise<ItemHold | null> {
  if (!isVisiblyHeld(viewer, item)) return null
  let waiting = items.get(reads)
  if (!waiting) {
    const places: Place[] = []
    const found = Promise.resolve().then(() => {
      items.delete(reads)
      return readHolds(reads.tx, viewer, places)
    })
    waiting = { places, found }
    items.set(reads, waiting)
  }
  waiting.places.push(item)
  return (await waiting.found).get(nameOf(item)) ?? null
}

async function readHolds(tx: Tx, viewer: Session, places: readonly Place[]): Promise<ReadonlyMap<string, ItemHold>> {
  const told = seesConfidentialHolds(viewer) ? Prisma.empty : Prisma.sql`and not h.confidential`
  const column = <K extends keyof Place>(key: K) => places.map((place) => place[key])
  const rows = await tx.$queryRaw<(ItemHold & { accountId: string; id: string })[]>`
    select i.account_id as "accountId", i.id, min(h.placed_at) as since, min(h.review_on) as "reviewOn"
    from unnest(${column('accountId')}::uuid[], ${column('id')}::uuid[], ${column('subjectId')}::uuid[],
        ${column('category')}::data_category[]) as i (account_id, id, subject_id, category)
      join legal_hold h on h.account_id = i.account_id and h.released_at is null ${told}
        and (h.scope = 'ACCOUNT' or (h.scope = 'SUBJECT' and h.subject_id = i.subject_id)
          or (h.scope = 'CATEGORY' and h.subject_id = i.subject_id and h.category = i.category)
          or (h.scope = 'ITEM' and h.item_id = i.id))
    group by 1, 2`
  return new Map(rows.map((row) => [nameOf(row), { since: row.since, reviewOn: row.reviewOn }]))
}

/**
 * The living keys under which the texts of holds are sealed. Holds that were read together share one statement, which
 * runs after theirs.
 */
export function holdKeyRows(reads: Reads): Promise<readonly LiveKeyRow[]> {
  const joined = keys.get(reads)
  if (joined) return joined
  const rows = Promise.resolve().then(() => {
    keys.delete(reads)
    return reads.tx.dataKey.findMany({ where: HOLD_KEY, select: liveKeySelect })
  })
  keys.set(reads, rows)
  return rows
}
