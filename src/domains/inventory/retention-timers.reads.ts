import type { Tx } from '../../db/database.ts'
import type { InventoryItem, Prisma } from '../../generated/prisma/client.ts'

/** A place in the list of timers. */
export type TimerPlace = Pick<InventoryItem, 'dueAt' | 'accountId' | 'id'>

/** Which part of the list is read: what lies between two places, from its beginning or (inverted) from its end. */
export type TimerPage = {
  readonly after: TimerPlace | null
  readonly before: TimerPlace | null
  readonly limit: number
  readonly inverted: boolean
}

type Side = 'gt' | 'lt'

/** What lies on one side of a place among items with an instant. */
const besideInstant = (side: Side, { dueAt, id, accountId }: TimerPlace): Prisma.InventoryItemWhereInput =>
  dueAt === null
    ? {}
    : {
        dueAt: { [`${side}e`]: dueAt },
        OR: [{ dueAt: { [side]: dueAt } }, { id: { [side]: id } }, { id, accountId: { [side]: accountId } }],
      }

/** What lies on one side of a place among items without an instant. */
const besideNull = (side: Side, { dueAt, id, accountId }: TimerPlace): Prisma.InventoryItemWhereInput =>
  dueAt === null ? { OR: [{ id: { [side]: id } }, { id, accountId: { [side]: accountId } }] } : {}

const KEY = { dueAt: true, accountId: true, id: true } as const

/** Up to `limit` keys of the page, of items with an instant. */
async function datedKeys(tx: Tx, where: Prisma.InventoryItemWhereInput, page: TimerPage): Promise<TimerPlace[]> {
  const { after, before, limit, inverted } = page
  if (after && after.dueAt === null) return []
  const direction = inverted ? ('desc' as const) : ('asc' as const)
  const bounds = [after ? besideInstant('gt', after) : {}, before ? besideInstant('lt', before) : {}]
  return tx.inventoryItem.findMany({
    select: KEY,
    take: limit,
    where: { AND: [where, { dueAt: { not: null } }, ...bounds] },
    orderBy: [{ dueAt: direction }, { id: direction }, { accountId: direction }],
  })
}

/** The same of items without one. */
async function undatedKeys(tx: Tx, where: Prisma.InventoryItemWhereInput, page: TimerPage): Promise<TimerPlace[]> {
  const { after, before, limit, inverted } = page
  if (before && before.dueAt !== null) return []
  const direction = inverted ? ('desc' as const) : ('asc' as const)
  const bounds = [after ? besideNull('gt', after) : {}, before ? besideNull('lt', before) : {}]
  return tx.inventoryItem.findMany({
    select: KEY,
    take: limit,
    where: { AND: [where, { dueAt: null }, ...bounds] },
    orderBy: [{ id: direction }, { accountId: direction }],
  })
}

const nameOf = ({ accountId, id }: Pick<TimerPlace, 'accountId' | 'id'>) => `${accountId}/${id}`

/**
 * A page of items in the order of their instants, those without one last; equal ones by id. The keys of the page are read
 * from the indexes, one statement for those with an instant and one for those without; then its rows in one more.
 * @param selection what Pothos planned for the fields that were asked for
 */
export async function readTimers(
  tx: Tx,
  selection: object,
  where: Prisma.InventoryItemWhereInput,
  page: TimerPage,
): Promise<InventoryItem[]> {
  const dated = await datedKeys(tx, where, page)
  const undated = await undatedKeys(tx, where, page)
  const keys = (page.inverted ? [...undated, ...dated] : [...dated, ...undated]).slice(0, page.limit)
  const named = {
    accountId: { in: [...new Set(keys.map(({ accountId }) => accountId))] },
    id: { in: keys.map(({ id }) => id) },
  }
  const rows = await tx.inventoryItem.findMany({ ...selection, where: { AND: [where, named] } })
  const byName = new Map(rows.map((row) => [nameOf(row), row]))
  return keys.flatMap((key) => byName.get(nameOf(key)) ?? [])
}
