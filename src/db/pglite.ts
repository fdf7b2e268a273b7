import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { PrismaClient } from '../generated/prisma/client.ts'
import type { Backend } from './backend.ts'
import {
  APPLIED_MIGRATIONS_SQL,
  applyMigrations,
  assertSchemaCurrent,
  MIGRATIONS_DIR,
  type MigrationTarget,
  migrationNames,
} from './migrations.ts'
import { PgliteAdapterFactory } from './pglite-adapter.ts'
import { lockFolder } from './pglite-lock.ts'
import { ensureRoles } from './roles.ts'

export type PgliteOptions = {
  /** The folder that holds everything the server keeps, or `memory` for a database that ends with the process. */
  readonly dataDir: string
  /** A dump of a data folder (see `createTemplate`) to begin with; only where no database exists yet. */
  readonly loadDataDir?: Blob
  /** Default: the program's own migrations. */
  readonly migrationsDir?: string
}

/** The embedded database, and the migrations that its opening has applied. */
export type PgliteBackend = Backend & { readonly kind: 'pglite'; readonly migrationsApplied: readonly string[] }

const ROLES = { app: null, worker: 'privacy_worker', auth: 'privacy_auth' } as const

/**
 * Opens the embedded database, migrated to the program's schema, as `privacy_app`: a statement that forgets its caller
 * sees no row. The database lies in `database/` below the data folder, which is locked until `close`.
 * `close` waits for open transactions, writes a checkpoint and gives the folder back.
 * @throws Error when another process uses the folder, or the database is newer than this program.
 * @throws MigrationError when a migration fails.
 */
export async function openPglite(options: PgliteOptions): Promise<PgliteBackend> {
  const owned = await openOwned(options)
  try {
    const migrationsApplied = await bringUpToDate(owned.pglite, options.migrationsDir ?? MIGRATIONS_DIR)
    await owned.pglite.exec("set timezone = 'UTC'; set session authorization privacy_app")
    await owned.pglite.refreshArrayTypes()
    const prisma = new PrismaClient({ adapter: adapterOf(owned.pglite) })
    await prisma.$connect()
    let closing: Promise<void> | undefined
    return {
      kind: 'pglite',
      migrationsApplied,
      client: () => prisma,
      roleOf: (login) => ROLES[login],
      close: () => {
        closing ??= closeBackend(prisma, owned)
        return closing
      },
    }
  } catch (error) {
    await owned.close()
    throw error
  }
}

/** A database as its superuser, and the way to end it. */
export type OwnedPglite = { readonly pglite: PGlite; close(): Promise<void> }

/**
 * Opens the embedded database as its superuser, for migrations, backups and their like; nothing is migrated.
 * @throws Error when another process uses the folder.
 */
export async function openOwned(options: Pick<PgliteOptions, 'dataDir' | 'loadDataDir'>): Promise<OwnedPglite> {
  const { dataDir, loadDataDir } = options
  const lock = dataDir === 'memory' ? undefined : await lockFolder(dataDir)
  try {
    const pglite = await PGlite.create({
      dataDir: dataDir === 'memory' ? 'memory://' : await closedFolder(join(dataDir, 'database')),
      ...(loadDataDir ? { loadDataDir } : {}),
    })
    await pglite.exec("set timezone = 'UTC'")
    return {
      pglite,
      close: async () => {
        if (!pglite.closed) await pglite.close()
        lock?.release()
      },
    }
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** The folder, made where it is missing, for its owner alone: PGlite lets everyone write into the files it makes. */
async function closedFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  return path
}

/** The embedded database as a place to migrate. The folder's lock already keeps other processes away. */
export function pgliteTarget(pglite: PGlite): MigrationTarget {
  return { factory: adapterOf(pglite), exclusively: (fn) => fn() }
}

/**
 * A migrated, empty database as a tar of its data folder, for `loadDataDir`: opening it takes a fraction of the time
 * that making it takes.
 */
export async function createTemplate(migrationsDir = MIGRATIONS_DIR): Promise<Blob> {
  const { pglite, close } = await openOwned({ dataDir: 'memory' })
  try {
    await bringUpToDate(pglite, migrationsDir)
    await pglite.exec('checkpoint')
    return await pglite.dumpDataDir('none')
  } finally {
    await close()
  }
}

/** Opens an empty database in memory that has the roles and nothing else, for the schema engine to replay into. */
export async function openShadow(): Promise<PGlite> {
  const { pglite } = await openOwned({ dataDir: 'memory' })
  await ensureRoles({ kind: 'pglite', query: (sql) => pglite.exec(sql) })
  return pglite
}

function adapterOf(pglite: PGlite): PgliteAdapterFactory {
  return new PgliteAdapterFactory(pglite, openShadow)
}

async function bringUpToDate(pglite: PGlite, migrationsDir: string): Promise<readonly string[]> {
  const recorded = await pglite.query<{ there: boolean }>(
    `select to_regclass('public._prisma_migrations') is not null as there`,
  )
  const applied = recorded.rows[0]?.there
    ? await pglite.query<{ migration_name: string; done: boolean }>(APPLIED_MIGRATIONS_SQL)
    : { rows: [] }
  const done = new Set(applied.rows.filter((row) => row.done).map((row) => row.migration_name))
  const names = await migrationNames(migrationsDir)
  if (names.every((name) => done.has(name))) {
    await assertSchemaCurrent(async () => applied.rows, migrationsDir)
    return []
  }
  await ensureRoles({ kind: 'pglite', query: (sql) => pglite.exec(sql) })
  return applyMigrations(pgliteTarget(pglite), migrationsDir)
}

async function closeBackend(prisma: PrismaClient, owned: OwnedPglite): Promise<void> {
  const { pglite } = owned
  try {
    await pglite.transaction(async () => undefined)
    await prisma.$disconnect()
    await pglite.exec('set session authorization postgres')
    await pglite.exec('checkpoint')
  } finally {
    await owned.close()
  }
}
