import { type ArchivedSchema, type ArchiveHeader, checkArchive, readArchive, tablesOf } from './archive.ts'
import type { OwnerConnection, Query } from './connections.ts'
import { applyMigrations, migrationNames } from './migrations.ts'

/** The schemas that the migrations make. */
const SCHEMAS = ['partitions', 'app', 'keys', 'public'] as const

export type RestoreOptions = {
  /** Whether rows that are there may be lost. Default false. */
  readonly overwrite?: boolean
  /** Default: the program's own migrations. */
  readonly migrationsDir?: string
}

/** Drops everything that the migrations made, and all rows with it. */
export async function dropSchemas(owner: OwnerConnection): Promise<void> {
  await owner.transaction(async (query) => {
    for (const schema of SCHEMAS) await query(`drop schema if exists ${schema} cascade`)
    await query('create schema public')
    await query('grant usage on schema public to public')
  })
}

/**
 * Restores archives: one of `public`, one of `keys`, or both. With one of `public` the database is made anew by the
 * migrations that the archive was written under, filled in one transaction, and then brought to this program's
 * schema. One of `keys` alone fills the keys of a database that has the archive's schema. Every archive is read to
 * its end before anything is changed.
 * @returns the number of rows restored.
 * @throws Error when an archive is not whole or newer than this program, or the database has rows and
 * `overwrite` is not set.
 */
export async function restoreArchives(
  owner: OwnerConnection,
  files: readonly string[],
  options: RestoreOptions = {},
): Promise<number> {
  const archives = new Map<ArchivedSchema, { file: string; header: ArchiveHeader }>()
  for (const file of files) {
    const header = await checkArchive(file)
    if (archives.has(header.schema)) throw new Error(`two backups of schema ${header.schema} were given`)
    archives.set(header.schema, { file, header })
  }
  for (const { header } of archives.values()) await assertKnown(header, options.migrationsDir)
  const whole = archives.get('public')
  const keys = archives.get('keys')
  if (keys && whole && keys.header.migrations.join() !== whole.header.migrations.join())
    throw new Error('the two backups were written under different schemas')
  if (!options.overwrite) await assertEmpty(owner, whole ? ['public', 'keys'] : ['keys'])
  if (whole) {
    await dropSchemas(owner)
    await applyMigrations(owner.target, options.migrationsDir, whole.header.migrations.at(-1))
  } else if (keys) await assertSameSchema(owner, keys.header)
  const inOrder = [whole, keys].filter((archive) => archive !== undefined).map(({ file }) => file)
  const restored = await owner.transaction((query) => loadAll(query, inOrder, whole === undefined))
  await applyMigrations(owner.target, options.migrationsDir)
  return restored
}

async function assertKnown(header: ArchiveHeader, migrationsDir: string | undefined): Promise<void> {
  const onDisk = await migrationNames(migrationsDir)
  const unknown = header.migrations.filter((name, index) => onDisk[index] !== name)
  if (unknown.length > 0) throw new Error(`the backup is newer than this program: it has ${unknown.join(', ')}`)
}

async function assertSameSchema(owner: OwnerConnection, header: ArchiveHeader): Promise<void> {
  const rows = await owner.query<{ name: string }>(
    'select migration_name as name from public._prisma_migrations where finished_at is not null order by 1',
  )
  if (rows.map((row) => row.name).join() !== header.migrations.join())
    throw new Error('the backup of the keys was written under another schema than this database has')
}

/** Looks with row-level security lifted, and puts it back by undoing the whole look. */
async function assertEmpty(owner: OwnerConnection, schemas: readonly ArchivedSchema[]): Promise<void> {
  const look = Symbol('look')
  let filled: string | undefined
  await owner
    .transaction(async (query) => {
      for (const schema of schemas)
        for (const table of await tablesOf(query, schema)) {
          await query(`alter table ${table} no force row level security`)
          const [found] = await query<{ there: boolean }>(`select exists (select from ${table}) as there`)
          if (found?.there) filled ??= table
        }
      throw look
    })
    .catch((thrown: unknown) => {
      if (thrown !== look) throw thrown
    })
  if (filled) throw new Error(`the database is not empty (${filled} has rows): give --yes to lose what it holds`)
}

/** Puts the rows of the archives into their tables, which the owner's own policies would else hide. */
async function loadAll(query: Query, files: readonly string[], emptyKeysFirst: boolean): Promise<number> {
  const tables = [...(await tablesOf(query, 'public')), ...(await tablesOf(query, 'keys'))]
  const forced = await query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relforcerowsecurity and n.nspname in ('public', 'keys') and not c.relispartition`,
  )
  for (const { name } of forced) await query(`alter table ${name} no force row level security`)
  if (emptyKeysFirst) for (const table of (await tablesOf(query, 'keys')).reverse()) await query(`delete from ${table}`)
  let count = 0
  for (const file of files) count += await load(query, file, tables)
  await query('set constraints all immediate')
  await advanceSequences(query)
  for (const { name } of forced) await query(`alter table ${name} force row level security`)
  return count
}

/** Numbers that are given out from now on lie beyond those that were restored. */
async function advanceSequences(query: Query): Promise<void> {
  const counted = await query<{ table: string; column: string }>(
    `select format('%I.%I', n.nspname, c.relname) as table, a.attname::text as column
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
     where n.nspname in ('public', 'keys') and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
       and pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname) is not null`,
  )
  for (const { table, column } of counted)
    await query(
      `select setval(pg_get_serial_sequence('${table}', '${column}'), greatest(max("${column}"), 1), max("${column}") is not null)
       from ${table}`,
    )
}

async function load(query: Query, file: string, tables: readonly string[]): Promise<number> {
  let count = 0
  for await (const part of readArchive(file)) {
    const named = 'format' in part ? part.partitions.map(({ parent }) => parent) : [part.table]
    const strange = named.find((table) => !tables.includes(table))
    if (strange !== undefined) throw new Error(`the backup has rows of ${strange}, which is no table here`)
    if ('format' in part) await makePartitions(query, part)
    else {
      await query(
        `insert into ${part.table} overriding system value
         select (one.parsed).* from (select r::${part.table} as parsed from unnest($1::text[]) as r offset 0) as one`,
        [part.rows],
      )
      count += part.rows.length
    }
  }
  return count
}

async function makePartitions(query: Query, { partitions }: ArchiveHeader): Promise<void> {
  for (const { parent, schema, name, bound } of partitions) {
    const [made] = await query<{ table: string; there: boolean }>(
      `select format('%I.%I', $1::text, $2::text) as table,
              to_regclass(format('%I.%I', $1::text, $2::text)) is not null as there`,
      [schema, name],
    )
    if (!made || made.there) continue
    await query(`create table ${made.table} partition of ${parent} ${bound}`)
    await query(`alter table ${made.table} enable row level security, force row level security`)
  }
}
