import type { PGlite, Transaction as PGliteTransaction } from '@electric-sql/pglite'
import type {
  IsolationLevel,
  SqlDriverAdapter,
  SqlMigrationAwareDriverAdapterFactory,
  SqlQuery,
  SqlQueryable,
  SqlResultSet,
  Transaction,
} from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { toDriverError } from './postgres-errors.ts'

type Runner = Pick<PGlite, 'query'>

/**
 * Prisma's connection to an embedded database. Statements and values go through `pglite-prisma-adapter`; errors,
 * scripts and transactions are handled here, because that package does not await scripts and rollbacks, sets the
 * isolation level outside the transaction, and words errors differently from `@prisma/adapter-pg`.
 */
export class PgliteAdapterFactory implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres'
  readonly adapterName = 'pglite'
  readonly #pglite: PGlite
  readonly #openShadow: () => Promise<PGlite>

  /** @param openShadow opens the empty database on which the schema engine replays migrations; closed after use. */
  constructor(pglite: PGlite, openShadow: () => Promise<PGlite>) {
    this.#pglite = pglite
    this.#openShadow = openShadow
  }

  async connect(): Promise<SqlDriverAdapter> {
    return new PgliteAdapter(this.#pglite, await queryableOver(this.#pglite), async () => undefined)
  }

  connectToShadowDb(): Promise<SqlDriverAdapter> {
    return connectToShadow(this.#openShadow)
  }
}

/** Connects to a database made for this one use; it ends with the connection. */
export async function connectToShadow(open: () => Promise<PGlite>): Promise<SqlDriverAdapter> {
  const shadow = await open()
  return new PgliteAdapter(shadow, await queryableOver(shadow), () => shadow.close())
}

class PgliteAdapter implements SqlDriverAdapter {
  readonly provider = 'postgres'
  readonly adapterName = 'pglite'
  readonly #pglite: PGlite
  readonly #queryable: SqlQueryable
  readonly #end: () => Promise<void>

  constructor(pglite: PGlite, queryable: SqlQueryable, end: () => Promise<void>) {
    this.#pglite = pglite
    this.#queryable = queryable
    this.#end = end
  }

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    return this.#queryable.queryRaw(query)
  }

  executeRaw(query: SqlQuery): Promise<number> {
    return this.#queryable.executeRaw(query)
  }

  /** Runs a whole script as one simple query: what fails leaves nothing of the script behind. */
  async executeScript(script: string): Promise<void> {
    await this.#pglite.exec(script).catch(rethrow)
  }

  getConnectionInfo() {
    return { supportsRelationJoins: true }
  }

  startTransaction(isolationLevel?: IsolationLevel): Promise<Transaction> {
    return openTransaction(this.#pglite, isolationLevel)
  }

  dispose(): Promise<void> {
    return this.#end()
  }
}

const rolledBack = Symbol('rolled back')

/** Opens a transaction that lasts until `commit` or `rollback`, each of which resolves when the database has done it. */
function openTransaction(pglite: PGlite, isolationLevel: IsolationLevel | undefined): Promise<Transaction> {
  const opened = Promise.withResolvers<Transaction>()
  const ended = pglite.transaction(async (inner) => {
    if (isolationLevel) await inner.exec(`set transaction isolation level ${isolationLevel}`)
    const end = Promise.withResolvers<void>()
    opened.resolve(await transactionOver(inner, end, () => ended))
    await end.promise
  })
  ended.catch((error: unknown) => opened.reject(toDriverError(error)))
  return opened.promise
}

async function transactionOver(
  inner: PGliteTransaction,
  end: PromiseWithResolvers<void>,
  ended: () => Promise<void>,
): Promise<Transaction> {
  const queryable = await queryableOver(inner)
  return {
    provider: 'postgres',
    adapterName: 'pglite',
    options: { usePhantomQuery: true },
    queryRaw: (query) => queryable.queryRaw(query),
    executeRaw: (query) => queryable.executeRaw(query),
    commit: async () => {
      end.resolve()
      await ended().catch(rethrow)
    },
    rollback: async () => {
      end.reject(rolledBack)
      await ended().catch((error: unknown) => (error === rolledBack ? undefined : rethrow(error)))
    },
  }
}

/** Statements over a database or an open transaction, their errors as Prisma expects them. */
function queryableOver(runner: Runner): Promise<SqlQueryable> {
  const facade: Runner = {
    query: (sql, values, options) => runner.query<never>(sql, values, options).catch(rethrow),
  }
  return new PrismaPGlite(facade as PGlite).connect()
}

function rethrow(error: unknown): never {
  throw toDriverError(error)
}
