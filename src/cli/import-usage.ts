import { createClient, PrivacyApiError, PrivacyConfigurationError, PrivacyProblemError } from '@pipelet/privacy'
import { systemClock } from '../time/clock.ts'
import { readImportOptions } from './import/import-options.ts'
import { showProgress } from './import/import-progress.ts'
import { type ImportTotals, NO_TOTALS, openShift, sendTrace, type Tally } from './import/import-usage.ts'
import { TraceError } from './import/trace-error.ts'
import { scanTrace } from './import/trace-file.ts'

const EXIT_INTERRUPTED = 130
const HELD = 'What was sent is kept. Run the same command again to go on: nothing is stored twice.'

const number = (value: number | bigint) => value.toLocaleString('en-US')
const tallyLine = (name: string, { events, inputTokens, outputTokens }: Tally) =>
  `${name.padEnd(12)}${number(events)} events, ${number(inputTokens)} input tokens, ${number(outputTokens)} output tokens`

function printTotals({ rows, recorded, duplicates }: ImportTotals): void {
  console.log(`${'rows'.padEnd(12)}${number(rows)}`)
  console.log(tallyLine('recorded', recorded))
  console.log(tallyLine('duplicates', duplicates))
}

/** Imports the file that the arguments name. The first Ctrl-C ends it after the batch in flight, the second at once. */
async function main(): Promise<void> {
  const options = readImportOptions(process.argv.slice(2), systemClock.now())
  const client = createClient()
  const scan = await scanTrace(options.path)
  console.log(`${scan.format.name}: ${number(scan.rows)} rows, no fault found.`)
  const { shiftMs, asked } = await openShift(client, options, scan, systemClock.now())
  if (!asked) console.log('The times lie where the first run of this file into this account put them.')
  console.log(`The last row lies at ${new Date(scan.lastTimeMs + shiftMs).toISOString()}.`)
  const interruption = new AbortController()
  process.once('SIGINT', () => interruption.abort())
  const progress = showProgress(scan.rows, { stream: process.stdout, now: () => systemClock.now().getTime() })
  let totals = NO_TOTALS
  const onTotals = (now: ImportTotals) => {
    totals = now
    progress.show(now.rows)
  }
  try {
    await sendTrace(client, options, { scan, shiftMs, signal: interruption.signal, onTotals })
    progress.stop()
    printTotals(totals)
  } catch (error) {
    progress.stop()
    printTotals(totals)
    if (!interruption.signal.aborted) throw error
    console.error(`Interrupted. ${HELD}`)
    process.exitCode = EXIT_INTERRUPTED
  }
}

/** The text for the person who runs it. */
function textOf(error: unknown): string {
  if (error instanceof TraceError || error instanceof PrivacyConfigurationError) return error.message
  if (error instanceof PrivacyProblemError) return `The server refused it. ${error.message}`
  if (error instanceof PrivacyApiError) {
    const { code, requestId } = error
    return `${code}: ${error.message}${requestId ? ` (request ${requestId})` : ''}`
  }
  return error instanceof Error ? (error.stack ?? error.message) : 'The import failed.'
}

main().catch((error: unknown) => {
  console.error(textOf(error))
  process.exitCode = 1
})
