import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory, FindingKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId, NO_ROW, parseTenantKey, readAccountId, tenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { aboutPerson } from '../../schema/root-field.ts'
import { isSystemKey } from './processing.rules.ts'
import { reconciliationScope } from './processing.scope.ts'

builder.enumType(FindingKind, {
  name: 'FindingKind',
  description: 'How inventory and systems differ.',
  values: {
    MISSING: { description: 'There is personal data, and no item.' },
    ORPHANED: { description: 'There is an item, and no data.' },
  },
})

builder.prismaObject('ReconciliationFinding', {
  description: 'A place where inventory and systems differ.',
  ...aboutPerson((finding: { accountId: string; subjectId: string | null; id: string }) => ({
    accountId: finding.accountId,
    subjectId: finding.subjectId,
    recordType: 'ReconciliationFinding',
    recordId: finding.id,
  })),
  fields: (t) => ({
    kind: t.expose('kind', { type: FindingKind, description: 'How they differ.' }),
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: (finding) => globalId('Account', finding.accountId),
    }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person; null where it is of nobody in particular.',
      resolve: ({ accountId, subjectId }) =>
        subjectId === null ? null : globalId('Subject', tenantKey({ accountId, id: subjectId })),
    }),
    system: t.exposeString('system', { description: 'Key of the system.' }),
    category: t.expose('category', { type: DataCategory, description: 'Category of the data.' }),
    locator: t.exposeString('locator', { description: 'Where in the system, e.g. `usage_event/2026-03`.' }),
    rows: t.exposeInt('rows', { description: 'Rows that were found there; 0 for an item without data.' }),
  }),
})

const FindingFilter = builder.inputType('FindingFilter', {
  description: 'Which findings; conditions are combined by AND.',
  fields: (t) => ({
    kind: t.field({ type: FindingKind, description: 'Of this kind.' }),
    system: t.string({ description: 'In the system with this key.' }),
    category: t.field({ type: DataCategory, description: 'Of this category of data.' }),
    accountId: t.id({ description: 'In this account.' }),
  }),
})

function findingWhere(
  filter: typeof FindingFilter.$inferInput | null | undefined,
): Prisma.ReconciliationFindingWhereInput {
  const { kind, system, category, accountId } = filter ?? {}
  if (system && !isSystemKey(system)) throw badInput('filter.system', 'is not the key of a system')
  return {
    ...(kind ? { kind } : {}),
    ...(system ? { system } : {}),
    ...(category ? { category } : {}),
    ...(accountId ? { accountId: readAccountId('filter.accountId', accountId) } : {}),
  }
}

export const ReconciliationNode = builder.prismaNode('Reconciliation', {
  nullable: true,
  description: 'A comparison of the inventory with what the systems hold.',
  id: { resolve: (reconciliation) => tenantKey(reconciliation) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [reconciliationScope(context.session)],
  }),
  fields: (t) => ({
    jobId: t.id({
      description: 'Global id of the job, which shows its progress to who asked for it, for 7 days.',
      resolve: ({ accountId, jobId }) => globalId('Job', tenantKey({ accountId, id: jobId })),
    }),
    comparedAccountId: t.id({
      nullable: true,
      description: 'Global id of the account that was compared; null: all were.',
      resolve: ({ comparedId }) => (comparedId === null ? null : globalId('Account', comparedId)),
    }),
    items: t.expose('items', { type: 'BigInt', description: 'Items that were compared so far.' }),
    missing: t.expose('missing', { type: 'BigInt', description: 'Places with personal data and without an item.' }),
    orphaned: t.expose('orphaned', { type: 'BigInt', description: 'Items without data.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was asked for.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was done; null while it is under way, or where it was given up.',
    }),
    findings: t.relatedConnection('findings', {
      description: 'Where they differ, in the order in which it was found. Kept for 30 days.',
      cursor: 'accountId_id',
      totalCount: true,
      args: { filter: t.arg({ type: FindingFilter, description: 'Which ones; absent: all.' }) },
      query: ({ filter }) => ({ where: findingWhere(filter), orderBy: { id: 'asc' } }),
    }),
  }),
})
