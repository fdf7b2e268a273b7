import { PGlite, type Transaction } from '@electric-sql/pglite'
import pg from 'pg'
import { vi } from 'vitest'

/** Watches the statements that reach the database, on either backend, below Prisma. */
export type Statements = {
  /** Statements since the last `reset`, in order, without those that begin, end and sign in. */
  readonly seen: readonly string[]
  /** How many transactions that had written were committed since the last `reset`. */
  readonly committedWrites: number
  /** Forgets what was seen. With `failAt`, the statement of that number (from 1) throws instead of running. */
  reset(failAt?: number): void
  stop(): void
}

/** What the failing statement throws. */
export const FAULT = 'the database failed, as the test asked it to'

const BOUNDARY = /^\s*(begin|commit|rollback|set transaction|deallocate)\b/i
/** How the embedded database takes the role of a login that has a connection of its own elsewhere. */
const LOGIN = /^\s*select set_config\(\$1, ?\$2, ?true\)\s*$/i
const WRITE = /^\s*(insert|update|delete|with added)\b/i

/** Begins to watch every connection of the process. */
export function watchStatements(): Statements {
  const seen: string[] = []
  let committedWrites = 0
  let writing = false
  let failing: number | undefined
  const begin = () => {
    writing = false
  }
  const commit = () => {
    if (writing) committedWrites += 1
    writing = false
  }
  const note = (sql: string) => {
    if (BOUNDARY.test(sql) || LOGIN.test(sql)) return
    seen.push(sql)
    if (failing === seen.length) throw new Error(FAULT)
    if (WRITE.test(sql)) writing = true
  }
  const spies = [watchPostgres({ begin, commit, note }), watchPglite({ begin, commit, note })]
  return {
    seen,
    get committedWrites() {
      return committedWrites
    },
    reset(failAt) {
      seen.length = 0
      committedWrites = 0
      failing = failAt
    },
    stop: () => {
      for (const spy of spies) spy.mockRestore()
    },
  }
}

type Watcher = { begin(): void; commit(): void; note(sql: string): void }

function watchPostgres({ begin, commit, note }: Watcher) {
  const query = pg.Client.prototype.query as (this: pg.Client, ...args: unknown[]) => unknown
  const watched = function (this: pg.Client, ...args: unknown[]): unknown {
    const [first] = args
    const sql = typeof first === 'string' ? first : String((first as { text?: string }).text)
    if (/^\s*begin\b/i.test(sql)) begin()
    else if (/^\s*commit\b/i.test(sql)) commit()
    try {
      note(sql)
    } catch (error) {
      return Promise.reject(error)
    }
    return query.apply(this, args)
  }
  return vi.spyOn(pg.Client.prototype, 'query').mockImplementation(watched as never)
}

function watchPglite({ begin, commit, note }: Watcher) {
  const base = Object.getPrototypeOf(PGlite.prototype) as PGlite
  const transaction = base.transaction as (this: PGlite, fn: (tx: Transaction) => Promise<unknown>) => Promise<unknown>
  const watched = function (this: PGlite, fn: (tx: Transaction) => Promise<unknown>): Promise<unknown> {
    return transaction
      .call(this, (tx) => {
        begin()
        return fn(watchedTransaction(tx, note))
      })
      .then((result) => {
        commit()
        return result
      })
  }
  return vi.spyOn(base, 'transaction').mockImplementation(watched as never)
}

function watchedTransaction(tx: Transaction, note: (sql: string) => void): Transaction {
  return new Proxy(tx, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name, target)
      return async (sql: string, ...rest: [unknown[]?, object?]) => {
        note(sql)
        return target.query(sql, ...rest)
      }
    },
  })
}
