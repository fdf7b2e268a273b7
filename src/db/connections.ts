import pg from 'pg'
import type { MigrationTarget } from './migrations.ts'
import { openOwned, pgliteTarget } from './pglite.ts'
import { connectionConfig } from './postgres.ts'
import { openOwner } from './postgres-owner.ts'

/** Runs one statement and gives its rows. */
export type Query = <R extends object>(sql: string, values?: readonly unknown[]) => Promise<R[]>

/** One connection of the command line to the database, outside the server's own way in. */
export type Connection = {
  readonly kind: 'pglite' | 'postgres'
  readonly query: Query
  /** Runs a script of several statements. */
  readonly script: (sql: string) => Promise<void>
  /** Runs `fn` in one transaction; what it throws rolls back. */
  transaction<T>(fn: (query: Query) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A connection that owns the tables, so that it can change them. */
export type OwnerConnection = Connection & { readonly target: MigrationTarget }

/** Where the database is: PostgreSQL when one of the URLs is set, else the embedded one below `dataDir`. */
export type Place = {
  readonly dataDir: string
  readonly appUrl?: string | undefined
  readonly ownerUrl?: string | undefined
  readonly backupUrl?: string | undefined
}

/** Whether the database is a PostgreSQL server. */
export function isServer(place: Place): boolean {
  return place.appUrl !== undefined || place.ownerUrl !== undefined
}

/**
 * Opens the database as the owner of its tables.
 * @throws Error when the server's owner is not configured, or another process uses the embedded database.
 */
export async function connectAsOwner(place: Place): Promise<OwnerConnection> {
  if (!isServer(place)) return connectEmbedded(place.dataDir)
  if (place.ownerUrl === undefined) throw new Error('DATABASE_OWNER_URL must name the login that owns the tables')
  const owner = await openOwner(place.ownerUrl)
  return { ...overClient(owner.client), target: owner.target, close: owner.close }
}

/**
 * Opens the database as the login that may read everything, for backups.
 * @throws Error when that login is not configured, or another process uses the embedded database.
 */
export async function connectForBackup(place: Place): Promise<Connection> {
  if (!isServer(place)) return connectEmbedded(place.dataDir)
  if (place.backupUrl === undefined) throw new Error('DATABASE_BACKUP_URL must name the login privacy_backup')
  const client = new pg.Client(connectionConfig(place.backupUrl))
  client.on('error', () => undefined)
  await client.connect()
  return overClient(client)
}

async function connectEmbedded(dataDir: string): Promise<OwnerConnection> {
  const { pglite, close } = await openOwned({ dataDir })
  return {
    kind: 'pglite',
    target: pgliteTarget(pglite),
    query: async <R extends object>(sql: string, values: readonly unknown[] = []) =>
      (await pglite.query<R>(sql, [...values])).rows,
    script: async (sql) => {
      await pglite.exec(sql)
    },
    transaction: (fn) =>
      pglite.transaction((tx) =>
        fn(async <R extends object>(sql: string, values: readonly unknown[] = []) => {
          return (await tx.query<R>(sql, [...values])).rows
        }),
      ),
    close: async () => {
      await pglite.exec('checkpoint')
      await close()
    },
  }
}

function overClient(client: pg.Client): Connection {
  const query: Query = async <R extends object>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<R>(sql, [...values])).rows
  return {
    kind: 'postgres',
    query,
    script: async (sql) => {
      await client.query(sql)
    },
    transaction: async (fn) => {
      await client.query('begin')
      try {
        const result = await fn(query)
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback')
        throw error
      }
    },
    close: () => client.end(),
  }
}
