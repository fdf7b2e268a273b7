import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { HistoryDiagnostic, MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Clock } from '../time/clock.ts'
import { readModels, withSchemaEngine } from './schema-engine.ts'

/** Where the program's own migrations lie. */
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/** A database, opened as the owner of its tables, on which migrations run. */
export type MigrationTarget = {
  readonly factory: SqlMigrationAwareDriverAdapterFactory
  /** Runs `fn` while no other process migrates the same database; a second one waits. */
  exclusively<T>(fn: () => Promise<T>): Promise<T>
}

export type MigrationStatus = {
  /** On disk, not yet in the database, in the order in which they will be applied. */
  readonly pending: readonly string[]
  /** In the database, not on disk: the database is newer than this program, or another one's. */
  readonly unknown: readonly string[]
  /** Begun and broken off by an error; they block every later migration. */
  readonly failed: readonly string[]
  /** Changed on disk after they were applied. */
  readonly edited: readonly string[]
}

/** A migration that the database refused. Nothing of its script remains, and it is recorded as failed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  /** The path of the migration's script, where one is known. */
  readonly file: string | undefined

  constructor(file: string | undefined, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause)
    super(file ? `The migration ${file} failed. ${said}` : `The migration failed. ${said}`, { cause })
    this.file = file
  }
}

const NO_FILTER = { externalTables: [], externalEnums: [] }

/** Migrations grant the logins to read this table, which the engine makes on every database but the shadow. */
const SHADOW_INIT =
  'create table _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz)'

/** Names of the migrations on disk, oldest first. */
export async function migrationNames(migrationsDir = MIGRATIONS_DIR): Promise<string[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return names.sort()
}

/**
 * Applies every migration that the database lacks, in order, each as one transaction, recorded in Prisma's own table
 * `_prisma_migrations`. Two runs at once apply each migration once.
 * @param last the name of the last migration to apply; default the newest.
 * @returns the names of the migrations that were applied now.
 * @throws MigrationError when a migration fails, or an earlier one is recorded as failed.
 */
export async function applyMigrations(
  target: MigrationTarget,
  migrationsDir = MIGRATIONS_DIR,
  last?: string,
): Promise<string[]> {
  const migrationsList = await readMigrations(migrationsDir, last)
  return target.exclusively(() =>
    withSchemaEngine(target.factory, [], async (engine) => {
      const result = await engine.applyMigrations({ migrationsList, filters: NO_FILTER }).catch((error: unknown) => {
        throw new MigrationError(fileNamedIn(error, migrationsList), error)
      })
      return result.appliedMigrationNames
    }),
  )
}

/** Compares the migrations on disk with those the database records. Changes nothing. */
export async function migrationStatus(
  target: MigrationTarget,
  migrationsDir = MIGRATIONS_DIR,
): Promise<MigrationStatus> {
  const migrationsList = await readMigrations(migrationsDir)
  const found = await withSchemaEngine(target.factory, [], (engine) =>
    engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters: NO_FILTER }),
  )
  return {
    pending: unappliedIn(found.history),
    unknown: unpersistedIn(found.history),
    failed: found.failedMigrationNames,
    edited: found.editedMigrationNames,
  }
}

/**
 * What keeps the migrations and the Prisma models apart, one finding a line; empty when a database made by the
 * migrations alone is the one the models describe, and no applied migration was edited or has failed.
 */
export async function findDrift(target: MigrationTarget, migrationsDir = MIGRATIONS_DIR): Promise<string[]> {
  const toModels = await diffScript(target, migrationsDir, 'to-models')
  const toMigrations = await diffScript(target, migrationsDir, 'to-migrations')
  const { edited, failed, unknown } = await migrationStatus(target, migrationsDir)
  return [
    ...(toModels === null ? [] : [`the models ask for what no migration makes:\n${toModels}`]),
    ...(toMigrations === null ? [] : [`the migrations make what the models do not ask for:\n${toMigrations}`]),
    ...edited.map((name) => `${name} was edited after it was applied`),
    ...failed.map((name) => `${name} has failed and is not applied`),
    ...unknown.map((name) => `${name} is in the database and not on disk`),
  ]
}

/**
 * Writes a migration that leads from the migrations on disk to the Prisma models. With nothing to change it holds one
 * comment, to be filled by hand (policies, partial indexes, triggers).
 * @param name verb_object in snake case.
 * @returns the path of the new script.
 * @throws Error when the name is malformed.
 */
export async function newMigration(
  target: MigrationTarget,
  name: string,
  clock: Clock,
  migrationsDir = MIGRATIONS_DIR,
): Promise<string> {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(name)) throw new Error('a migration is named verb_object, in snake case')
  const script = await diffScript(target, migrationsDir, 'to-models')
  const stamp = clock.now().toISOString().replace(/\D/g, '').slice(0, 14)
  const file = join(migrationsDir, `${stamp}_${name}`, 'migration.sql')
  await mkdir(dirname(file))
  await writeFile(file, script ?? `-- ${name.replaceAll('_', ' ')}\n`, { flag: 'wx' })
  return file
}

/** The newest schema names, as a program may read them through its own login. */
export type AppliedMigrations = () => Promise<readonly { migration_name: string; done: boolean }[]>

/** Reads what the database records; to be run as a login that may read `_prisma_migrations`. */
export const APPLIED_MIGRATIONS_SQL = `
  select migration_name, finished_at is not null as done from public._prisma_migrations where rolled_back_at is null`

/**
 * Resolves when the database has exactly the migrations this program was made with.
 * @throws Error naming the command when it is older, or saying that it is newer.
 */
export async function assertSchemaCurrent(applied: AppliedMigrations, migrationsDir = MIGRATIONS_DIR): Promise<void> {
  const onDisk = await migrationNames(migrationsDir)
  const rows = await applied().catch(() => [])
  const done = new Set(rows.filter((row) => row.done).map((row) => row.migration_name))
  const newer = rows.filter((row) => !onDisk.includes(row.migration_name)).map((row) => row.migration_name)
  if (newer.length > 0) throw new Error(`the database is newer than this program: it has ${newer.join(', ')}`)
  const missing = onDisk.filter((name) => !done.has(name))
  if (missing.length > 0)
    throw new Error(
      `the database is older than this program, run \`npm run db:migrate\`: it lacks ${missing.join(', ')}`,
    )
}

async function diffScript(
  target: MigrationTarget,
  migrationsDir: string,
  direction: 'to-models' | 'to-migrations',
): Promise<string | null> {
  const files = await readModels(dirname(MIGRATIONS_DIR))
  const migrations = { tag: 'migrations', ...(await readMigrations(migrationsDir)) } as const
  const models = { tag: 'schemaDatamodel', files } as const
  const [from, to] = direction === 'to-models' ? [migrations, models] : [models, migrations]
  const found = await withSchemaEngine(target.factory, files, (engine) =>
    engine.diff({ from, to, script: true, exitCode: true, filters: NO_FILTER }),
  )
  return found.exitCode === 0 ? null : (found.stdout ?? '')
}

async function readMigrations(baseDir: string, last?: string): Promise<MigrationList> {
  const lockfile = await readFile(join(baseDir, 'migration_lock.toml'), 'utf8').catch(() => null)
  const names = await migrationNames(baseDir)
  const wanted = last === undefined ? names : names.filter((name) => name <= last)
  const migrationDirectories = wanted.map(async (path) => ({
    path,
    migrationFile: {
      path: 'migration.sql',
      content: { tag: 'ok', value: await readFile(join(baseDir, path, 'migration.sql'), 'utf8') } as const,
    },
  }))
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: lockfile },
    shadowDbInitScript: SHADOW_INIT,
    migrationDirectories: await Promise.all(migrationDirectories),
  }
}

function fileNamedIn(error: unknown, { baseDir, migrationDirectories }: MigrationList): string | undefined {
  const said = error instanceof Error ? error.message : String(error)
  const named = migrationDirectories.find((directory) => said.includes(directory.path))
  return named && join(baseDir, named.path, 'migration.sql')
}

function unappliedIn(history: HistoryDiagnostic | null): string[] {
  return history && 'unappliedMigrationNames' in history ? history.unappliedMigrationNames : []
}

function unpersistedIn(history: HistoryDiagnostic | null): string[] {
  return history && 'unpersistedMigrationNames' in history ? history.unpersistedMigrationNames : []
}
