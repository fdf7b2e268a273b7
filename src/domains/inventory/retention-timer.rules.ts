import type { InventoryItem, Prisma } from '../../generated/prisma/client.ts'
import { type HoldViewer, isVisiblyHeld, seesConfidentialHolds } from './visible-state.rules.ts'

/** The states of a timer. They are derived from its item and the clock, never stored. */
export const TIMER_STATES = ['RUNNING', 'HELD', 'DUE', 'DONE', 'FAILED'] as const

/** A state of a timer. */
export type TimerState = (typeof TIMER_STATES)[number]

/** The columns of an item that are its timer. */
export type StoredTimer = Pick<
  InventoryItem,
  'state' | 'resumesAs' | 'holdConfidential' | 'dueAt' | 'attemptAt' | 'attempts' | 'doneAt'
>

/** A timer is overdue when it has been due for longer than this, in milliseconds: 60 seconds. */
export const OVERDUE_AFTER_MS = 60_000

/** The longest time that is told in seconds, about 68 years. */
const SECONDS_MAX = 2 ** 31 - 1

const withinBounds = (seconds: number): number => Math.min(Math.max(seconds, -SECONDS_MAX), SECONDS_MAX)

/**
 * The state of a timer that a caller is shown at `now`. An item that only confidential holds keep is told as what it is
 * without them to everyone but Staff with `holds:manage`.
 */
export function timerState(viewer: HoldViewer, item: StoredTimer, now: Date): TimerState {
  if (item.doneAt !== null) return 'DONE'
  if (isVisiblyHeld(viewer, item)) return 'HELD'
  if (item.attempts > 0) return 'FAILED'
  return item.dueAt !== null && item.dueAt <= now ? 'DUE' : 'RUNNING'
}

/**
 * Whole seconds until an item is due, rounded up; negative once it is overdue. Null where nothing has started its period,
 * and when it is done. A hold does not stop it: it says until when the data might be kept without the hold.
 */
export function remainingSeconds({ dueAt, doneAt }: Pick<StoredTimer, 'dueAt' | 'doneAt'>, now: Date): number | null {
  if (dueAt === null || doneAt !== null) return null
  const seconds = Math.ceil((dueAt.getTime() - now.getTime()) / 1000)
  return withinBounds(seconds === 0 ? 0 : seconds)
}

/** How many whole seconds after its instant an item ended; null where it lives, had no instant, or ended before it. */
export function driftSeconds({ dueAt, doneAt }: Pick<StoredTimer, 'dueAt' | 'doneAt'>): number | null {
  if (dueAt === null || doneAt === null || doneAt < dueAt) return null
  return withinBounds(Math.floor((doneAt.getTime() - dueAt.getTime()) / 1000))
}

/** When a timer is tried next, as a caller is shown it; null where it is held or done, or its partition ends it. */
export function nextAttemptAt(viewer: HoldViewer, item: StoredTimer, isEndedAlone: boolean): Date | null {
  if (item.state !== 'HELD') return item.attemptAt
  return isVisiblyHeld(viewer, item) || !isEndedAlone ? null : item.dueAt
}

/** The items that a caller is not told to be held, and that live. */
const whereNotHeld = (viewer: HoldViewer): Prisma.InventoryItemWhereInput => {
  const open = { state: { in: ['LIVE', 'RESTRICTED'] } } satisfies Prisma.InventoryItemWhereInput
  return seesConfidentialHolds(viewer) ? open : { OR: [open, { state: 'HELD', holdConfidential: true }] }
}

/** The items whose timers a caller is shown in one of these states at `now`: the same as `timerState`, as a condition. */
export function whereTimerStates(
  viewer: HoldViewer,
  states: readonly TimerState[],
  now: Date,
): Prisma.InventoryItemWhereInput {
  const lives = whereNotHeld(viewer)
  const untried = { attempts: 0 }
  const conditions: Record<TimerState, Prisma.InventoryItemWhereInput> = {
    RUNNING: { AND: [lives, untried, { OR: [{ dueAt: null }, { dueAt: { gt: now } }] }] },
    DUE: { AND: [lives, untried, { dueAt: { lte: now } }] },
    FAILED: { AND: [lives, { attempts: { gt: 0 } }] },
    HELD: { state: 'HELD', ...(seesConfidentialHolds(viewer) ? {} : { holdConfidential: false }) },
    DONE: { doneAt: { not: null } },
  }
  // The indexes of timers know what is not done, and are found by this condition alone.
  const open = states.includes('DONE') ? {} : { doneAt: null }
  return { AND: [open, { OR: states.map((state) => conditions[state]) }] }
}
