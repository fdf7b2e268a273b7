import { InventoryState } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { globalId, NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { aboutPerson } from '../../schema/root-field.ts'
import { CATEGORIES, LEGAL_BASES, PURPOSES } from './inventory.rules.ts'
import { inventoryScope } from './inventory.scope.ts'
import { DataCategoryInfo, LegalBasisInfoObject, PurposeInfoObject } from './inventory-info.types.ts'
import './retention-rule.types.ts'
import { visibleState } from './visible-state.rules.ts'

export const InventoryRecipientObject = builder.prismaObject('InventoryRecipient', {
  description: 'That a processor received the data of an item.',
  extensions: cursorOf(['uuid', 'uuid', 'uuid', 'purpose']),
  fields: (t) => ({
    processor: t.relation('processor', { description: 'Who received it.' }),
    purpose: t.field({
      type: PurposeInfoObject,
      description: 'What it received the data for.',
      resolve: (row) => PURPOSES[row.purpose],
    }),
    firstAt: t.expose('firstAt', { type: 'DateTime', description: 'When it first received the data.' }),
    lastAt: t.expose('lastAt', { type: 'DateTime', description: 'When it last received the data.' }),
  }),
})

export const InventoryItemNode = builder.prismaNode('InventoryItem', {
  nullable: true,
  description: 'One piece of personal data: of one person, in one place, for its purposes.',
  ...aboutPerson((item: { accountId: string; subjectId: string | null; id: string }) => ({
    accountId: item.accountId,
    subjectId: item.subjectId,
    recordType: 'InventoryItem',
    recordId: item.id,
  })),
  id: { resolve: (item) => tenantKey(item) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [inventoryScope(context.session)],
  }),
  fields: (t) => ({
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: (item) => globalId('Account', item.accountId),
    }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person; null where it is of nobody in particular.',
      resolve: ({ accountId, subjectId }) =>
        subjectId === null ? null : globalId('Subject', tenantKey({ accountId, id: subjectId })),
    }),
    category: t.field({
      type: DataCategoryInfo,
      description: 'What kind of data it is.',
      resolve: (item) => CATEGORIES[item.category],
    }),
    system: t.exposeString('system', { description: 'Key of the system in which it rests.' }),
    locator: t.exposeString('locator', { description: 'Where in the system, e.g. `usage_event/2026-03`.' }),
    purposes: t.field({
      type: [PurposeInfoObject],
      description: 'What it may be used for.',
      resolve: (item) => item.purposes.map((purpose) => PURPOSES[purpose]),
    }),
    legalBasis: t.field({
      type: LegalBasisInfoObject,
      description: 'On which ground.',
      resolve: (item) => LEGAL_BASES[item.legalBasis],
    }),
    collectedAt: t.expose('collectedAt', { type: 'DateTime', description: 'When it was collected, the first of it.' }),
    state: t.field({
      type: InventoryState,
      description: 'What has become of it. A confidential hold is told to Staff with `holds:manage` alone.',
      resolve: (item, _args, { session }) => visibleState(session, item),
    }),
    stateChangedAt: t.expose('stateChangedAt', {
      type: 'DateTime',
      description: 'Since when. Confidential holds leave it as it was.',
    }),
    retention: t.relation('retentionRule', {
      nullable: true,
      description:
        'The rule by which it was planned: of those whose trigger has happened, the one that is due first. Null until it is planned.',
    }),
    keptUntil: t.expose('dueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its period is over, by that rule; null where nothing has started the period.',
    }),
    recipients: t.relatedConnection('recipients', {
      description: 'Processors that received it, once for each purpose, in order of the first time.',
      cursor: 'accountId_itemId_processorId_purpose',
      query: { orderBy: [{ firstAt: 'asc' }, { processorId: 'asc' }, { purpose: 'asc' }] },
    }),
  }),
})

builder.prismaObjectField('Subject', 'inventory', (t) =>
  t.relatedConnection('inventoryItems', {
    description: 'What is held of the person, where, why, how long, and who received it, as far as the caller may see.',
    cursor: 'accountId_id',
    query: (_args, context) => ({ where: inventoryScope(context.session), orderBy: { id: 'desc' } }),
  }),
)
