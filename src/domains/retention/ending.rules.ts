import type { DataCategory, RetentionAction } from '../../generated/prisma/enums.ts'

/** How many items of a person are ended in one transaction, at most. */
export const BATCH_ITEMS_MAX = 500

/** How many due items the sweep claims in one transaction. More are hardly faster, and hold up writers for longer. */
export const SWEEP_ITEMS = 1_000

/** How long after a failure an item is tried again: a minute, doubled with each further one, an hour at most. */
export const RETRY_SECONDS = 60
/** The longest pause between two attempts, in seconds. */
export const RETRY_SECONDS_MAX = 3_600

/** Every reason for which an item could not be ended, as its timer tells it, with what it means. */
export const ENDING_PROBLEMS = {
  'ERASURE.FAILED': 'The system answered with an error. What it was is in the log.',
  'ERASURE.NOT_BY_ITEM': 'What lies there goes with its whole partition, and not item by item.',
  'ERASURE.NOT_GONE': 'Data was still there when it was counted again after it had been ended.',
  'ERASURE.NO_SUCH_PLACE': 'The system has no such place.',
  'ERASURE.NO_SUCH_SYSTEM': 'This program has no system of that name.',
  'KEYS.PROVIDER_UNAVAILABLE': 'The key provider did not answer.',
  'LEDGER.UNAVAILABLE': 'The line of the ledger outside the database could not be written.',
} as const satisfies Record<string, string>

/** Why an item could not be ended, as a closed code. */
export type EndingProblem = keyof typeof ENDING_PROBLEMS

/** The key of what is ended together. */
type Kind = { readonly system: string; readonly category: DataCategory; readonly action: RetentionAction }

/** Items that are ended together: of one system and category, by one action. */
export type Group<I extends Kind> = Kind & { readonly items: readonly I[] }

/** Puts items of a kind together; kinds are in the order of system, category and action. */
export function groupItems<I extends Kind>(items: readonly I[]): readonly Group<I>[] {
  const groups = new Map<string, Kind & { items: I[] }>()
  for (const item of items) {
    const key = `${item.system} ${item.category} ${item.action}`
    const group = groups.get(key)
    if (group) group.items.push(item)
    else groups.set(key, { system: item.system, category: item.category, action: item.action, items: [item] })
  }
  const ordered = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
  return ordered.map(([, group]) => group)
}

/** How late timers of a category were: distinct delays in whole seconds, ascending, and how many had each. */
export type Drift = {
  readonly category: DataCategory
  readonly driftSeconds: readonly number[]
  readonly timers: readonly number[]
  readonly driftSecondsMax: number
}

/** The longest delay that the database can hold, in seconds. */
const DRIFT_SECONDS_MAX = 2 ** 31 - 1

/**
 * How late timers were that were done at `doneAt`, by category. What was done before it was due (the clock jumped)
 * counts as in time.
 */
export function driftOf(
  timers: readonly { readonly category: DataCategory; readonly dueAt: Date }[],
  doneAt: Date,
): readonly Drift[] {
  const byCategory = new Map<DataCategory, Map<number, number>>()
  for (const { category, dueAt } of timers) {
    const late = Math.floor((doneAt.getTime() - dueAt.getTime()) / 1000)
    const seconds = Math.min(Math.max(late, 0), DRIFT_SECONDS_MAX)
    const counts = byCategory.get(category) ?? new Map<number, number>()
    counts.set(seconds, (counts.get(seconds) ?? 0) + 1)
    byCategory.set(category, counts)
  }
  return [...byCategory].map(([category, counts]) => {
    const sorted = [...counts].sort(([a], [b]) => a - b)
    const driftSeconds = sorted.map(([seconds]) => seconds)
    return {
      category,
      driftSeconds,
      timers: sorted.map(([, count]) => count),
      driftSecondsMax: driftSeconds.at(-1) ?? 0,
    }
  })
}
