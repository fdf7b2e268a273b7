import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { expect, inject } from 'vitest'
import { writeArchive } from '../../src/db/archive.ts'
import { connectForBackup, type Place } from '../../src/db/connections.ts'
import type { Clock } from '../../src/time/clock.ts'
import { TEST_PASSWORD, withDatabase } from '../kit/global-setup.ts'
import type { Owner } from '../kit/owner.ts'

/** What a search looked at, so that a search of nothing is seen. */
export type Scan = {
  files: number
  bytes: number
  /** Names of files with a hit, and in which form. */
  readonly hits: string[]
}

/** The bytes that a text leaves behind, by how it was written. */
export function formsOf(text: string): readonly (readonly [form: string, bytes: Buffer])[] {
  const raw = Buffer.from(text)
  const utf16 = Buffer.from(text, 'utf16le')
  const hex = raw.toString('hex')
  return [
    ['raw', raw],
    ['raw, upper case', Buffer.from(text.toUpperCase())],
    ['UTF-16LE', utf16],
    ['UTF-16BE', Buffer.from(utf16).swap16()],
    ['hex', Buffer.from(hex)],
    ['HEX', Buffer.from(hex.toUpperCase())],
    ['hex of UTF-16', Buffer.from(utf16.toString('hex'))],
    ...[0, 1, 2].flatMap((shift) => base64Forms(raw, shift)),
  ]
}

/** The characters that a text surely has in base64 when it stands so many bytes after a group of three. */
function base64Forms(raw: Buffer, shift: number): (readonly [string, Buffer])[] {
  const bytes = Buffer.concat([Buffer.alloc(shift), raw])
  const sure = (text: string) => Buffer.from(text.slice(Math.ceil((shift * 8) / 6), Math.floor((bytes.length * 8) / 6)))
  return [
    [`base64+${shift}`, sure(bytes.toString('base64'))],
    [`base64url+${shift}`, sure(bytes.toString('base64url'))],
  ]
}

/** Looks for the forms in each file of these folders; what is compressed is looked into as well. */
export async function scanFolders(folders: readonly string[], forms: ReturnType<typeof formsOf>): Promise<Scan> {
  const scan: Scan = { files: 0, bytes: 0, hits: [] }
  for (const folder of folders)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      await scanFile(path, forms, scan)
    }
  return scan
}

async function scanFile(path: string, forms: ReturnType<typeof formsOf>, scan: Scan): Promise<void> {
  const overlap = Math.max(...forms.map(([, bytes]) => bytes.length)) - 1
  const found = new Set<string>()
  let rest = Buffer.alloc(0)
  let size = 0
  const file = createReadStream(path, { highWaterMark: 4 << 20 })
  try {
    for await (const chunk of path.endsWith('.gz') ? file.pipe(createGunzip()) : file) {
      size += chunk.length
      const piece = Buffer.concat([rest, chunk])
      for (const [form, bytes] of forms) if (piece.includes(bytes)) found.add(form)
      rest = piece.subarray(Math.max(0, piece.length - overlap))
    }
  } catch (error) {
    // A server removes and renames files while it runs.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return
  }
  scan.files += 1
  scan.bytes += size
  for (const form of found) scan.hits.push(`${path}: ${form}`)
}

/** The database's own folder, the shared catalogue, write-ahead log and log of a server. */
export async function serverFolders(owner: Owner): Promise<string[]> {
  if (inject('backend') === 'pglite') return []
  const [row] = await owner.query<{ folder: string; base: string; log: string }>(`
    select current_setting('data_directory') as folder, oid::text as base, current_setting('log_directory') as log
    from pg_database where datname = current_database()`)
  const of = (name: string) => join(row?.folder ?? '', name)
  const all = [of(`base/${row?.base}`), of('global'), of('pg_wal'), of(row?.log ?? 'log')]
  const there = await Promise.all(all.map((path) => readdir(path).then(Boolean, () => false)))
  // Its log may lie elsewhere; all else must be readable.
  expect(there.slice(0, 3)).toEqual([true, true, true])
  return all.filter((_, at) => there[at])
}

/** Where the command line would find the database to write a dump of it. */
export async function placeOf(owner: Owner, dataDir: string): Promise<Place> {
  if (inject('backend') === 'pglite') return { dataDir }
  const [row] = await owner.query<{ name: string }>('select current_database()::text as name')
  const backup = new URL(withDatabase(process.env['TEST_POSTGRES_URL'] ?? '', row?.name ?? ''))
  backup.username = 'privacy_backup'
  backup.password = TEST_PASSWORD
  return { dataDir, appUrl: backup.href, backupUrl: backup.href }
}

/** Data and keys as the command line writes them. */
export async function dump(place: Place, to: string, clock: Clock): Promise<void> {
  const connection = await connectForBackup(place)
  await writeArchive(connection, 'public', join(to, 'data.gz'), clock)
  await writeArchive(connection, 'keys', join(to, 'keys.gz'), clock)
  await connection.close()
}
