import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory, ErasureCause } from '../../generated/prisma/enums.ts'
import { newId } from '../../time/id.ts'
import { lockAccount } from '../accounts/account-guards.ts'
import type { Deps } from '../deps.ts'
import type { EndAction, PersonalDataSystem } from '../personal-data.ts'
import { BATCH_ITEMS_MAX } from './ending.rules.ts'
import { type EndedPiece, endTaken, withLine } from './ending.service.ts'
import { notHeld } from './ending-claims.ts'
import type { TakenItem } from './ending-items.ts'

/** Whose data is ended: of a person, or of nobody in particular (null). */
export type Whose = { readonly accountId: string; readonly subjectId: string | null }

/** A person's data of a category. */
export type CategoryOf = Whose & { readonly category: DataCategory }

/** One piece of a person's data. */
export type ItemOf = Whose & { readonly itemId: string }

/** Why, and in which request; a request of the person, and an id of its own, by default. */
export type EndWhy = { readonly cause?: ErasureCause; readonly requestId?: string }

/** What came of an item. HELD: a hold covers it, so that it stays. NOT_FOUND: nothing was there (any more). */
export type ItemOutcome = {
  readonly itemId: string
  /** Null where no such item lives. */
  readonly place: { readonly system: string; readonly category: DataCategory; readonly locator: string } | null
  readonly outcome: 'ERASED' | 'ANONYMISED' | 'SHREDDED' | 'HELD' | 'NOT_FOUND'
  /** Rows that were changed or deleted. */
  readonly rows: number
  /** Rows that were there when it was counted again: none, but for what is held, which is not counted. */
  readonly remaining: number
}

/** Rows that name the person and stay, and why: a closed word. */
export type Retained = { readonly system: string; readonly rows: number; readonly exception: string }

/** What came of ending a person's data. */
export type PersonEnded = {
  readonly items: readonly ItemOutcome[]
  /** How many items were ended now; 0 when repeated. */
  readonly ended: number
  readonly keysDestroyed: number
  readonly retained: readonly Retained[]
}

/**
 * Ends one item, unless it is held. The person's key for its category goes where nothing else lives under it, or the
 * item is shredded; what else lives is sealed anew first.
 * @throws as `endInTransaction`
 */
export function endItem(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  of: ItemOf,
  action: EndAction,
  why: EndWhy = {},
): Promise<PersonEnded> {
  return endAll({ deps, systems, of, action, why, keysGo: false })
}

/**
 * Ends all of a person's data of a category but what is held, and destroys the person's key for it; what is held is
 * sealed under keys of its own first. A repeat ends nothing and says so. Transactions of 500 items at most: what was
 * ended before a failure stays ended, and a repeat goes on.
 * @throws as `endInTransaction` @see GDPR Art. 17; CCPA § 1798.105
 */
export function endCategory(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  of: CategoryOf,
  action: EndAction,
  why: EndWhy = {},
): Promise<PersonEnded> {
  return endAll({ deps, systems, of, action, why, keysGo: true })
}

/** The same for all of a person's data. Rows that name the person and stay are counted, with the reason. */
export async function endSubject(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  of: Whose & { readonly subjectId: string },
  action: EndAction,
  why: EndWhy = {},
): Promise<PersonEnded> {
  const ended = await endAll({ deps, systems, of, action, why, keysGo: true })
  const retained = await deps.db.worker((tx) => countRetained(tx, systems, of), of.accountId)
  return { ...ended, retained }
}

type Scope = Whose & { readonly category?: DataCategory; readonly itemId?: string }

type Ending = {
  readonly deps: Deps
  readonly systems: readonly PersonalDataSystem[]
  readonly of: Scope
  readonly action: EndAction
  readonly why: EndWhy
  /** Whether the keys of the categories go, whatever is kept. */
  readonly keysGo: boolean
}

type Found = Omit<TakenItem, 'action'> & { readonly held: boolean }

async function endAll(ending: Ending): Promise<PersonEnded> {
  const { of } = ending
  const items: ItemOutcome[] = []
  let [ended, keysDestroyed] = [0, 0]
  for (let last = false; !last; ) {
    const batch = await endBatch(ending)
    items.push(...batch.items)
    ended += batch.ended
    keysDestroyed += batch.keysDestroyed
    last = batch.last
  }
  if (items.length === 0 && of.itemId !== undefined)
    items.push({ itemId: of.itemId, place: null, outcome: 'NOT_FOUND', rows: 0, remaining: 0 })
  return { items, ended, keysDestroyed, retained: [] }
}

/** Ends up to 500 of the items that live and are not held. The last batch names the held ones and takes the keys. */
async function endBatch({ deps, systems, of, action, why, keysGo }: Ending) {
  return withLine(deps, of.accountId, async (tx, line) => {
    await lockAccount(tx, of.accountId)
    deps.failpoint('locked')
    const free = await findItems(tx, of, false)
    const last = free.length <= BATCH_ITEMS_MAX
    const held = last ? await findItems(tx, of, true) : []
    deps.failpoint('claimed')
    const taken = free.slice(0, BATCH_ITEMS_MAX).map(({ held: _, ...item }) => ({ ...item, action }))
    const request = {
      ...{ accountId: of.accountId, lineId: line.id, items: taken },
      ...{ cause: why.cause ?? 'REQUEST', requestId: why.requestId ?? newId(deps.clock) },
    }
    const onAnnounced = () => {
      line.announced = true
    }
    const options = { itemByItem: true, keysGo: keysGo && last, onAnnounced }
    const { pieces, items: ended, keysDestroyed } = await endTaken(tx, deps, systems, request, options)
    const outcomes = [...outcomesOf(taken, pieces, action), ...held.map((item) => notEnded(item))]
    return { items: outcomes, ended, keysDestroyed, last }
  })
}

/** Living items, locked: those that a hold covers, or one batch and one more of the others. */
function findItems(tx: Tx, of: Scope, held: boolean): Promise<readonly Found[]> {
  const { accountId, subjectId, category, itemId } = of
  const covered = held ? Prisma.sql`not ${notHeld(accountId)}` : notHeld(accountId)
  return tx.$queryRaw<Found[]>`
    select i.id as "itemId", i.subject_id as "subjectId", i.category, i.system, i.locator, i.due_at as "dueAt",
      ${held} as held
    from inventory_item i
    where i.account_id = ${accountId}::uuid
      and ${subjectId === null ? Prisma.sql`i.subject_id is null` : Prisma.sql`i.subject_id = ${subjectId}::uuid`}
      and ${category === undefined ? Prisma.sql`true` : Prisma.sql`i.category = ${category}::data_category`}
      and ${itemId === undefined ? Prisma.sql`true` : Prisma.sql`i.id = ${itemId}::uuid`}
      and i.state in ('LIVE', 'HELD', 'RESTRICTED') and ${covered}
    order by i.id limit ${held ? null : BATCH_ITEMS_MAX + 1}::int for update`
}

const OUTCOMES = { DELETE: 'ERASED', ANONYMISE: 'ANONYMISED', SHRED: 'SHREDDED' } as const

const placeOf = ({ system, category, locator }: Pick<TakenItem, 'system' | 'category' | 'locator'>) => ({
  ...{ system, category, locator },
})

const notEnded = (item: Found): ItemOutcome => ({
  ...{ itemId: item.itemId, place: placeOf(item), outcome: 'HELD', rows: 0, remaining: 0 },
})

function outcomesOf(
  taken: readonly TakenItem[],
  pieces: readonly EndedPiece[],
  action: EndAction,
): readonly ItemOutcome[] {
  const counted = new Map(pieces.map((piece) => [piece.itemId, piece]))
  return taken.map((item) => {
    const { rows = 0, remaining = 0 } = counted.get(item.itemId) ?? {}
    const outcome = rows === 0 ? 'NOT_FOUND' : OUTCOMES[action]
    return { itemId: item.itemId, place: placeOf(item), outcome, rows, remaining }
  })
}

async function countRetained(
  tx: Tx,
  systems: readonly PersonalDataSystem[],
  person: { readonly accountId: string; readonly subjectId: string },
): Promise<readonly Retained[]> {
  const retained: Retained[] = []
  for (const system of systems) {
    if (system.exception === null) continue
    const rows = await system.count(tx, person)
    if (rows > 0) retained.push({ system: system.key, rows, exception: system.exception })
  }
  return retained
}
