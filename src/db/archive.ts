import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { z } from 'zod'
import type { Clock } from '../time/clock.ts'
import type { Connection, Query } from './connections.ts'

/** The two halves of a database: everything, and the wrapped data keys, which are saved apart and not for long. */
export type ArchivedSchema = 'public' | 'keys'

/** A bound as PostgreSQL prints one of two instants or none; it becomes part of a statement again. */
const BOUND = /^(DEFAULT|FOR VALUES FROM \('[-+:. 0-9]+'\) TO \('[-+:. 0-9]+'\))$/

const partition = z.object({ parent: z.string(), schema: z.string(), name: z.string(), bound: z.string().regex(BOUND) })
const headerModel = z.object({
  format: z.literal('privacy-archive/1'),
  schema: z.enum(['public', 'keys']),
  createdAt: z.string(),
  migrations: z.array(z.string()),
  partitions: z.array(partition),
})
const tableModel = z.object({ table: z.string() })
const endModel = z.object({ rows: z.number().int() })

/** The first line of an archive: which half of which schema it holds. */
export type ArchiveHeader = z.output<typeof headerModel>

/** Rows that lie together in an archive. `rows` are PostgreSQL's text of a whole row. */
export type ArchivedRows = { readonly table: string; readonly rows: readonly string[] }

const BATCH_ROWS = 500

/**
 * Writes all rows of a schema, as of one instant, to a new file: gzip of lines, each a JSON value. First the header;
 * then for each table its name and its rows; last the number of rows, so that a cut file is known as one. Memory does
 * not grow with the data. The file appears under its name only when it is complete, readable by its owner alone.
 * @returns the number of rows.
 * @throws Error when the login may not see every row.
 */
export function writeArchive(
  connection: Connection,
  schema: ArchivedSchema,
  file: string,
  clock: Clock,
): Promise<number> {
  return connection.transaction(async (query) => {
    await query('set transaction isolation level repeatable read, read only')
    await query('set local row_security = off')
    const partial = `${file}.partial`
    const count = { rows: 0 }
    try {
      const lines = Readable.from(archiveLines(query, schema, clock, count))
      await pipeline(lines, createGzip(), createWriteStream(partial, { mode: 0o600, flags: 'wx' }))
      await rename(partial, file)
    } catch (error) {
      if (!isExisting(error)) await rm(partial, { force: true })
      throw error
    }
    return count.rows
  })
}

async function* archiveLines(query: Query, schema: ArchivedSchema, clock: Clock, count: { rows: number }) {
  const migrations = await query<{ name: string }>(`
    select migration_name as name from public._prisma_migrations
    where finished_at is not null and rolled_back_at is null order by 1`)
  const header: ArchiveHeader = {
    format: 'privacy-archive/1',
    schema,
    createdAt: clock.now().toISOString(),
    migrations: migrations.map((row) => row.name),
    partitions: await partitionsOf(query, schema),
  }
  yield `${JSON.stringify(header)}\n`
  for (const table of await tablesOf(query, schema)) {
    yield `${JSON.stringify({ table })}\n`
    await query(`declare archive no scroll cursor for select t::text as row from ${table} t`)
    for (;;) {
      const rows = await query<{ row: string }>(`fetch ${BATCH_ROWS} from archive`)
      if (rows.length === 0) break
      count.rows += rows.length
      yield rows.map(({ row }) => `${JSON.stringify(row)}\n`).join('')
    }
    await query('close archive')
  }
  yield `${JSON.stringify({ rows: count.rows })}\n`
}

/**
 * Reads an archive to its end.
 * @returns its header.
 * @throws Error when it is cut, damaged, or not an archive of this program.
 */
export async function checkArchive(file: string): Promise<ArchiveHeader> {
  const reading = readArchive(file)
  const first = await reading.next()
  if (first.done || !('format' in first.value)) throw new Error(`${file} is not a backup of this program`)
  for await (const _ of reading);
  return first.value
}

/** Reads the header, then the rows in the order in which they were written. @throws Error as `checkArchive`. */
export async function* readArchive(file: string): AsyncGenerator<ArchiveHeader | ArchivedRows> {
  const input = createReadStream(file)
  const unzipped = createGunzip()
  const piped = pipeline(input, unzipped).catch((error: unknown) => unzipped.destroy(asError(error)))
  let state: { table: string; rows: string[] } | undefined
  let seen = 0
  let total: number | undefined
  let header: ArchiveHeader | undefined
  for await (const line of createInterface({ input: unzipped, crlfDelay: Number.POSITIVE_INFINITY })) {
    const value: unknown = parsed(line, file)
    if (!header) {
      header = headerModel.safeParse(value).data
      if (!header) throw new Error(`${file} is not a backup of this program`)
      yield header
    } else if (typeof value === 'string' && state) {
      seen++
      if (state.rows.push(value) === BATCH_ROWS) yield { table: state.table, rows: state.rows.splice(0) }
    } else {
      if (state && state.rows.length > 0) yield state
      const table = tableModel.safeParse(value)
      state = table.success ? { table: table.data.table, rows: [] } : undefined
      if (!table.success) total = endModel.safeParse(value).data?.rows
    }
  }
  await piped
  if (total === undefined || total !== seen) throw new Error(`${file} is cut off: it is not a whole backup`)
}

/** The tables of a schema, qualified and quoted, each after those it refers to. Partitions are part of their table. */
export async function tablesOf(query: Query, schema: ArchivedSchema): Promise<string[]> {
  const tables = await query<{ oid: string; name: string }>(
    `select c.oid::text as oid, format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> '_prisma_migrations'
     order by 2`,
    [schema],
  )
  const references = await query<{ from: string; to: string }>(
    `select conrelid::text as from, confrelid::text as to from pg_constraint
     where contype = 'f' and conrelid <> confrelid`,
  )
  const left = new Map(tables.map((table) => [table.oid, table.name]))
  const ordered: string[] = []
  while (left.size > 0) {
    const waiting = new Set(references.filter(({ from, to }) => left.has(from) && left.has(to)).map(({ from }) => from))
    const ready = [...left].filter(([oid]) => !waiting.has(oid))
    if (ready.length === 0) throw new Error('tables that refer to each other in a circle cannot be restored')
    for (const [oid, name] of ready) {
      ordered.push(name)
      left.delete(oid)
    }
  }
  return ordered
}

function partitionsOf(query: Query, schema: ArchivedSchema): Promise<ArchiveHeader['partitions']> {
  return query(
    `select format('%I.%I', pn.nspname, p.relname) as parent, cn.nspname::text as schema, c.relname::text as name,
            pg_get_expr(c.relpartbound, c.oid) as bound
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace cn on cn.oid = c.relnamespace
     join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
     where c.relispartition and c.relkind = 'r' and pn.nspname = $1 order by 2, 3`,
    [schema],
  )
}

function parsed(line: string, file: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error(`${file} is damaged: it holds a line that is not JSON`)
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
const isExisting = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EEXIST'
