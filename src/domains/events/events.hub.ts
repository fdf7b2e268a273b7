import { callerName } from '../../db/caller.ts'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { type Live, type LiveStream, Refusal, type Wake } from '../live.ts'

/** How many streams one caller may have open at once. */
export const STREAMS_PER_CALLER_MAX = 20

/** How many streams one process holds open. */
export const STREAMS_MAX = 1_000

/** Settings of the hub. */
export type HubOptions = {
  readonly db: Database
  readonly clock: Clock
  /** Milliseconds between two looks at the feeds; default 1,000. */
  readonly intervalMs?: number
  /** Default `STREAMS_PER_CALLER_MAX`. */
  readonly perCallerMax?: number
  /** Default `STREAMS_MAX`. */
  readonly totalMax?: number
  /** Told how many streams are open, at each change. */
  readonly onCount?: (count: number) => void
  /** Told of a look that failed; the next one is tried. */
  readonly onFailure?: (error: unknown) => void
}

/** The streams of a process, and the way to end them. */
export type EventHub = Live & {
  /** Ends every stream at once, and takes no more. */
  close(): void
}

type Wait = { readonly position: bigint; readonly until: Date; readonly wake: (word: Wake) => void }
type Entry = { readonly caller: string; readonly feedId: string; wait: Wait | null; ended: boolean }

/**
 * Watches the feeds that are followed in this process: one statement an interval for all of them together, and none,
 * nor a timer, while nobody follows. Times are those of `clock`, looked at once an interval.
 */
export function createEventHub(options: HubOptions): EventHub {
  const { db, clock, intervalMs = 1_000, onCount = () => {}, onFailure = () => {} } = options
  const entries = new Set<Entry>()
  const latest = new Map<string, bigint>()
  let timer: NodeJS.Timeout | undefined
  let looking = false
  let closed = false

  const look = async (): Promise<void> => {
    looking = true
    timer = undefined
    const rows = await readCounters(db, entries).catch((error: unknown) => {
      onFailure(error)
      return []
    })
    const now = clock.now()
    const followed = new Set([...entries].map((entry) => entry.feedId))
    for (const row of rows) if (followed.has(row.feed_id)) latest.set(row.feed_id, row.sequence)
    for (const { wait, feedId } of entries) {
      if (wait === null) continue
      if ((latest.get(feedId) ?? 0n) > wait.position) wait.wake('NEWS')
      else if (now >= wait.until) wait.wake('TIME')
    }
    looking = false
    watch()
  }
  const watch = () => {
    if (timer === undefined && !looking && entries.size > 0) timer = setTimeout(() => void look(), intervalMs)
  }
  const end = (entry: Entry) => {
    entry.ended = true
    entry.wait?.wake('END')
    if (!entries.delete(entry)) return
    if (![...entries].some((other) => other.feedId === entry.feedId)) latest.delete(entry.feedId)
    onCount(entries.size)
    if (entries.size > 0) return
    clearTimeout(timer)
    timer = undefined
  }
  return {
    open: (caller, feedId) => {
      const entry: Entry = { caller: callerName(caller), feedId, wait: null, ended: false }
      assertRoom(entries, entry.caller, options, closed)
      entries.add(entry)
      onCount(entries.size)
      watch()
      return streamOf(entry, latest, () => end(entry))
    },
    close: () => {
      closed = true
      for (const entry of [...entries]) end(entry)
    },
  }
}

function assertRoom(entries: ReadonlySet<Entry>, caller: string, options: HubOptions, closed: boolean): void {
  const { perCallerMax = STREAMS_PER_CALLER_MAX, totalMax = STREAMS_MAX } = options
  const own = [...entries].filter((entry) => entry.caller === caller).length
  if (closed || own >= perCallerMax || entries.size >= totalMax) throw new Refusal('TOO_MANY_STREAMS')
}

function streamOf(entry: Entry, latest: ReadonlyMap<string, bigint>, end: () => void): LiveStream {
  return {
    get latest() {
      return latest.get(entry.feedId) ?? null
    },
    get ended() {
      return entry.ended
    },
    wait: (position, until) => {
      if (entry.ended) return Promise.resolve('END')
      if ((latest.get(entry.feedId) ?? 0n) > position) return Promise.resolve('NEWS')
      return new Promise((resolve) => {
        const wake = (word: Wake) => {
          entry.wait = null
          resolve(word)
        }
        entry.wait = { position, until, wake }
      })
    },
    close: end,
  }
}

function readCounters(db: Database, entries: ReadonlySet<Entry>) {
  const feedIds = [...new Set([...entries].map((entry) => entry.feedId))]
  return db.worker(
    (tx) => tx.$queryRaw<{ feed_id: string; sequence: bigint }[]>`
      select feed_id, sequence from event_counter where feed_id = any(${feedIds}::uuid[])`,
  )
}
