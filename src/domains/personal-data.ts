import type { FieldKey } from '../crypto/keyring.ts'
import type { Tx } from '../db/database.ts'
import type { DataCategory, RetentionAction, SystemKind } from '../generated/prisma/enums.ts'
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

/** What one item stands for, of the account that the transaction names. */
export type Piece = {
  readonly itemId: string
  /** Null: of nobody in particular. */
  readonly subjectId: string | null
  readonly category: DataCategory
  readonly locator: string
}

/**
 * How data is ended. DELETE: it is gone. ANONYMISE: what links it to the person is gone, and the rest stays. SHRED: gone
 * like DELETE, and the caller destroys the key under which it was sealed (NIST SP 800-88r2, cryptographic erase).
 */
export type EndAction = Extract<RetentionAction, 'DELETE' | 'ANONYMISE' | 'SHRED'>

/**
 * What came of ending. `remaining` is counted again after the effect, in the same transaction: anything but 0 means that
 * the data is still there. `rows` is 0 where a repeat finds nothing to do.
 */
export type Counted = { readonly rows: number; readonly remaining: number }

/** A system was asked to end what it does not hold: a mistake of the caller. Nothing is changed. */
export class NoSuchPlaceError extends Error {
  override readonly name = 'NoSuchPlaceError'
  readonly code = 'ERASURE.NO_SUCH_PLACE'
  constructor(system: string) {
    super(`the system ${system} holds nothing at such a place`)
  }
}

/** What came of a correction; `remaining` counts what reads back otherwise. */
export type Outcome =
  | { readonly outcome: 'CORRECTED'; readonly rows: number; readonly remaining: number }
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
  /**
   * Ends what lies at these places of the account. Set-based: the number of statements does not grow with the pieces.
   * Does not ask about holds, ends no items, destroys no keys and takes no lock: the caller does. Idempotent.
   * Effects: rows of its tables; copies of the persons' data that jobs hold; may record new items (data of nobody that
   * anonymising leaves).
   * @throws NoSuchPlaceError when a piece is at a place that the system does not have
   */
  end(tx: Tx, deps: Deps, accountId: string, action: EndAction, pieces: readonly Piece[]): Promise<Counted>
  /**
   * Seals anew, under `key`, what lies at the place, so that it outlives the person's key for the category. What is not
   * sealed, or can no longer be opened, stays as it is. @returns rows
   */
  reseal(tx: Tx, deps: Deps, accountId: string, piece: Piece, key: FieldKey): Promise<number>
  /** Why rows that name a person stay when it is erased: a closed word, e.g. AUDIT_TRAIL; null where nothing stays. */
  readonly exception: string | null
  /** How many rows name the person, data and references alike. */
  count(tx: Tx, person: Person): Promise<number>
}
