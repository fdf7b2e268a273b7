import { Gauge } from 'prom-client'
import { type Replayed, type ReplayProgress, replayErasures } from './domains/retention/replay.service.ts'
import type { Log } from './http/logging.ts'
import type { Metrics } from './http/metrics.ts'
import { LedgerNotWholeError } from './ledger/read-ledger.ts'
import type { Resources } from './resources.ts'
import { SYSTEMS } from './systems.ts'

/** How long after a failure the ledger is looked at again, in milliseconds. */
const RETRY_MS = 2_000

/** The program was told to stop before it had begun to serve. */
export class StartEndedError extends Error {
  override readonly name = 'StartEndedError'
  constructor() {
    super('The start was ended before the program was ready.')
  }
}

/**
 * Ends again what a restored database has brought back, before anything is served or worked on. Resolves when nothing is
 * missing; until then it tries again, and says in the log why: a ledger that does not verify is named by file and line.
 * Effects: as `replayErasures`; gauges of what is known, missing and replayed.
 * @throws StartEndedError on `signal`
 */
export async function settleErasures(
  resources: Resources,
  { log, metrics, signal }: { readonly log: Log; readonly metrics: Metrics; readonly signal?: AbortSignal },
): Promise<void> {
  const tell = createGauges(metrics)
  for (;;) {
    if (signal?.aborted) throw new StartEndedError()
    try {
      const options = { onProgress: tell, onFailure: (error: unknown) => log.error('erasures.not_ended', error) }
      return report(
        log,
        await replayErasures(resources, SYSTEMS, {
          ...options,
          lines: () => resources.ledger.read(),
          ...(signal ? { signal } : {}),
        }),
      )
    } catch (error) {
      if (signal?.aborted) throw new StartEndedError()
      const { file, line, fault: reason } = error instanceof LedgerNotWholeError ? error : {}
      log.error('erasures.not_replayed', error, { file, line, reason })
    }
    await pause(signal)
  }
}

function report(log: Log, { missing, items, unannounced }: Replayed): void {
  if (missing > 0) log.warn('erasures.replayed', { lines: missing, count: items })
  if (unannounced !== null && unannounced > 0) log.warn('erasures.unannounced', { count: unannounced })
}

function createGauges({ registry }: Metrics): (progress: ReplayProgress) => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] })
  const known = gauge('erasure_lines_known', 'Announcements in the ledger of erasures outside, at the start.')
  const missing = gauge('erasure_lines_missing', 'Of these, those that the database knew nothing of.')
  const replayed = gauge('erasure_lines_replayed', 'Of these, those that were looked through.')
  return (progress) => {
    known.set(progress.known)
    missing.set(progress.missing)
    replayed.set(progress.replayed)
  }
}

function pause(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, RETRY_MS)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
