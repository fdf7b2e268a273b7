import type { Tx } from '../../db/database.ts'
import { newId } from '../../time/id.ts'
import type { Deps } from '../deps.ts'
import type { Counted } from '../personal-data.ts'
import { beginErasure, type ErasedGroup, finishErasure } from './erasure.service.ts'

/** The line of the ledger outside the database that announces what one transaction ends. */
export type LedgerLine = { readonly id: string; state: 'NEW' | 'ANNOUNCED' | 'COMMITTING' }

/**
 * Runs a use case that may end items, and tells the ledger outside how it went: done after the commit, aborted when it
 * failed before. Where the commit itself failed, or the ledger cannot be told any more, the line stays open, and a replay
 * looks.
 */
export async function withLedgerLine<T>(
  deps: Pick<Deps, 'ledger' | 'clock'>,
  write: (line: LedgerLine) => Promise<T>,
): Promise<T> {
  const line: LedgerLine = { id: newId(deps.clock), state: 'NEW' }
  const told = (how: 'done' | 'aborted') => deps.ledger[how](line.id, deps.clock.now()).catch(() => undefined)
  try {
    const result = await write(line)
    if (line.state !== 'NEW') await told('done')
    return result
  } catch (error) {
    if (line.state === 'ANNOUNCED') await told('aborted')
    throw error
  }
}

/**
 * Ends items because a caller deletes their data, in the caller's transaction: the ledger first, here and outside, then
 * the effect, then what was counted after it. The caller holds the account's lock, has found the items living and not
 * held, and sets the line to COMMITTING when nothing is left to do. No key is destroyed: something of the person stays.
 * Effects: rows of `erasure`, `erasure_item`, `inventory_item`; a line of the ledger.
 * @throws NotGoneError when something was still there: the transaction must not commit
 * @see GDPR Art. 17
 */
export async function endForCaller(
  tx: Tx,
  deps: Pick<Deps, 'ledger' | 'clock'>,
  line: LedgerLine,
  group: ErasedGroup & { readonly accountId: string },
  effect: () => Promise<Counted>,
): Promise<void> {
  const { accountId, system, category, action, itemIds } = group
  const id = await beginErasure(tx, deps.clock, { ...group, cause: 'CALLER', lineId: line.id })
  const announced = { erasureId: id, accountId, system, category, action, itemIds }
  await deps.ledger.intend(line.id, deps.clock.now(), [announced])
  line.state = 'ANNOUNCED'
  const counted = await effect()
  await finishErasure(tx, deps.clock, { accountId, id, action }, { ...counted, keysDestroyed: 0 })
}
