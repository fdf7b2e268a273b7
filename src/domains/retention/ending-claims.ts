import type { Tx } from '../../db/database.ts'
import { uuidArray } from '../../db/uuid-array.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { EndRequest, TakenItem } from './ending-items.ts'

/**
 * Whether no hold in force covers the item `i` of this account. Holds are rare: the function is asked only where the
 * account has one.
 */
export const notHeld = (accountId: string) => Prisma.sql`
  (not (select exists (select from legal_hold h where h.account_id = ${accountId}::uuid and h.released_at is null))
    or app.hold_over(i.account_id, i.subject_id, i.category, i.id) = 0)`

/** Of what is asked for, what lives and no hold covers; its rows are locked. The account's lock is taken already. */
export async function takeItems(tx: Tx, { accountId, cause, items }: EndRequest): Promise<readonly TakenItem[]> {
  const ids = items.map(({ itemId }) => itemId)
  const free = cause === 'REPLAY' ? Prisma.sql`true` : notHeld(accountId)
  const rows = await tx.$queryRaw<{ id: string; dueAt: Date | null }[]>`
    select i.id, i.due_at as "dueAt" from inventory_item i
    where i.account_id = ${accountId}::uuid and i.id = any(${uuidArray(ids)})
      and i.state in ('LIVE', 'HELD', 'RESTRICTED') and ${free}
    order by i.id for update`
  const dueAtOf = new Map(rows.map(({ id, dueAt }) => [id, dueAt]))
  return items.flatMap((item) => {
    const dueAt = dueAtOf.get(item.itemId)
    return dueAt === undefined ? [] : [{ ...item, dueAt }]
  })
}
