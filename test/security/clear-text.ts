import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Owner } from '../kit/owner.ts'
import { TABLES_SQL } from '../kit/owner.ts'
import type { World } from '../kit/world.ts'

/** Where text was looked for: files and rows, so that a search of nothing is seen. */
export type Search = {
  readonly way: 'data directory' | 'tables'
  readonly files: number
  readonly bytes: number
  /** What was found, by the file or table it was found in. */
  readonly hits: readonly string[]
}

/**
 * Looks for texts in everything that the database keeps, write-ahead log included, after a checkpoint, and in the data
 * folder of the server with its keys. A server whose files cannot be read is searched row by row instead.
 */
export async function searchClearText(world: World, owner: Owner, needles: readonly string[]): Promise<Search> {
  if (needles.length === 0) throw new Error('there is nothing to look for')
  await owner.query('checkpoint')
  const folders = await foldersOf(world, owner)
  const found = await searchFiles([world.resources.dataDir, ...(folders ?? [])], needles)
  const tables = folders ? [] : await searchTables(owner, needles)
  return { way: folders ? 'data directory' : 'tables', ...found, hits: [...found.hits, ...tables] }
}

/** The database's own folder, the shared catalogue, log and write-ahead log of a server; null when unreadable. */
async function foldersOf(world: World, owner: Owner): Promise<string[] | null> {
  if (world.resources.db.kind === 'pglite') return []
  const [row] = await owner.query<{ folder: string; base: string }>(`
    select current_setting('data_directory') as folder, oid::text as base from pg_database
    where datname = current_database()`)
  if (!row) throw new Error('the server does not say where its data lies')
  const folders = [join(row.folder, 'base', row.base), join(row.folder, 'global'), join(row.folder, 'pg_wal')]
  return readdir(row.folder).then(
    () => folders,
    () => null,
  )
}

async function searchFiles(folders: readonly string[], needles: readonly string[]) {
  const hits: string[] = []
  let [files, bytes] = [0, 0]
  for (const folder of folders)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      // A server removes and renames files while it runs.
      const content = await readFile(join(entry.parentPath, entry.name)).catch(() => null)
      if (!content) continue
      files += 1
      bytes += content.length
      for (const needle of needles) if (content.includes(needle)) hits.push(`${entry.name}: ${needle}`)
    }
  return { files, bytes, hits }
}

async function searchTables(owner: Owner, needles: readonly string[]): Promise<string[]> {
  const hits: string[] = []
  for (const { name } of await owner.query<{ name: string }>(TABLES_SQL))
    for (const { line } of await owner.query<{ line: string }>(`select t::text as line from ${name} t`))
      for (const needle of needles)
        if (line.includes(needle) || line.includes(Buffer.from(needle).toString('hex'))) hits.push(`${name}: ${needle}`)
  return hits
}
