/** One erasure that a line announces: ids and closed words, never personal data. */
export type LedgerEffect = {
  readonly erasureId: string
  readonly accountId: string
  readonly system: string
  readonly category: string
  readonly action: string
  readonly itemIds: readonly string[]
  /** Set where the persons' keys of the category go, whatever is kept under them. */
  readonly keysGo?: true
}

/**
 * The copy of the ledger of erasures that lies outside the database, so that a restored one cannot bring back what was
 * erased. A line is added before the effect and one after it; nothing is ever changed or taken away.
 */
export interface ErasureLedger {
  /**
   * Announces what is about to be ended. Resolves when the line is on disk, and rejects when it is not: then nothing may
   * be ended.
   * @param lineId names what belongs together; `done` or `aborted` repeat it
   */
  intend(lineId: string, at: Date, effects: readonly LedgerEffect[]): Promise<void>
  /** Notes that what was announced is committed. On disk a moment later: nothing waits for it. */
  done(lineId: string, at: Date): Promise<void>
  /** Notes that what was announced was rolled back. */
  aborted(lineId: string, at: Date): Promise<void>
}
