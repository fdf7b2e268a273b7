import type { Tx } from '../../db/database.ts'
import { uuidArray } from '../../db/uuid-array.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory, ErasureCause, InventoryState, RetentionAction } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'

/** What is ended together: items of one system and category, by one action. */
export type ErasedGroup = {
  readonly action: RetentionAction
  readonly system: string
  readonly category: DataCategory
  readonly itemIds: readonly string[]
}

/** Why groups of one account are ended, and the line of the ledger outside that announced it; null where none did. */
export type ErasureWhy = { readonly accountId: string; readonly cause: ErasureCause; readonly lineId: string | null }

/** Items that are ended together: of one account, system and category, by one cause. */
export type ErasureOf = ErasedGroup & ErasureWhy

/** What was counted after the effect. */
export type ReadBack = { readonly rows: number; readonly remaining: number; readonly keysDestroyed: number }

/** A group whose effect has happened. */
export type FinishedGroup = ErasedGroup & ReadBack & { readonly erasureId: string }

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
  const [id] = await beginErasures(tx, clock, of, [of])
  if (id === undefined) throw new Error('an erasure was begun that has no id')
  return id
}

/**
 * The same for several groups, in one statement.
 * @param ids of the erasures, in the order of the groups; default: new ones @returns the ids
 */
export async function beginErasures(
  tx: Tx,
  clock: Clock,
  { accountId, cause, lineId }: ErasureWhy,
  groups: readonly ErasedGroup[],
  ids: readonly string[] = groups.map(() => newId(clock)),
): Promise<readonly string[]> {
  await tx.$executeRaw`
    with begun as (
      insert into erasure (account_id, id, line_id, cause, action, system, category, items, begun_at)
      select ${accountId}::uuid, g.id, ${lineId}::uuid, ${cause}::erasure_cause, g.action, g.system, g.category, g.items,
        ${clock.now()}
      from unnest(${[...ids]}::uuid[], ${groups.map(({ action }) => action)}::retention_action[],
        ${groups.map(({ system }) => system)}::text[], ${groups.map(({ category }) => category)}::data_category[],
        ${groups.map(({ itemIds }) => itemIds.length)}::int[]) as g (id, action, system, category, items))
    insert into erasure_item (account_id, item_id, erasure_id)
    select ${accountId}::uuid, e.item_id, e.erasure_id
    from (${eachItem(groups, (_, at) => Prisma.sql`${ids[at]}::uuid`)}) as e (item_id, erasure_id)`
  return ids
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
  await tx.$executeRaw`
    update inventory_item as i set state = ${stateAfter(action)}::inventory_state, state_changed_at = ${now},
      done_at = ${now}, resumes_as = null, hold_confidential = false, attempt_at = null, last_problem = null
    from erasure_item as e
    where e.account_id = ${accountId}::uuid and e.erasure_id = ${id}::uuid
      and i.account_id = e.account_id and i.id = e.item_id`
  await tx.erasure.updateMany({ where: { accountId, id, finishedAt: null }, data: { ...counted, finishedAt: now } })
}

/** The same for several groups of an account, in one statement. @throws NotGoneError as above */
export async function finishErasures(
  tx: Tx,
  clock: Clock,
  accountId: string,
  groups: readonly FinishedGroup[],
): Promise<void> {
  if (groups.some(({ remaining }) => remaining !== 0)) throw new NotGoneError()
  const now = clock.now()
  await tx.$executeRaw`
    with ended as (
      update inventory_item as i set state = e.state, state_changed_at = ${now}, done_at = ${now}, resumes_as = null,
        hold_confidential = false, attempt_at = null, last_problem = null
      from (${eachItem(groups, ({ action }) => Prisma.sql`${stateAfter(action)}::inventory_state`)}) as e (id, state)
      where i.account_id = ${accountId}::uuid and i.id = e.id)
    update erasure as e set finished_at = ${now}, rows = g.rows, remaining = 0, keys_destroyed = g.keys
    from unnest(${groups.map(({ erasureId }) => erasureId)}::uuid[], ${groups.map(({ rows }) => rows)}::bigint[],
      ${groups.map(({ keysDestroyed }) => keysDestroyed)}::int[]) as g (id, rows, keys)
    where e.account_id = ${accountId}::uuid and e.id = g.id and e.finished_at is null`
}

/** What items are after an action: what is summed or unlinked was not erased. */
const stateAfter = (action: RetentionAction): InventoryState =>
  action === 'ANONYMISE' || action === 'DROP_PARTITION' ? 'ANONYMISED' : 'ERASED'

/** The items of groups as rows, each with a value of its group. */
function eachItem(groups: readonly ErasedGroup[], value: (group: ErasedGroup, at: number) => Prisma.Sql): Prisma.Sql {
  const rows = groups.map((group, at) => Prisma.sql`select unnest(${uuidArray(group.itemIds)}), ${value(group, at)}`)
  return Prisma.join(rows, ' union all ')
}
