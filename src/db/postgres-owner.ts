import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import type { MigrationTarget } from './migrations.ts'
import { openShadow } from './pglite.ts'
import { connectToShadow } from './pglite-adapter.ts'
import { connectionConfig } from './postgres.ts'
import { toDriverError } from './postgres-errors.ts'

/** The lock that migrations hold; its number means nothing beyond being ours. */
const MIGRATION_LOCK = 7_310_574_102_233n

/** A connection of the owner of the tables, for roles, migrations and restores. */
export type PostgresOwner = { readonly client: pg.Client; readonly target: MigrationTarget; close(): Promise<void> }

/** Connects as the owner. */
export async function openOwner(ownerUrl: string): Promise<PostgresOwner> {
  const client = new pg.Client(connectionConfig(ownerUrl))
  client.on('error', () => undefined)
  await client.connect()
  return {
    client,
    target: { factory: new OwnerAdapterFactory(ownerUrl), exclusively: (fn) => whileLocked(client, fn) },
    close: () => client.end(),
  }
}

/** Holds the advisory lock on a connection that the migrations themselves do not use. */
async function whileLocked<T>(client: pg.Client, fn: () => Promise<T>): Promise<T> {
  await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
  try {
    return await fn()
  } finally {
    await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK])
  }
}

/**
 * `@prisma/adapter-pg` for the schema engine: a script runs whole (that package cuts it at every semicolon, also
 * inside functions), and the shadow database is an embedded one, so that the owner need not be able to make databases.
 */
class OwnerAdapterFactory implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres'
  readonly adapterName = '@prisma/adapter-pg'
  readonly #ownerUrl: string

  constructor(ownerUrl: string) {
    this.#ownerUrl = ownerUrl
  }

  /** One connection, which ends with the adapter: the engine leaves a session's advisory lock behind. */
  async connect(): Promise<SqlDriverAdapter> {
    const pool = new pg.Pool({ ...connectionConfig(this.#ownerUrl), max: 1 })
    pool.on('error', () => undefined)
    const adapter: SqlDriverAdapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect()
    adapter.executeScript = async (script) => {
      await pool.query(script).catch((error: unknown) => {
        throw toDriverError(error)
      })
    }
    return adapter
  }

  connectToShadowDb(): Promise<SqlDriverAdapter> {
    return connectToShadow(openShadow)
  }
}
