import type { Tx } from '../../db/database.ts'
import type { DataCategory, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'

/** A piece of personal data that is being written: of whom, where, what for and on what basis. */
export type NewItem = {
  readonly accountId: string
  /** Null: of nobody in particular. */
  readonly subjectId: string | null
  readonly category: DataCategory
  /** Key of the system. */
  readonly system: string
  /** Where in the system; no personal data. */
  readonly locator: string
  /** What it may be used for; at least one. */
  readonly purposes: readonly Purpose[]
  readonly legalBasis: LegalBasis
  readonly collectedAt: Date
  /** When the period of its retention rule starts; null: what starts it has not happened. */
  readonly retentionStartsAt: Date | null
}

/** Personal data was about to be written without purpose or legal basis. A mistake of the program: nothing is stored. */
export class ItemNotLawfulError extends Error {
  override readonly name = 'ItemNotLawfulError'
  constructor() {
    super('personal data is written only with a purpose and a legal basis')
  }
}

/**
 * The one door into the inventory. Whoever writes personal data calls it in the transaction of that write, so that there
 * is never one without the other. A piece that has a living item keeps it. One statement, whatever the number of items.
 * Effects: rows of `inventory_item`. @returns how many were new
 * @throws ItemNotLawfulError when an item has no purpose or no legal basis
 * @see GDPR Art. 5(1)(b), 5(2), 6(1), 30
 */
export async function record(tx: Tx, clock: Clock, items: readonly NewItem[]): Promise<number> {
  if (items.some(({ purposes, legalBasis }) => purposes.length === 0 || !legalBasis)) throw new ItemNotLawfulError()
  if (items.length === 0) return 0
  const column = <K extends keyof NewItem>(key: K) => items.map((item) => item[key])
  const instants = (key: 'collectedAt' | 'retentionStartsAt') => items.map((item) => item[key]?.toISOString() ?? null)
  // In the order of the key, so that two calls with the same items wait for each other and never in a circle.
  return tx.$executeRaw`
    insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis,
      collected_at, retention_starts_at, state, state_changed_at)
    select i.account_id, i.id, i.subject_id, i.category, i.system, i.locator,
      string_to_array(i.purposes, ',')::purpose[], i.legal_basis, i.collected_at, i.retention_starts_at, 'LIVE',
      ${clock.now()}
    from unnest(${column('accountId')}::uuid[], ${items.map(() => newId(clock))}::uuid[],
      ${column('subjectId')}::uuid[], ${column('category')}::data_category[], ${column('system')}::text[],
      ${column('locator')}::text[], ${items.map(({ purposes }) => purposes.join(','))}::text[],
      ${column('legalBasis')}::legal_basis[], ${instants('collectedAt')}::timestamptz[],
      ${instants('retentionStartsAt')}::timestamptz[])
      as i (account_id, id, subject_id, category, system, locator, purposes, legal_basis, collected_at,
        retention_starts_at)
    order by i.account_id, i.subject_id, i.system, i.locator, i.category
    on conflict do nothing`
}

/** Which items ended: of a person (or of nobody, null) in a system, and further down where that is said. */
export type EndedItems = {
  readonly accountId: string
  readonly subjectId: string | null
  readonly system: string
  readonly locator?: string
  readonly category?: DataCategory
}

/**
 * Notes that data is gone, in the transaction that deleted it or unlinked it from its person. The items stay, ended;
 * data that is written there later gets new ones.
 * Effects: state of rows of `inventory_item`. @returns how many ended now; 0 when repeated
 */
export async function endItems(
  tx: Tx,
  clock: Clock,
  ended: EndedItems,
  state: 'ERASED' | 'ANONYMISED',
): Promise<number> {
  const { count } = await tx.inventoryItem.updateMany({
    where: { ...ended, state: { in: ['LIVE', 'HELD', 'RESTRICTED'] } },
    data: { state, stateChangedAt: clock.now() },
  })
  return count
}
