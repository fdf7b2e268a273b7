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

/**
 * A page of items in the order of their instants, those without one last; equal ones by id. One statement; a second where
 * the page reaches from those with an instant to those without.
 * @param selection what Pothos planned for the fields that were asked for
 */
export async function readTimers(
  tx: Tx,
  selection: object,
  where: Prisma.InventoryItemWhereInput,
  { after, before, limit, inverted }: TimerPage,
): Promise<InventoryItem[]> {
  const direction = inverted ? ('desc' as const) : ('asc' as const)
  const dated = async (take: number) =>
    after && after.dueAt === null
      ? []
      : tx.inventoryItem.findMany({
          ...selection,
          take,
          where: {
            AND: [
              where,
              { dueAt: { not: null } },
              after ? besideInstant('gt', after) : {},
              before ? besideInstant('lt', before) : {},
            ],
          },
          orderBy: [{ dueAt: direction }, { id: direction }, { accountId: direction }],
        })
  const undated = async (take: number) =>
    before && before.dueAt !== null
      ? []
      : tx.inventoryItem.findMany({
          ...selection,
          take,
          where: {
            AND: [where, { dueAt: null }, after ? besideNull('gt', after) : {}, before ? besideNull('lt', before) : {}],
          },
          orderBy: [{ id: direction }, { accountId: direction }],
        })
  const [first, second] = inverted ? [undated, dated] : [dated, undated]
  const rows = await first(limit)
  return rows.length < limit ? [...rows, ...(await second(limit - rows.length))] : rows
}
