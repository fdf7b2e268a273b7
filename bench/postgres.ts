import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { applyMigrations } from '../src/db/migrations.ts'
import { withUser } from '../src/db/postgres.ts'
import { openOwner } from '../src/db/postgres-owner.ts'
import { ensureRoles } from '../src/db/roles.ts'
import { parentOf } from './cpu.ts'

/** The password of the program's logins on the machine of a bench or test; the tests set the same. */
const PASSWORD = 'test-only'

/** A migrated database that lives as long as the bench. */
export type BenchDatabase = {
  /** The owner's connection: a superuser's is not held to row-level security. */
  readonly ownerUrl: string
  /** The application's login. */
  readonly appUrl: string
  readonly owner: pg.Client
  drop(): Promise<void>
}

/** The PostgreSQL of a bench. */
export type BenchPostgres = {
  /** The process that started the database's others, to count their CPU as the bench's own; none when it is elsewhere. */
  readonly families: readonly number[]
  create(): Promise<BenchDatabase>
  /** Makes so many databases with the same content: one is filled, the others are copies of its files. */
  createAlike(count: number, fill: (database: BenchDatabase) => Promise<void>): Promise<readonly BenchDatabase[]>
  close(): Promise<void>
}

/**
 * Connects to the PostgreSQL that the bench may make its databases in.
 * @throws Error when none is named
 */
export async function openBenchPostgres(url: string | undefined): Promise<BenchPostgres> {
  if (!url)
    throw new Error('this bench needs a PostgreSQL: set BENCH_POSTGRES_URL (or --url) to a superuser of one that runs')
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  const { rows } = await admin.query<{ pid: number }>('select pg_backend_pid() as pid')
  const postmaster = parentOf(rows[0]?.pid ?? 0, 'postgres')
  const names = ['privacy_app', 'privacy_worker', 'privacy_auth', 'privacy_backup'] as const
  const passwords = Object.fromEntries(names.map((name) => [name, PASSWORD]))
  await ensureRoles({ kind: 'postgres', query: (sql) => admin.query(sql) }, { passwords })
  return {
    families: postmaster === null ? [] : [postmaster],
    create: () => createDatabase(admin, url),
    createAlike: (count, fill) => createAlike(admin, url, count, fill),
    close: () => admin.end(),
  }
}

async function createDatabase(admin: pg.Client, url: string): Promise<BenchDatabase> {
  const name = newName()
  await admin.query(`create database ${name}`)
  const migrating = await openOwner(urlOf(url, name))
  await applyMigrations(migrating.target)
  await migrating.close()
  return openDatabase(admin, url, name)
}

async function createAlike(
  admin: pg.Client,
  url: string,
  count: number,
  fill: (database: BenchDatabase) => Promise<void>,
): Promise<readonly BenchDatabase[]> {
  const first = await createDatabase(admin, url)
  const names = [new URL(first.ownerUrl).pathname.slice(1)]
  try {
    await fill(first).finally(() => first.owner.end())
    for (let index = 1; index < count; index += 1) {
      const name = newName()
      await admin.query(`create database ${name} template ${names[0]}`)
      names.push(name)
    }
  } catch (error) {
    for (const name of names) await dropDatabase(admin, name)
    throw error
  }
  return Promise.all(names.map((name) => openDatabase(admin, url, name)))
}

const newName = () => `privacy_bench_${randomUUID().replaceAll('-', '')}`

function urlOf(url: string, name: string): string {
  const place = new URL(url)
  place.pathname = `/${name}`
  return place.href
}

const dropDatabase = (admin: pg.Client, name: string) => admin.query(`drop database if exists ${name} with (force)`)

async function openDatabase(admin: pg.Client, url: string, name: string): Promise<BenchDatabase> {
  const ownerUrl = urlOf(url, name)
  const owner = new pg.Client({ connectionString: ownerUrl })
  await owner.connect()
  const place = new URL(ownerUrl)
  place.password = PASSWORD
  return {
    ownerUrl,
    appUrl: withUser(place.href, 'privacy_app'),
    owner,
    drop: async () => {
      await owner.end()
      await dropDatabase(admin, name)
    },
  }
}
