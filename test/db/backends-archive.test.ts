import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeArchive } from '../../src/db/archive.ts'
import {
  type Connection,
  connectAsOwner,
  connectForBackup,
  type OwnerConnection,
  type Place,
} from '../../src/db/connections.ts'
import { applyMigrations, migrationStatus } from '../../src/db/migrations.ts'
import { restoreArchives } from '../../src/db/restore.ts'
import { ensureRoles } from '../../src/db/roles.ts'
import { newServerDatabase, serverUrl } from './backends-world.ts'

const clock = { now: () => new Date('2026-11-23T18:00:00.000Z') }
const WRAPPED = 'feedc0de00ff'
const FILL = `
  insert into account (id, name_cipher, country, region, created_at)
    values ('00000000-0000-7000-8000-000000000001', '\\x00ff5c', 'DE', 'eu-1', '2026-11-01 12:00:00.123+00');
  insert into subject (account_id, id, kind, created_at, updated_at)
    select '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
           'END_USER', '2026-11-01', '2026-11-01' from generate_series(1, 1201) n;
  insert into api_client (account_id, id, kind, public_jwks, scopes, created_at)
    values ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 'INTEGRATION', 'null',
            array['a "b", {c}', '\\', 'ü'], '2026-11-01');
  insert into keys.data_key (account_id, id, subject_id, category, version, epoch, wrapped, created_at)
    values ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000003',
            '00000000-0000-7000-9000-000000000001', 'ACCOUNT', 1, 'e1', '\\x${WRAPPED}', '2026-11-01');
  select app.ensure_usage_partition('2021-05-01');
  insert into usage_event (account_id, occurred_at, request_id, kind, payload_bytes, recorded_at)
    values ('00000000-0000-7000-8000-000000000001', '2021-05-31 23:59:59.999+00', 'r1', 'INFERENCE',
            9007199254740993, '2026-11-01');`

type World = { owner: OwnerConnection; reader: Connection; fill(): Promise<void>; close(): Promise<void> }

let folder: string
let filled: World
let publicFile: string
let keysFile: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-'))
  filled = await openWorld('filled')
  await applyMigrations(filled.owner.target)
  await filled.fill()
  publicFile = join(folder, 'public.gz')
  keysFile = join(folder, 'keys.gz')
  expect(await writeArchive(filled.reader, 'public', publicFile, clock)).toBe(1204)
  expect(await writeArchive(filled.reader, 'keys', keysFile, clock)).toBe(1)
})
afterAll(async () => {
  await filled.close()
  await rm(folder, { recursive: true })
})

/** An empty database with the roles, as its owner and as the login for backups. */
async function openWorld(name: string): Promise<World> {
  if (!serverUrl) {
    const owner = await connectAsOwner({ dataDir: join(folder, name) })
    await ensureRoles({ kind: 'pglite', query: (sql) => owner.script(sql) })
    return { owner, reader: owner, fill: () => owner.script(FILL), close: owner.close }
  }
  const made = await newServerDatabase(serverUrl)
  const place: Place = { dataDir: folder, ...made }
  const owner = await connectAsOwner(place)
  const reader = await connectForBackup(place)
  const fill = async () => {
    const superuser = await connectAsOwner({ ...place, ownerUrl: made.superUrl })
    await superuser.script(FILL)
    await superuser.close()
  }
  const close = async () => {
    await owner.close()
    await reader.close()
    await made.drop()
  }
  return { owner, reader, fill, close }
}

const isRow = (line: string) => line.startsWith('"(')

const linesOf = async (file: string) =>
  gunzipSync(await readFile(file))
    .toString()
    .trimEnd()
    .split('\n')

const unforced = (world: World) =>
  world.owner.query(`select relname::text from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname in ('public', 'keys', 'partitions') and relkind in ('r', 'p') and relname <> '_prisma_migrations'
      and not (relrowsecurity and relforcerowsecurity)`)

test('a backup restored elsewhere holds every row as it was, behind the same walls', async () => {
  const other = await openWorld('other')
  try {
    expect(await restoreArchives(other.owner, [publicFile, keysFile])).toBe(1205)
    for (const schema of ['public', 'keys'] as const) {
      const again = join(folder, `${schema}-again.gz`)
      await writeArchive(other.reader, schema, again, clock)
      expect(await linesOf(again)).toEqual(await linesOf(schema === 'public' ? publicFile : keysFile))
    }
    const walls = await unforced(filled)
    expect(await unforced(other)).toEqual(walls)
    expect(await migrationStatus(other.owner.target)).toEqual({ pending: [], unknown: [], failed: [], edited: [] })
  } finally {
    await other.close()
  }
})

test('the keys can be restored after the data, and again only when that is wanted', async () => {
  const other = await openWorld('later')
  try {
    await restoreArchives(other.owner, [publicFile])
    expect(await restoreArchives(other.owner, [keysFile])).toBe(1)
    await expect(restoreArchives(other.owner, [keysFile])).rejects.toThrow('keys.data_key has rows')
    expect(await restoreArchives(other.owner, [keysFile], { overwrite: true })).toBe(1)
  } finally {
    await other.close()
  }
})

test('a backup of the data holds no key, and a backup of the keys holds no data', async () => {
  expect((await linesOf(publicFile)).filter((line) => line.includes(WRAPPED))).toEqual([])
  expect((await linesOf(keysFile)).filter((line) => line.includes(WRAPPED))).toHaveLength(1)
  expect((await linesOf(keysFile)).filter((line) => line.includes('public.'))).toEqual([])
})

test('a backup can be read by its owner alone, and never replaces an unfinished one', async () => {
  expect((await stat(keysFile)).mode & 0o777).toBe(0o600)
  await writeFile(join(folder, 'busy.gz.partial'), '')
  await expect(writeArchive(filled.reader, 'keys', join(folder, 'busy.gz'), clock)).rejects.toThrow('EEXIST')
  expect(await readdir(folder)).toContain('busy.gz.partial')
})

test('a database that has rows is refused, and keeps them', async () => {
  await expect(restoreArchives(filled.owner, [publicFile])).rejects.toThrow('give --yes')
  expect(await writeArchive(filled.reader, 'public', join(folder, 'kept.gz'), clock)).toBe(1204)
})

test.each([
  ['cut in a line', (lines: string[]) => lines.slice(0, 2).join('\n'), 'cut off'],
  ['short of a row', (lines: string[]) => lines.toSpliced(lines.findIndex(isRow), 1).join('\n'), 'cut off'],
  ['of another kind', () => '{"format":"other"}', 'not a backup'],
  ['empty', () => '', 'cut off'],
  ['not JSON', (lines: string[]) => `${lines[0]}\nnonsense`, 'damaged'],
  [
    'newer',
    ([header, ...rest]: string[]) =>
      [header?.replace('"migrations":["', '"migrations":["20991231000000_do_more","'), ...rest].join('\n'),
    'newer than this program',
  ],
])('a backup that is %s is refused before anything is changed', async (_, change, reason) => {
  const file = join(folder, 'bad.gz')
  await writeFile(file, gzipSync(change(await linesOf(publicFile))))
  await expect(restoreArchives(filled.owner, [file], { overwrite: true })).rejects.toThrow(reason)
  expect(await filled.reader.query('select count(*)::int as rows from subject')).toEqual([{ rows: 1201 }])
})

test('a backup whose compressed bytes are cut is refused', async () => {
  const file = join(folder, 'torn.gz')
  await writeFile(file, (await readFile(publicFile)).subarray(0, 500))
  await expect(restoreArchives(filled.owner, [file], { overwrite: true })).rejects.toThrow()
  expect(await filled.reader.query('select count(*)::int as rows from subject')).toEqual([{ rows: 1201 }])
})
