import type { Tx } from '../../db/database.ts'
import { sqlStateOf } from '../../db/postgres-errors.ts'
import type { DataCategory, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'

const NOT_NULL_VIOLATION = '23502'

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
  /**
   * When the period of a rule that counts from writing (trigger CREATED) starts; null: it is not counted from there.
   * What else starts a period is told by `triggerItems`, and closing the account by the account itself.
   */
  readonly retentionStartsAt: Date | null
}

/** Personal data was about to be written without purpose or legal basis. A mistake of the program: nothing is stored. */
export class ItemNotLawfulError extends Error {
  override readonly name = 'ItemNotLawfulError'
  constructor() {
    super('personal data is written only with a purpose and a legal basis')
  }
}

/** Personal data was about to be written whose category no retention rule lets be kept. Nothing is stored. */
export class NoRetentionRuleError extends Error {
  override readonly name = 'NoRetentionRuleError'
  constructor() {
    super('personal data is written only where a retention rule says how long it is kept')
  }
}

/**
 * The one door into the inventory. Whoever writes personal data calls it in the transaction of that write, so that there
 * is never one without the other. Each item has its timer from here on: the rule, and when it is due. A piece that is
 * covered by a hold is held. A piece that has a living item keeps it. One statement, whatever the number of items.
 * Effects: rows of `inventory_item`. @returns how many were new
 * @throws ItemNotLawfulError when an item has no purpose or no legal basis
 * @throws NoRetentionRuleError when no rule in effect lets the category be kept
 * @see GDPR Art. 5(1)(b), 5(1)(e), 5(2), 6(1), 30
 */
export async function record(tx: Tx, clock: Clock, items: readonly NewItem[]): Promise<number> {
  if (items.some(({ purposes, legalBasis }) => purposes.length === 0 || !legalBasis)) throw new ItemNotLawfulError()
  if (items.length === 0) return 0
  const column = <K extends keyof NewItem>(key: K) => items.map((item) => item[key])
  const instants = (key: 'collectedAt' | 'retentionStartsAt') => items.map((item) => item[key]?.toISOString() ?? null)
  const now = clock.now()
  try {
    // In the order of the key, so that two calls with the same items wait for each other and never in a circle.
    return await tx.$executeRaw`
      insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis,
        collected_at, retention_starts_at, state_changed_at, state, resumes_as, hold_confidential, retention_rule_id,
        planned_version, due_at, attempt_at)
      select i.account_id, i.id, i.subject_id, i.category, i.system, i.locator,
        string_to_array(i.purposes, ',')::purpose[], i.legal_basis, i.collected_at, i.retention_starts_at, ${now},
        (case h.held when 0 then 'LIVE' else 'HELD' end)::inventory_state,
        (case h.held when 0 then null else 'LIVE' end)::inventory_state, h.held = 2, p.rule_id,
        case when not p.forbidden then p.version end, p.due_at,
        case when h.held = 0 and p.action <> 'DROP_PARTITION' then p.due_at end
      from unnest(${column('accountId')}::uuid[], ${items.map(() => newId(clock))}::uuid[],
        ${column('subjectId')}::uuid[], ${column('category')}::data_category[], ${column('system')}::text[],
        ${column('locator')}::text[], ${items.map(({ purposes }) => purposes.join(','))}::text[],
        ${column('legalBasis')}::legal_basis[], ${instants('collectedAt')}::timestamptz[],
        ${instants('retentionStartsAt')}::timestamptz[])
        as i (account_id, id, subject_id, category, system, locator, purposes, legal_basis, collected_at,
          retention_starts_at)
      left join account a on a.id = i.account_id
      left join lateral app.retention_plan(i.category, i.retention_starts_at, null, null, a.closing_at, ${now}) as p
        on true
      cross join lateral (select app.hold_over(i.account_id, i.subject_id, i.category, null) as held) as h
      order by i.account_id, i.subject_id, i.system, i.locator, i.category
      on conflict do nothing`
  } catch (error) {
    // Without a plan the version is missing, and the table refuses.
    if (sqlStateOf(error) === NOT_NULL_VIOLATION) throw new NoRetentionRuleError()
    throw error
  }
}
