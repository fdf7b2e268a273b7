import { lockAccount } from '../accounts/account-guards.ts'
import type { Deps } from '../deps.ts'
import type { PersonalDataSystem } from '../personal-data.ts'
import { type EndingProblem, SWEEP_ITEMS } from './ending.rules.ts'
import { endTaken, unendable, withLine } from './ending.service.ts'
import { problemOf } from './ending-faults.ts'
import type { TakenItem } from './ending-items.ts'
import { anotherDue, claimDue, longestDue, markFailed, tryLockAccount } from './sweep-claims.ts'

export type SweepOptions = {
  /** Ends the sweep after the transaction in hand. */
  readonly signal?: AbortSignal
  /** How many items a transaction claims, at most. Default 1,000. */
  readonly batch?: number
  /** How many accounts are worked on at the same time, each with a connection of its own. Default 1. */
  readonly lanes?: number
  /** Told what kept items from being ended; their timers say no more than a code. */
  readonly onFailure?: (error: unknown) => void
}

/** What a sweep did: items that were ended, that could not be, and that are due later by what holds now. */
export type Swept = { readonly ended: number; readonly failed: number; readonly planned: number }

/** How many transactions an account gets before whoever waits longest comes first again. */
const TURN = 8

type Batch = Swept & { readonly busy: boolean; readonly claimed: number }

type Work = {
  readonly deps: Deps
  readonly systems: readonly PersonalDataSystem[]
  readonly accountId: string
  /** Whether to wait for the account when somebody else has it. */
  readonly wait: boolean
  readonly onFailure: SweepOptions['onFailure']
}

const NOTHING = { ended: 0, failed: 0, planned: 0 } as const

/**
 * Ends everything that is due, the longest waiting first: batch by batch, each of one account and one transaction, until
 * nothing is due. Any number of sweeps may run at once: they take different accounts, and an item is ended once. What
 * cannot be ended is tried again later and says why; it holds up nothing else.
 * Effects: what `endInTransaction` does; attempts of timers.
 * @see GDPR Art. 5(1)(e)
 */
export async function sweepRetention(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  options: SweepOptions = {},
): Promise<Swept> {
  const accounts: Accounts = { stuck: new Set(), busy: new Set(), inHand: new Set() }
  const lanes = Array.from({ length: options.lanes ?? 1 }, () => runLane(deps, systems, options, accounts))
  const total = { ...NOTHING } as { -readonly [K in keyof Swept]: number }
  for (const lane of await Promise.allSettled(lanes)) {
    if (lane.status === 'rejected') throw lane.reason
    for (const key of ['ended', 'failed', 'planned'] as const) total[key] += lane.value[key]
  }
  return total
}

/** What is known of accounts within a sweep. */
type Accounts = {
  /** What is due there cannot be claimed: it is held, or in other hands. */
  readonly stuck: Set<string>
  /** Another sweep or a writer has the account. */
  readonly busy: Set<string>
  /** A lane of this sweep works on it. */
  readonly inHand: Set<string>
}

/** Takes one account after the other until nothing is due that no other lane has. */
async function runLane(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  { batch = SWEEP_ITEMS, signal, onFailure }: SweepOptions,
  accounts: Accounts,
): Promise<Swept> {
  const total = { ...NOTHING } as { -readonly [K in keyof Swept]: number }
  while (!signal?.aborted) {
    const next = await nextAccount(deps, accounts)
    if (next === null) break
    const { accountId } = next
    // Another lane may have taken it while this one asked.
    if (accounts.inHand.has(accountId)) continue
    accounts.inHand.add(accountId)
    try {
      const turn = await runTurn({ deps, systems, onFailure, ...next }, batch, signal)
      for (const key of ['ended', 'failed', 'planned'] as const) total[key] += turn[key]
      if (turn.busy) accounts.busy.add(accountId)
      else if (turn.claimed === 0) accounts.stuck.add(accountId)
    } finally {
      accounts.inHand.delete(accountId)
    }
  }
  return total
}

/** Whose turn it is. An account that another sweep or a writer has is waited for only when there is no other. */
async function nextAccount(
  { db, clock }: Deps,
  { stuck, busy, inHand }: Accounts,
): Promise<{ accountId: string; wait: boolean } | null> {
  const now = clock.now()
  const first = await longestDue(db, now)
  if (first === null) return null
  if (!stuck.has(first) && !busy.has(first) && !inHand.has(first)) return { accountId: first, wait: false }
  const other = await anotherDue(db, now, [...stuck, ...busy, ...inHand])
  if (other !== null) return { accountId: other, wait: false }
  for (const accountId of busy) {
    busy.delete(accountId)
    if (!stuck.has(accountId) && !inHand.has(accountId)) return { accountId, wait: true }
  }
  return null
}

async function runTurn(work: Work, limit: number, signal: AbortSignal | undefined): Promise<Batch> {
  const turn = { ...NOTHING, busy: false, claimed: 0 } as { -readonly [K in keyof Batch]: Batch[K] }
  for (let count = 0; count < TURN && !signal?.aborted; count += 1) {
    const batch = await runBatch(work, { limit })
    turn.ended += batch.ended
    turn.failed += batch.failed
    turn.planned += batch.planned
    turn.claimed += batch.claimed
    if (batch.busy) return { ...turn, busy: true }
    if (batch.claimed < limit) break
  }
  return turn
}

/** Claims and ends a batch in one transaction; what fails of it is mended afterwards. */
async function runBatch(
  work: Work,
  of: { readonly limit: number } | { readonly itemIds: readonly string[] },
): Promise<Batch> {
  const { deps, systems, accountId, wait } = work
  let claim: { readonly due: readonly TakenItem[]; readonly claimed: number; readonly planned: number } | undefined
  try {
    return await withLine(deps, accountId, async (tx, line) => {
      if (wait) await lockAccount(tx, accountId)
      else if (!(await tryLockAccount(tx, accountId))) return { ...NOTHING, busy: true, claimed: 0 }
      deps.failpoint('locked')
      claim = await claimDue(tx, deps.clock.now(), accountId, of)
      deps.failpoint('claimed')
      const { good, bad } = sortOut(systems, claim.due)
      let failed = 0
      for (const [code, items] of bad) failed += await markFailed(tx, deps.clock, accountId, items, code)
      const request = { accountId, cause: 'RETENTION', lineId: line.id, items: good, requestId: line.id } as const
      const onAnnounced = () => {
        line.announced = true
      }
      const { items: ended } = await endTaken(tx, deps, systems, request, { onAnnounced })
      return { ended, failed, planned: claim.planned, busy: false, claimed: claim.claimed }
    })
  } catch (error) {
    if (!claim || claim.due.length === 0) throw error
    const mended = await mend(work, claim.due, error)
    return { ...mended, busy: false, claimed: claim.claimed }
  }
}

/** Sets aside what nobody can end, so that the rest need not be looked for. */
function sortOut(systems: readonly PersonalDataSystem[], due: readonly TakenItem[]) {
  const bad = new Map<EndingProblem, TakenItem[]>()
  const good = due.filter((item) => {
    const code = unendable(systems, item)
    if (code !== null) bad.set(code, [...(bad.get(code) ?? []), item])
    return code === null
  })
  return { good, bad }
}

/**
 * After a batch that failed as a whole: where the reason lies outside, all of it is put off; else halves are tried, down
 * to the items that fail alone.
 */
async function mend(work: Work, items: readonly TakenItem[], error: unknown): Promise<Swept> {
  const { deps, accountId, onFailure } = work
  const { code, outside } = problemOf(error)
  if (outside || items.length === 1) {
    onFailure?.(error)
    const failed = await deps.db.worker((tx) => markFailed(tx, deps.clock, accountId, items, code), accountId)
    return { ...NOTHING, failed }
  }
  const middle = Math.ceil(items.length / 2)
  const first = await runHalf(work, items.slice(0, middle))
  const second = await runHalf(work, items.slice(middle))
  return {
    ended: first.ended + second.ended,
    failed: first.failed + second.failed,
    planned: first.planned + second.planned,
  }
}

function runHalf(work: Work, items: readonly TakenItem[]): Promise<Batch> {
  return runBatch({ ...work, wait: true }, { itemIds: items.map(({ itemId }) => itemId) })
}
