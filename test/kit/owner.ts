import pg from 'pg'
import { anonymousSession } from '../../src/auth/session.ts'
import type { Database } from '../../src/db/database.ts'
import { withDatabase } from './global-setup.ts'

/** The database of a world as its superuser, for whom row-level security is no wall. */
export type Owner = {
  /** Runs one statement in a transaction of its own; values are strings or numbers. */
  query<R extends object>(sql: string, ...values: (string | number)[]): Promise<R[]>
  close(): Promise<void>
}

/** Every table that can hold rows, without the partitions' parents, as `schema.name`. */
export const TABLES_SQL = `
  select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname in ('public', 'keys', 'partitions') order by 1`

/** Opens the database behind `db` as its superuser. */
export async function openOwnerOf(db: Database): Promise<Owner> {
  if (db.kind === 'pglite')
    return {
      // The embedded database has one connection, whose user by origin is the superuser.
      query: <R extends object>(sql: string, ...values: (string | number)[]) =>
        db.read(anonymousSession, async (tx) => {
          await tx.$executeRawUnsafe('set local session authorization postgres')
          return tx.$queryRawUnsafe<R[]>(sql, ...values)
        }),
      close: async () => undefined,
    }
  const [row] = await db.read(
    anonymousSession,
    (tx) => tx.$queryRaw<{ name: string }[]>`select current_database()::text as name`,
  )
  const url = process.env['TEST_POSTGRES_URL'] ?? ''
  const client = new pg.Client({ connectionString: withDatabase(url, row?.name ?? ''), options: '-c timezone=UTC' })
  await client.connect()
  return {
    query: async <R extends object>(sql: string, ...values: (string | number)[]) =>
      (await client.query<R>(sql, values)).rows,
    close: () => client.end(),
  }
}

/**
 * The content of every table: how many rows, and a digest of them in no order.
 * @param only conditions in SQL, by table: rows that do not meet them are left out
 */
export async function digestTables(
  owner: Owner,
  only: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const tables = await owner.query<{ name: string }>(TABLES_SQL)
  if (tables.length === 0) throw new Error('there is no table to digest')
  const digests = tables.map(
    ({ name }) => `select '${name}' as name, count(*)::text || ' ' ||
      coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '-') as digest from ${name} t where ${only[name] ?? 'true'}`,
  )
  const rows = await owner.query<{ name: string; digest: string }>(digests.join(' union all '))
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]))
}
