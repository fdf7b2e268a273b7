import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { TraceError } from './trace-error.ts'
import { formatOf, type TraceFormat, type TraceRow } from './trace-formats.ts'

/** A row with the line where it starts, from 1. */
export type NumberedRow = TraceRow & { readonly line: number }

/** What the first pass over a file finds. */
export type TraceScan = {
  readonly format: TraceFormat
  /** SHA-256 of the file, 64 lower-case hexadecimal digits. */
  readonly fileHash: string
  readonly rows: number
  /** The latest time of all rows, see `TraceRow`. */
  readonly lastTimeMs: number
}

type CsvRecord = { readonly record: string[]; readonly info: { readonly lines: number } }
type RowHandler = (row: NumberedRow, format: TraceFormat) => void | Promise<void>

/** Reads a file row by row without holding it. @throws TraceError for the first bad row @returns its SHA-256 */
async function readTrace(path: string, onRow: RowHandler): Promise<string> {
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  // The number of columns is checked here, so that the error can name the line.
  const parser = parse({ bom: true, info: true, relax_column_count: true, skip_empty_lines: true })
  let format: TraceFormat | null = null
  try {
    await pipeline(createReadStream(path), hashing, parser, async (records: AsyncIterable<CsvRecord>) => {
      for await (const { record, info } of records) {
        if (!format) {
          format = formatOf(record)
          continue
        }
        const line = info.lines
        if (record.length !== format.columns.length)
          throw new TraceError(`line ${line}: has ${record.length} columns instead of ${format.columns.length}`)
        await onRow({ ...format.read(record, line), line }, format)
      }
    })
  } catch (error) {
    throw explained(error)
  }
  if (!format) throw new TraceError('The file is empty.')
  return hash.digest('hex')
}

function explained(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (error instanceof CsvError) return new TraceError(`line ${error['lines']}: is not CSV (${error.code})`)
  if (code === 'ENOENT') return new TraceError('The file does not exist.')
  return code === 'EISDIR' || code === 'EACCES' ? new TraceError('The file cannot be read.') : error
}

/** Checks the whole file. @throws TraceError for the first bad row, an unknown header, or a file without rows */
export async function scanTrace(path: string): Promise<TraceScan> {
  let rows = 0
  let lastTimeMs = Number.NEGATIVE_INFINITY
  let found: TraceFormat | null = null
  const fileHash = await readTrace(path, (row, format) => {
    rows += 1
    lastTimeMs = Math.max(lastTimeMs, row.timeMs)
    found = format
  })
  if (!found) throw new TraceError('The file has no rows.')
  return { format: found, fileHash, rows, lastTimeMs }
}

/**
 * Hands the rows of a scanned file over in batches, one after the other.
 * @throws TraceError when the file has changed since
 */
export async function eachBatch(
  path: string,
  { fileHash }: Pick<TraceScan, 'fileHash'>,
  size: number,
  send: (rows: readonly NumberedRow[]) => Promise<void>,
): Promise<void> {
  let batch: NumberedRow[] = []
  const hashNow = await readTrace(path, async (row) => {
    batch.push(row)
    if (batch.length < size) return
    const full = batch
    batch = []
    await send(full)
  })
  if (hashNow !== fileHash) throw new TraceError('The file has changed while it was imported.')
  if (batch.length > 0) await send(batch)
}
