import type { Database } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { forgetMonth } from './usage.partitions.ts'
import {
  differingAccounts,
  dropMonth,
  dueMonths,
  foldAccount,
  MonthChangedError,
  MonthHeldError,
} from './usage-fold.writes.ts'

/** How often a month is folded anew in one run because it changed meanwhile. After that the next run goes on. */
const ROUNDS_MAX = 5

/**
 * Folds every month that is due into aggregates and drops its events. One transaction for each account, then one for the
 * month. May be ended at any moment and run by any number of workers: what is done stays, nothing is counted twice, and
 * aggregates count only from the moment the events are gone.
 * A month is left alone while a hold of an account with events in it is not marked on all items.
 * Effects: rows of `usage_aggregate`, `usage_aggregate_subjects`, `usage_event_held`, `usage_month`, `erasure`,
 * `erasure_item`, `retention_drift`; partitions dropped; states of items of the inventory.
 * @returns how many months were dropped
 * @throws MonthChangedError when a month changed during each of five attempts
 */
export async function foldDueMonths(db: Database, clock: Clock): Promise<number> {
  let count = 0
  for (const month of await db.worker((tx) => dueMonths(tx, clock.now())))
    if (await foldMonth(db, month, clock)) count += 1
  return count
}

async function foldMonth(db: Database, month: string, clock: Clock): Promise<boolean> {
  for (let round = 1; ; round += 1) {
    for (const accountId of await db.worker((tx) => differingAccounts(tx, month)))
      await db.worker((tx) => foldAccount(tx, month, accountId), accountId)
    try {
      const dropped = await db.worker((tx) => dropMonth(tx, month, clock))
      forgetMonth(db, month)
      return dropped
    } catch (error) {
      if (error instanceof MonthHeldError) return false
      if (!(error instanceof MonthChangedError) || round >= ROUNDS_MAX) throw error
    }
  }
}
