import type { Tx } from '../db/database.ts'
import type { DataCategory, SystemKind } from '../generated/prisma/enums.ts'
import type { Deps } from './deps.ts'

/** Whose data. */
export type Person = { readonly accountId: string; readonly subjectId: string }

/** Where a piece of personal data lies: what one item of the inventory stands for. */
export type Located = {
  readonly locator: string
  readonly category: DataCategory
  /** Null: of nobody in particular. */
  readonly subjectId: string | null
  /** Rows found there. */
  readonly rows: number
}

/** The place of a located piece in the order of `locatePage`. */
export type LocatedKey = Omit<Located, 'rows'>

/**
 * What a system did about a person's data of a category. `remaining` is counted again after the effect, in the same
 * transaction: anything but 0 means that the data is still there.
 */
export type Outcome =
  | {
      readonly outcome: 'ERASED' | 'ANONYMISED' | 'SHREDDED' | 'CORRECTED'
      readonly rows: number
      readonly remaining: number
    }
  /** Kept, and why: a closed word, e.g. AUDIT_TRAIL. */
  | { readonly outcome: 'RETAINED'; readonly rows: number; readonly exception: string }
  | { readonly outcome: 'NOT_FOUND' }

/** One record of a person in clear, for an export. */
export type ExportedRecord = {
  readonly category: DataCategory
  readonly locator: string
  /** The kind of record, e.g. `subject`. */
  readonly record: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What a correction changes, in clear. Absent stays, null clears. */
export type PersonCorrection = {
  readonly name?: string | null
  readonly email?: string | null
  readonly reference?: string | null
  readonly country?: string | null
  readonly subdivision?: string | null
}

/**
 * A table of a system. DATA: it holds personal data. REFERENCES: it names persons by their ids, and tells nothing of
 * them to who cannot look the id up.
 */
export type ClaimedTable = { readonly name: string; readonly holds: 'DATA' | 'REFERENCES' }

/**
 * A place where personal data rests, and all that can be asked of it. Each domain that holds personal data has one for
 * its tables. Every method takes the open transaction, whose caller must have the account in reach, and is idempotent.
 */
export type PersonalDataSystem = {
  /** Unique and stable; `system` of its items. */
  readonly key: string
  readonly name: string
  readonly kind: SystemKind
  /** Categories of data that it holds; empty where it holds references alone. */
  readonly categories: readonly DataCategory[]
  /** Its tables with their schema, e.g. `public.subject`. No table belongs to two systems. */
  readonly tables: readonly ClaimedTable[]
  /** Where the person's data lies now. */
  locate(tx: Tx, person: Person): Promise<readonly Located[]>
  /**
   * What it holds of an account, `limit` pieces at most, in the order of locator, category (as text) and subject (null
   * first), each by its bytes, after the given one.
   */
  locatePage(tx: Tx, accountId: string, after: LocatedKey | null, limit: number): Promise<readonly Located[]>
  /** The person's records of a category in clear, as many at a time as fit into a page. */
  export(tx: Tx, deps: Deps, person: Person, category: DataCategory): AsyncIterable<ExportedRecord>
  correct(tx: Tx, deps: Deps, person: Person, change: PersonCorrection): Promise<Outcome>
  /** Takes away what links the data to the person, and leaves the rest. */
  anonymise(tx: Tx, deps: Deps, person: Person, category: DataCategory): Promise<Outcome>
  /** Deletes the data. */
  erase(tx: Tx, deps: Deps, person: Person, category: DataCategory): Promise<Outcome>
  /** Destroys the keys under which the data is sealed (NIST SP 800-88r2, cryptographic erase). */
  shred(tx: Tx, deps: Deps, person: Person, category: DataCategory): Promise<Outcome>
  /** How many rows name the person, data and references alike. */
  count(tx: Tx, person: Person): Promise<number>
}
