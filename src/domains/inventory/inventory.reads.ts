import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory, InventoryState, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import { visibleStateOf } from './visible-state.reads.ts'
import type { HoldViewer } from './visible-state.rules.ts'

/** What items are counted by. */
export type InventoryGroup = 'CATEGORY' | 'SYSTEM' | 'PURPOSE' | 'STATE' | 'ACCOUNT'

/** Which items are counted; what is absent does not narrow. `collectedFrom` inclusive, `collectedTo` exclusive. */
export type CountFilter = {
  readonly accountId?: string | null | undefined
  readonly category?: DataCategory | null | undefined
  readonly system?: string | null | undefined
  readonly purpose?: Purpose | null | undefined
  readonly legalBasis?: LegalBasis | null | undefined
  readonly state?: InventoryState | null | undefined
  readonly processor?: { readonly accountId: string; readonly id: string } | null | undefined
  readonly collectedFrom?: Date | null | undefined
  readonly collectedTo?: Date | null | undefined
}

/** How many items a group has, and of how many persons. `key` of an account is its UUID. */
export type InventoryCountRow = {
  readonly groupBy: InventoryGroup
  readonly key: string
  readonly items: bigint
  readonly subjects: bigint
}

/** Whose items are counted (null: everybody's), and who asks. */
export type CountReach = { readonly accountId: string | null; readonly viewer: HoldViewer }

const KEY: Readonly<Record<InventoryGroup, (viewer: HoldViewer) => Prisma.Sql>> = {
  CATEGORY: () => Prisma.sql`i.category::text`,
  SYSTEM: () => Prisma.sql`i.system`,
  PURPOSE: () => Prisma.sql`p.purpose::text`,
  STATE: (viewer) => Prisma.sql`${visibleStateOf(viewer)}::text`,
  ACCOUNT: () => Prisma.sql`i.account_id::text`,
}

/**
 * A page of the counts of items, in order of the key, after the given one. An item with several purposes counts in each
 * of their groups; items of nobody count as items of no person. One statement.
 */
export async function readInventoryCounts(
  tx: Tx,
  reach: CountReach,
  groupBy: InventoryGroup,
  filter: CountFilter,
  page: { readonly limit: number; readonly after: string | null },
): Promise<InventoryCountRow[]> {
  const purposes = groupBy === 'PURPOSE' ? Prisma.sql`cross join unnest(i.purposes) as p (purpose)` : Prisma.empty
  const beyond = page.after === null ? Prisma.empty : Prisma.sql`where key > ${page.after}`
  const rows = await tx.$queryRaw<{ key: string; items: bigint; subjects: bigint }[]>`
    select key, items, subjects from (
      select ${KEY[groupBy](reach.viewer)} collate "C" as key, count(*) as items,
        count(distinct (i.account_id, i.subject_id)) filter (where i.subject_id is not null) as subjects
      from inventory_item i ${purposes} where ${conditions(reach, filter)} group by 1) as counted
    ${beyond} order by key limit ${page.limit}`
  return rows.map((row) => ({ groupBy, key: row.key, items: BigInt(row.items), subjects: BigInt(row.subjects) }))
}

function conditions(reach: CountReach, filter: CountFilter): Prisma.Sql {
  const { processor } = filter
  const all = [
    Prisma.sql`true`,
    reach.accountId && Prisma.sql`i.account_id = ${reach.accountId}::uuid`,
    filter.accountId && Prisma.sql`i.account_id = ${filter.accountId}::uuid`,
    filter.category && Prisma.sql`i.category = ${filter.category}::data_category`,
    filter.system && Prisma.sql`i.system = ${filter.system}`,
    filter.purpose && Prisma.sql`${filter.purpose}::purpose = any (i.purposes)`,
    filter.legalBasis && Prisma.sql`i.legal_basis = ${filter.legalBasis}::legal_basis`,
    filter.state && Prisma.sql`${visibleStateOf(reach.viewer)} = ${filter.state}::inventory_state`,
    filter.collectedFrom && Prisma.sql`i.collected_at >= ${filter.collectedFrom}`,
    filter.collectedTo && Prisma.sql`i.collected_at < ${filter.collectedTo}`,
    processor &&
      Prisma.sql`exists (select from inventory_recipient r where r.account_id = i.account_id and r.item_id = i.id
        and r.processor_home_id = ${processor.accountId}::uuid and r.processor_id = ${processor.id}::uuid)`,
  ]
  return Prisma.join(
    all.filter((each) => each instanceof Prisma.Sql),
    ' and ',
  )
}
