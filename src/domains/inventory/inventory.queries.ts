import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory, InventoryState, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { pageOf, readPageSize } from '../../schema/forward-page.ts'
import { globalId, readAccountId, readTenantKey } from '../../schema/global-id.ts'
import type { InputFields } from '../../schema/mutation.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { isUuid } from '../../time/id.ts'
import { type InventoryCountRow, readInventoryCounts } from './inventory.reads.ts'
import { CATEGORIES, isLocator, isSystemKey, PURPOSES } from './inventory.rules.ts'
import { inventoryCountReach, inventoryScope } from './inventory.scope.ts'
import { DataCategoryInfo, PurposeInfoObject } from './inventory-info.types.ts'
import { InventoryItemNode } from './inventory-item.types.ts'
import { type HoldViewer, whereVisibleState } from './visible-state.rules.ts'

const PAGE_MAX = 500
const PAGE_DEFAULT = 100

const sharedFilters = (t: InputFields) => ({
  accountId: t.id({ description: 'Of this account.' }),
  category: t.field({ type: DataCategory, description: 'Of this category.' }),
  system: t.string({ description: 'In the system with this key.' }),
  purpose: t.field({ type: Purpose, description: 'That may be used for this purpose.' }),
  legalBasis: t.field({ type: LegalBasis, description: 'On this ground.' }),
  state: t.field({ type: InventoryState, description: 'In this state.' }),
  processorId: t.id({ description: 'That this processor received.' }),
  collectedFrom: t.field({ type: 'DateTime', description: 'Collected at or after this instant.' }),
  collectedTo: t.field({ type: 'DateTime', description: 'Collected before this instant.' }),
})

const InventoryFilter = builder.inputType('InventoryFilter', {
  description: 'Which items; conditions are combined by AND.',
  fields: (t) => ({
    ...sharedFilters(t),
    subjectId: t.id({ description: 'Of this person.' }),
    locator: t.string({ description: 'At exactly this place, e.g. `usage_event/2026-03`.' }),
  }),
})

const InventoryCountFilter = builder.inputType('InventoryCountFilter', {
  description: 'Which items are counted; conditions are combined by AND. No condition singles a person out.',
  fields: sharedFilters,
})

const InventoryGroupEnum = builder.enumType('InventoryGroup', {
  description: 'What items are counted by.',
  values: {
    CATEGORY: { description: 'The category of data.' },
    SYSTEM: { description: 'The key of the system.' },
    PURPOSE: { description: 'The purpose; an item with several counts in each.' },
    STATE: { description: 'The state.' },
    ACCOUNT: { description: 'The account.' },
  } as const,
})

type Filter = typeof InventoryCountFilter.$inferInput &
  Pick<typeof InventoryFilter.$inferInput, 'subjectId' | 'locator'>

const isGiven = (value: string | null | undefined): value is string => typeof value === 'string'

/** Reads ids, and refuses what no item can have. @throws BAD_USER_INPUT naming the field */
function readFilter(filter: Filter) {
  const { accountId, subjectId, processorId, system, locator, collectedFrom, collectedTo, ...same } = filter
  if (isGiven(system) && !isSystemKey(system)) throw badInput('filter.system', 'is not the key of a system')
  if (isGiven(locator) && !isLocator(locator)) throw badInput('filter.locator', 'is not a locator')
  if (collectedFrom && collectedTo && collectedFrom >= collectedTo)
    throw badInput('filter.collectedTo', 'must lie after filter.collectedFrom')
  const subject = isGiven(subjectId) ? readTenantKey('filter.subjectId', 'Subject', subjectId) : null
  const account = isGiven(accountId) ? readAccountId('filter.accountId', accountId) : null
  if (subject && account && subject.accountId !== account)
    throw badInput('filter.subjectId', 'must be of the account in filter.accountId')
  const processor = isGiven(processorId) ? readTenantKey('filter.processorId', 'Processor', processorId) : null
  return { ...same, account, subject, processor, system, locator, collectedFrom, collectedTo }
}

function whereOf(viewer: HoldViewer, input: Filter | null | undefined): Prisma.InventoryItemWhereInput {
  const filter = readFilter(input ?? {})
  const { account, subject, processor } = filter
  return {
    AND: [
      account ? { accountId: account } : {},
      subject ? { accountId: subject.accountId, subjectId: subject.id } : {},
      filter.category ? { category: filter.category } : {},
      filter.system ? { system: filter.system } : {},
      filter.locator ? { locator: filter.locator } : {},
      filter.purpose ? { purposes: { has: filter.purpose } } : {},
      filter.legalBasis ? { legalBasis: filter.legalBasis } : {},
      filter.state ? whereVisibleState(viewer, filter.state) : {},
      filter.collectedFrom ? { collectedAt: { gte: filter.collectedFrom } } : {},
      filter.collectedTo ? { collectedAt: { lt: filter.collectedTo } } : {},
      processor ? { recipients: { some: { processorHomeId: processor.accountId, processorId: processor.id } } } : {},
    ],
  }
}

builder.queryField('inventoryItems', (t) =>
  t.prismaConnection({
    type: InventoryItemNode,
    cursor: 'accountId_id',
    ...needs('inventory:read', 'Pieces of personal data that the caller may see, newest entry first.'),
    args: { filter: t.arg({ type: InventoryFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_root, { filter }, { reads, session }) =>
      reads.tx.inventoryItem.count({ where: { AND: [inventoryScope(session), whereOf(session, filter)] } }),
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.inventoryItem.findMany({
        ...query,
        where: { AND: [inventoryScope(session), whereOf(session, filter)] },
        orderBy: { id: 'desc' },
      }),
  }),
)

const InventoryCount = builder.objectRef<InventoryCountRow>('InventoryCount').implement({
  description: 'How many items a group has.',
  extensions: cursorOf(null),
  fields: (t) => ({
    key: t.string({
      description: 'The category, purpose or state; the key of the system; or the global id of the account.',
      resolve: (row) => (row.groupBy === 'ACCOUNT' ? globalId('Account', row.key) : row.key),
    }),
    items: t.expose('items', { type: 'BigInt', description: 'Number of items.' }),
    subjects: t.expose('subjects', { type: 'BigInt', description: 'Number of persons that they are of.' }),
  }),
})

const encodeCursor = ({ key }: InventoryCountRow) => Buffer.from(key).toString('base64url')

function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString()
  const known = isSystemKey(key) || isUuid(key) || /^[A-Z]+(_[A-Z]+)*$/.test(key)
  if (!known) throw badInput('after', 'is not a cursor of this connection')
  return key
}

builder.queryField('inventoryCounts', (t) =>
  t.connection({
    type: InventoryCount,
    ...needs(
      'processing:read',
      'Items of the inventory, counted by group, in order of the key. Pages forward: 100 groups, or as many as `first` says, 500 at most.',
    ),
    args: {
      groupBy: t.arg({ type: InventoryGroupEnum, required: true, description: 'What to count by.' }),
      filter: t.arg({ type: InventoryCountFilter, description: 'Which items are counted; absent: all.' }),
    },
    resolve: async (_root, args, { reads, session }) => {
      const limit = readPageSize(args, { byDefault: PAGE_DEFAULT, max: PAGE_MAX })
      const after = args.after ? decodeCursor(args.after) : null
      const { account, ...filter } = readFilter(args.filter ?? {})
      const reach = inventoryCountReach(session)
      if (!reach) return pageOf([], limit, after, encodeCursor)
      const rows = await readInventoryCounts(
        reads.tx,
        { ...reach, viewer: session },
        args.groupBy,
        { ...filter, accountId: account },
        { limit: limit + 1, after },
      )
      return pageOf(rows, limit, after, encodeCursor)
    },
  }),
)

builder.queryFields((t) => ({
  dataCategories: t.field({
    type: [DataCategoryInfo],
    ...needs('public', 'Every category of personal data, with how long it is kept.'),
    resolve: () => Object.values(CATEGORIES),
  }),
  purposes: t.field({
    type: [PurposeInfoObject],
    ...needs('public', 'Every purpose for which personal data is used.'),
    resolve: () => Object.values(PURPOSES),
  }),
}))
