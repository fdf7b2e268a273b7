import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  applyMigrations,
  assertSchemaCurrent,
  findDrift,
  MIGRATIONS_DIR,
  MigrationError,
  migrationNames,
  migrationStatus,
  newMigration,
} from '../../src/db/migrations.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { openOwner } from '../../src/db/postgres-owner.ts'
import { ensureRoles } from '../../src/db/roles.ts'
import { newServerDatabase, openTarget, serverUrl } from './backends-world.ts'

const clock = { now: () => new Date('2027-01-02T03:04:05.678Z') }

const LOCK = 'migration_lock.toml'

let folder: string
let database: Awaited<ReturnType<typeof openTarget>>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrations-'))
  await copyFile(join(MIGRATIONS_DIR, LOCK), join(folder, LOCK))
  database = await openTarget()
})
afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

async function write(name: string, script: string): Promise<string> {
  const file = join(folder, name, 'migration.sql')
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, script)
  return file
}

const tables = () =>
  database.rows(`select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
    and relname <> '_prisma_migrations' order by 1`)

describe('migrations', () => {
  test('are applied in order of their names, and once', async () => {
    await write('20260102000000_add_b', 'create table b (a_id int references a (id))')
    await write(
      '20260101000000_add_a',
      `create table a (id int primary key);
      create function twice(x int) returns int language plpgsql as $$ begin return x; return x * 2; end $$`,
    )
    expect(await applyMigrations(database.target, folder)).toEqual(['20260101000000_add_a', '20260102000000_add_b'])
    expect(await applyMigrations(database.target, folder)).toEqual([])
    expect(await tables()).toEqual([{ relname: 'a' }, { relname: 'b' }])
    expect(await migrationStatus(database.target, folder)).toEqual({ pending: [], unknown: [], failed: [], edited: [] })
  })

  test('that fail in the second statement leave nothing, are recorded as failed, and are told with file and reason', async () => {
    await write('20260101000000_add_a', 'create table a (id int primary key)')
    const file = await write('20260102000000_break_it', 'create table b (id int); create table c (id nonsense)')
    const error = await applyMigrations(database.target, folder).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(MigrationError)
    expect((error as MigrationError).file).toBe(file)
    expect((error as MigrationError).message).toContain('type "nonsense" does not exist')
    expect(await tables()).toEqual([{ relname: 'a' }])
    expect((await migrationStatus(database.target, folder)).failed).toEqual(['20260102000000_break_it'])
    await expect(applyMigrations(database.target, folder)).rejects.toThrow('20260102000000_break_it')
    await expect(assertSchemaCurrent(applied, folder)).rejects.toThrow('it lacks 20260102000000_break_it')
  })

  test('that were edited after they were applied, or are unknown here, are found', async () => {
    await write('20260101000000_add_a', 'create table a (id int primary key)')
    await write('20260102000000_add_b', 'create table b (id int primary key)')
    await applyMigrations(database.target, folder)
    await write('20260101000000_add_a', 'create table a (id bigint primary key)')
    await rm(join(folder, '20260102000000_add_b'), { recursive: true })
    await write('20260103000000_add_c', 'create table c (id int primary key)')
    expect(await migrationStatus(database.target, folder)).toEqual({
      pending: ['20260103000000_add_c'],
      unknown: ['20260102000000_add_b'],
      failed: [],
      edited: ['20260101000000_add_a'],
    })
  })

  test('of the program make exactly what the models describe', async () => {
    await applyMigrations(database.target)
    expect(await findDrift(database.target)).toEqual([])
  })

  test('that differ from the models are found, in both directions', async () => {
    await write('20260101000000_add_a', 'create table stray (id int primary key)')
    const [missing, stray] = await findDrift(database.target, folder)
    expect(missing).toContain('CREATE TABLE "account"')
    expect(stray).toContain('CREATE TABLE "public"."stray"')
  })
})

describe('a new migration', () => {
  test('leads from the migrations to the models', async () => {
    const file = await newMigration(database.target, 'create_house', clock, folder)
    expect(basename(dirname(file))).toBe('20270102030405_create_house')
    expect(await readFile(file, 'utf8')).toContain('CREATE TABLE "account"')
    expect(await findDrift(database.target, folder)).toEqual([])
  })

  test.each(['', 'noverb', '../up_there', 'Add_Table', "add_'; drop"])(
    'is not made under the name %j',
    async (name) => {
      await expect(newMigration(database.target, name, clock, folder)).rejects.toThrow('verb_object')
      expect(await readdir(folder)).toEqual([LOCK])
    },
  )
})

describe('a program', () => {
  test('refuses a database that is older, and names the command', async () => {
    await write('20260101000000_add_a', 'create table a (id int primary key)')
    await expect(assertSchemaCurrent(async () => [], folder)).rejects.toThrow('run `npm run db:migrate`')
    await applyMigrations(database.target, folder)
    await expect(assertSchemaCurrent(applied, folder)).resolves.toBeUndefined()
  })

  test('refuses a database that is newer', async () => {
    await write('20260101000000_add_a', 'create table a (id int primary key)')
    await applyMigrations(database.target, folder)
    await rm(join(folder, '20260101000000_add_a'), { recursive: true })
    await expect(assertSchemaCurrent(applied, folder)).rejects.toThrow('newer than this program')
  })
})

const applied = async () =>
  (await database.rows(
    'select migration_name, finished_at is not null as done from _prisma_migrations where rolled_back_at is null',
  )) as { migration_name: string; done: boolean }[]

describe.runIf(serverUrl)('on a server', () => {
  const onServer = async (fn: (made: Awaited<ReturnType<typeof newServerDatabase>>) => Promise<void>) => {
    const made = await newServerDatabase(serverUrl ?? '')
    try {
      await fn(made)
    } finally {
      await made.drop()
    }
  }

  test('eight runs at once apply each migration once', () =>
    onServer(async ({ ownerUrl }) => {
      const owners = await Promise.all(Array.from({ length: 8 }, () => openOwner(ownerUrl)))
      const applied = await Promise.all(owners.map((owner) => applyMigrations(owner.target)))
      expect(applied.flat()).toEqual(await migrationNames())
      await Promise.all(owners.map((owner) => owner.close()))
    }))

  test('roles made by sixteen connections at once are made without a failure', () =>
    onServer(async ({ superUrl }) => {
      const owners = await Promise.all(Array.from({ length: 16 }, () => openOwner(superUrl)))
      const made = await Promise.allSettled(
        owners.map(({ client }) => ensureRoles({ kind: 'postgres', query: (sql) => client.query(sql) })),
      )
      expect(made.filter(({ status }) => status === 'rejected')).toEqual([])
      expect(made).toHaveLength(16)
      await Promise.all(owners.map((owner) => owner.close()))
    }))

  test('the program starts after the migrations, and not before', () =>
    onServer(async ({ ownerUrl, appUrl }) => {
      await expect(openPostgres(deriveLoginUrls(appUrl))).rejects.toThrow('run `npm run db:migrate`')
      const owner = await openOwner(ownerUrl)
      await applyMigrations(owner.target)
      const backend = await openPostgres(deriveLoginUrls(appUrl))
      await backend.close()
      await owner.close()
    }))

  test('the program refuses logins that could pass row-level security, and logins that are the same', () =>
    onServer(async ({ superUrl, appUrl, backupUrl }) => {
      const urls = deriveLoginUrls(appUrl)
      await expect(openPostgres({ ...urls, appUrl: superUrl })).rejects.toThrow('superuser')
      await expect(openPostgres({ ...urls, workerUrl: backupUrl })).rejects.toThrow('bypasses row-level security')
      await expect(openPostgres({ ...urls, authUrl: appUrl })).rejects.toThrow('three different')
      const owner = await openOwner(superUrl)
      await owner.client.query('create table mine (id int); alter table mine owner to privacy_worker')
      await expect(openPostgres(urls)).rejects.toThrow('owns tables')
      await owner.close()
    }))
})
