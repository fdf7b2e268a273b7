import type { Tx } from '../../db/database.ts'
import type { DataCategory, ErasureCause, RetentionAction } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'

/** Items that are ended together: of one account, system and category, by one cause. */
export type ErasureOf = {
  readonly accountId: string
  readonly cause: ErasureCause
  readonly action: RetentionAction
  readonly system: string
  readonly category: DataCategory
  readonly itemIds: readonly string[]
  /** The line of the ledger outside the database that announced it; null where none did. */
  readonly lineId: string | null
}

/** What was counted after the effect. */
export type ReadBack = { readonly rows: number; readonly remaining: number; readonly keysDestroyed: number }

/** Data was still there when it was counted again after the effect. Nothing was changed. */
export class NotGoneError extends Error {
  override readonly name = 'NotGoneError'
  readonly code = 'ERASURE.NOT_GONE'
  constructor() {
    super('data was still there when it was counted again after it had been ended')
  }
}

/**
 * Writes into the ledger that items are about to be ended, before the first destructive statement of the same
 * transaction. An item is ended once: that of another transaction makes this one fail.
 * Effects: a row of `erasure`, one of `erasure_item` for each item. @returns id of the erasure
 * @see NIST SP 800-88r2, 4.6 (documentation)
 */
export async function beginErasure(tx: Tx, clock: Clock, of: ErasureOf): Promise<string> {
  const { accountId, itemIds, ...rest } = of
  const id = newId(clock)
  await tx.erasure.createMany({ data: [{ ...rest, accountId, id, items: itemIds.length, begunAt: clock.now() }] })
  await tx.$executeRaw`
    insert into erasure_item (account_id, item_id, erasure_id)
    select ${accountId}::uuid, ended.id, ${id}::uuid from unnest(${[...itemIds]}::uuid[]) as ended (id)`
  return id
}

/**
 * Ends the items of an erasure and writes down what was counted after the effect.
 * Effects: rows of `inventory_item`, the row of `erasure`.
 * @throws NotGoneError when something was still there: the transaction must not commit
 */
export async function finishErasure(
  tx: Tx,
  clock: Clock,
  { accountId, id, action }: { readonly accountId: string; readonly id: string; readonly action: RetentionAction },
  counted: ReadBack,
): Promise<void> {
  if (counted.remaining !== 0) throw new NotGoneError()
  const now = clock.now()
  const state = action === 'ANONYMISE' || action === 'DROP_PARTITION' ? 'ANONYMISED' : 'ERASED'
  await tx.$executeRaw`
    update inventory_item as i set state = ${state}::inventory_state, state_changed_at = ${now}, done_at = ${now},
      resumes_as = null, hold_confidential = false, attempt_at = null, last_problem = null
    from erasure_item as e
    where e.account_id = ${accountId}::uuid and e.erasure_id = ${id}::uuid
      and i.account_id = e.account_id and i.id = e.item_id`
  await tx.erasure.updateMany({ where: { accountId, id, finishedAt: null }, data: { ...counted, finishedAt: now } })
}
