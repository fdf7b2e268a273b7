import { createHash } from 'node:crypto'
import { type PrivacyClient, paginate, type RecordUsageInput, unwrap } from '@pipelet/privacy'
import { acceptedFrom, type UsageWindow, type WindowRule } from '../../domains/usage/usage-window.rules.ts'
import type { ImportOptions } from './import-options.ts'
import { TraceError } from './trace-error.ts'
import { eachBatch, type NumberedRow, type TraceScan } from './trace-file.ts'

/** Events and tokens, as the server answered. */
export type Tally = { readonly events: number; readonly inputTokens: bigint; readonly outputTokens: bigint }

/** What an import did so far. */
export type ImportTotals = {
  /** Rows of the file that the server has answered for. */
  readonly rows: number
  /** What was new. */
  readonly recorded: Tally
  /** What the server knew already. */
  readonly duplicates: Tally
}

/** Nothing done yet. */
export const NO_TOTALS: ImportTotals = {
  rows: 0,
  recorded: { events: 0, inputTokens: 0n, outputTokens: 0n },
  duplicates: { events: 0, inputTokens: 0n, outputTokens: 0n },
}

type ServerTally = {
  readonly events: number
  readonly inputTokens: number | string
  readonly outputTokens: number | string
}
type UsageEvent = RecordUsageInput['events'][number]

const add = (sum: Tally, more: ServerTally): Tally => ({
  events: sum.events + more.events,
  inputTokens: sum.inputTokens + BigInt(more.inputTokens),
  outputTokens: sum.outputTokens + BigInt(more.outputTokens),
})

/**
 * The id of a row's request: the same for the same file, line and account, so that no run stores it twice.
 * @returns the first 32 hexadecimal digits of a SHA-256
 */
export function requestIdOf(fileHash: string, line: number, accountId: string): string {
  return createHash('sha256').update(`${fileHash}:${line}:${accountId}`).digest('hex').slice(0, 32)
}

/** The rules that drop months of usage, as the server publishes them. */
async function windowOf(client: PrivacyClient): Promise<UsageWindow> {
  const rules: WindowRule[] = []
  const pages = paginate((after) => client.retentionRules({ filter: { action: 'DROP_PARTITION' }, after }))
  for await (const { id, version, category, trigger, period, effectiveFrom } of pages)
    if (trigger === 'CREATED' && (category === 'USAGE' || category === 'SECURITY'))
      rules.push({ id, version, category, trigger, period, effectiveFrom: new Date(effectiveFrom) })
  return { rules, foldedUntil: null }
}

/**
 * How far the times are moved, in milliseconds. The server keeps what the first run of the file into the account asked
 * for and tells it to every later one.
 * @throws TraceError for a file without dates and without `--until`, and for one that would lie in months that are no
 * longer kept: it would be refused, and yet its first run would have decided
 */
export async function openShift(
  client: PrivacyClient,
  options: Pick<ImportOptions, 'accountId' | 'until'>,
  { format, fileHash, lastTimeMs }: TraceScan,
  now: Date,
): Promise<{ readonly shiftMs: number; readonly asked: boolean }> {
  const { accountId, until } = options
  if (!format.hasInstants && !until)
    throw new TraceError(`A file of ${format.name} counts its times from its begin: say with --until where it ends.`)
  const wanted = until ? until.getTime() - lastTimeMs : 0
  const from = acceptedFrom(await windowOf(client), now)
  if (lastTimeMs + wanted < from.getTime())
    throw new TraceError(`Usage before ${from.toISOString()} is not taken: say with --until where the file ends.`)
  const opened = unwrap(await client.openUsageImport({ accountId, fileHash, shiftMs: wanted }))
  const shiftMs = Number(opened.shiftMs)
  return { shiftMs, asked: shiftMs === wanted }
}

/**
 * Sends the rows of a scanned file batch by batch. Stops after the batch in flight when `signal` is aborted. What was
 * sent before a failure stays; another run goes on from there.
 * @throws PrivacyApiError, PrivacyProblemError, TraceError
 */
export async function sendTrace(
  client: PrivacyClient,
  options: ImportOptions,
  run: {
    readonly scan: TraceScan
    readonly shiftMs: number
    readonly signal: AbortSignal
    readonly onTotals: (totals: ImportTotals) => void
  },
): Promise<void> {
  const { accountId } = options
  let totals = NO_TOTALS
  await eachBatch(options.path, run.scan, options.batchSize, async (rows) => {
    run.signal.throwIfAborted()
    const events = rows.map((row) => eventOf(row, options, run))
    const { recorded, duplicates } = unwrap(await client.recordUsage({ accountId, events }))
    totals = {
      rows: totals.rows + rows.length,
      recorded: add(totals.recorded, recorded),
      duplicates: add(totals.duplicates, duplicates),
    }
    run.onTotals(totals)
  })
}

function eventOf(
  row: NumberedRow,
  { accountId, model, region, endpointKind }: ImportOptions,
  { scan, shiftMs }: { readonly scan: TraceScan; readonly shiftMs: number },
): UsageEvent {
  return {
    occurredAt: new Date(row.timeMs + shiftMs),
    requestId: requestIdOf(scan.fileHash, row.line, accountId),
    kind: 'INFERENCE',
    model: row.model ?? model,
    endpointKind,
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    ...(region === null ? {} : { region }),
  }
}
