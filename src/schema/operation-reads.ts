import type { Session } from '../auth/session.ts'
import type { Database, OpenRead, Tx } from '../db/database.ts'

/** A record of a person (of nobody in particular, where `subjectId` is null) that a member of staff has been shown. */
export type PersonalRead = {
  readonly accountId: string
  readonly subjectId: string | null
  readonly recordType: string
  readonly recordId: string
}

/**
 * The read transaction of one GraphQL operation: a query opens it before it runs, a mutation after its commit. What
 * Staff sees of persons is noted here and written to the audit before the answer leaves.
 */
export class OperationReads {
  readonly #db: Database
  readonly #session: Session
  readonly #writeAudit: (tx: Tx, reads: readonly PersonalRead[]) => Promise<void>
  readonly #seen = new Map<string, PersonalRead>()
  #read: OpenRead | undefined

  constructor(db: Database, session: Session, writeAudit: (tx: Tx, reads: readonly PersonalRead[]) => Promise<void>) {
    this.#db = db
    this.#session = session
    this.#writeAudit = writeAudit
  }

  /** Opens the transaction, once. */
  async open(): Promise<void> {
    this.#read ??= await this.#db.openRead(this.#session)
  }

  /** The open transaction. @throws Error when nothing opened it: a field that reads before its operation may. */
  get tx(): Tx {
    if (!this.#read) throw new Error('a field read before the read of its operation was open')
    return this.#read.tx
  }

  /** Notes that a person's record was shown. Only reads of Staff are kept. */
  note(read: PersonalRead): void {
    if (this.#session.principal !== 'STAFF') return
    this.#seen.set(`${read.recordType}:${read.accountId}:${read.recordId}`, read)
  }

  /** Writes what Staff saw and ends the transaction. When this fails the answer must not leave. */
  async close(): Promise<void> {
    const read = this.#read
    if (!read) return
    this.#read = undefined
    try {
      if (this.#seen.size > 0) await this.#writeAudit(read.tx, [...this.#seen.values()])
    } finally {
      await read.close()
    }
  }
}
