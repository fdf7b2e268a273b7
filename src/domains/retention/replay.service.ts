import type { LedgerLine } from '../../ledger/ledger-line.ts'
import type { Deps } from '../deps.ts'
import type { PersonalDataSystem } from '../personal-data.ts'
import { foldDueMonths } from '../usage/usage-fold.jobs.ts'
import { compareLedger } from './replay-compare.ts'
import { type IntentLine, type LineReplayed, replayLine } from './replay-line.ts'
import { sweepRetention } from './sweep.jobs.ts'

export type ReplayOptions = {
  /** Every line of the ledger outside, from its start at each call. */
  readonly lines: () => AsyncIterable<LedgerLine>
  /** Only what was announced at this instant or later. Default: everything. */
  readonly since?: Date
  /** Ends the replay after the transaction in hand. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ReplayProgress) => void
  /** Told what kept items that are due from being ended. */
  readonly onFailure?: (error: unknown) => void
}

/** How far a replay has come, in announcements. */
export type ReplayProgress = {
  /** That the ledger outside has. */
  readonly known: number
  /** Of these, that the database knew nothing of. */
  readonly missing: number
  /** Of these, that were looked through. */
  readonly replayed: number
}

/** What a replay did. */
export type Replayed = ReplayProgress &
  LineReplayed & {
    /** Rows of the database's ledger that say they were announced, and were not; null where only a part was compared. */
    readonly unannounced: number | null
  }

/** The replay was ended from outside before it was done. The next one goes on. */
export class ReplayEndedError extends Error {
  override readonly name = 'ReplayEndedError'
  readonly code = 'ERASURE.REPLAY_ENDED'
  constructor() {
    super('the replay of erasures was ended before it was done')
  }
}

/**
 * Ends again what was ended before the database was restored, or was about to be when a process was killed: whatever the
 * ledger outside announces and the database knows nothing of. What was committed then is ended even under a hold that came
 * back with the restore; what was not respects holds. What is not in the database is written off. Then what is due is
 * ended and folded, as it may have been before. May be killed at any moment and run by any number of processes: one
 * transaction a line, and the last line is not written down before all else is done, so that the next replay goes on.
 * Effects: what `endInTransaction` does; rows of `erasure`; lines of the ledger that say what is done now.
 * @throws LedgerNotWholeError when the ledger does not verify: nothing was changed; ReplayEndedError on `signal`
 * @see GDPR Art. 5(1)(e), 17, 32(1)(c)
 */
export async function replayErasures(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  options: ReplayOptions,
): Promise<Replayed> {
  const { known, missing, unannounced } = await compareLedger(deps, options)
  const done = { items: 0, rows: 0, keysDestroyed: 0, held: 0 }
  let replayed = 0
  const tell = () => options.onProgress?.({ known, missing: missing.count, replayed })
  tell()
  const replay = async (line: IntentLine) => {
    const result = await replayLine(deps, systems, line, missing.ends.get(line.id) === 'DONE')
    for (const key of ['items', 'rows', 'keysDestroyed', 'held'] as const) done[key] += result[key]
    replayed += 1
    tell()
  }
  let last: IntentLine | undefined
  for await (const line of missing.count === 0 ? [] : options.lines()) {
    if (options.signal?.aborted) throw new ReplayEndedError()
    if (line.kind !== 'INTENT' || !missing.has(line)) continue
    if (last) await replay(last)
    last = line
  }
  if (last) {
    await endDue(deps, systems, options)
    await replay(last)
  }
  return { known, missing: missing.count, replayed, ...done, unannounced }
}

/** What came back and was due has no place among what is served. */
async function endDue(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  { signal, onFailure }: ReplayOptions,
): Promise<void> {
  await sweepRetention(deps, systems, { ...(signal ? { signal } : {}), ...(onFailure ? { onFailure } : {}) })
  if (signal?.aborted) throw new ReplayEndedError()
  await foldDueMonths(deps.db, deps.clock)
}
