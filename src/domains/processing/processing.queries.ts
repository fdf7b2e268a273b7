import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory, SystemKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { exportManifest } from './fides-export.ts'
import { FIDES_KEY } from './processing.rules.ts'
import { datasetScope, declarationReach, systemScope } from './processing.scope.ts'
import { DatasetNode, SystemNode } from './processing.types.ts'

/** A dataset may be as large as a manifest. */
const DATASETS_MAX = 50

const SystemFilter = builder.inputType('SystemFilter', {
  description: 'Which systems; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'Declared by this account.' }),
    kind: t.field({ type: SystemKind, description: 'Of this kind.' }),
    builtIn: t.boolean({ description: 'Of this program, or not.' }),
    category: t.field({ type: DataCategory, description: 'That hold data of this category.' }),
    key: t.string({ description: 'With exactly this key.' }),
  }),
})
const DatasetFilter = builder.inputType('DatasetFilter', {
  description: 'Which datasets; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'Declared by this account.' }),
    key: t.string({ description: 'With exactly this key.' }),
  }),
})

/** Account and key of either filter. @throws BAD_USER_INPUT naming the field */
function readPlace({ accountId, key }: typeof DatasetFilter.$inferInput) {
  if (key && !FIDES_KEY.test(key)) throw badInput('filter.key', `must match ${FIDES_KEY.source}`)
  return {
    ...(accountId ? { accountId: readAccountId('filter.accountId', accountId) } : {}),
    ...(key ? { key } : {}),
  }
}

function systemWhere(filter: typeof SystemFilter.$inferInput | null | undefined): Prisma.SystemWhereInput {
  const { kind, builtIn, category, ...place } = filter ?? {}
  return {
    ...readPlace(place),
    ...(kind ? { kind } : {}),
    ...(typeof builtIn === 'boolean' ? { builtIn } : {}),
    ...(category ? { categories: { has: category } } : {}),
  }
}

builder.queryFields((t) => ({
  systems: t.prismaConnection({
    type: SystemNode,
    cursor: 'accountId_id',
    ...needs('processing:read', 'Systems of this program and those that the caller may see, newest first.'),
    args: { filter: t.arg({ type: SystemFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_connection, { filter }, { reads, session }) =>
      reads.tx.system.count({ where: { AND: [systemScope(session), systemWhere(filter)] } }),
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.system.findMany({
        ...query,
        where: { AND: [systemScope(session), systemWhere(filter)] },
        orderBy: { id: 'desc' },
      }),
  }),
  datasets: t.prismaConnection({
    type: DatasetNode,
    cursor: 'accountId_id',
    maxSize: DATASETS_MAX,
    ...needs('processing:read', `Datasets that the caller may see, newest first. At most ${DATASETS_MAX} on a page.`),
    args: { filter: t.arg({ type: DatasetFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_connection, { filter }, { reads, session }) =>
      reads.tx.dataset.count({ where: { AND: [datasetScope(session), readPlace(filter ?? {})] } }),
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.dataset.findMany({
        ...query,
        where: { AND: [datasetScope(session), readPlace(filter ?? {})] },
        orderBy: { id: 'desc' },
      }),
  }),
  exportFidesManifest: t.string({
    nullable: true,
    ...needs(
      'processing:read',
      'A manifest of Fides in YAML: what the account brought in, and the systems of this program with their tables, columns and uses; null where the caller may not see the account or a key was destroyed.',
    ),
    args: {
      accountId: t.arg.id({ description: "Of this account; absent: the caller's own, for Staff the platform's." }),
    },
    resolve: async (_root, args, { deps, reads, session }) => {
      const named = args.accountId ? readAccountId('accountId', args.accountId) : null
      const reach = declarationReach(session)
      const accountId = named ?? reach ?? PLATFORM_ACCOUNT_ID
      if (reach === undefined || (reach !== null && reach !== accountId)) return null
      if (accountId !== PLATFORM_ACCOUNT_ID && (await reads.tx.account.count({ where: { id: accountId } })) === 0)
        return null
      return exportManifest(reads.tx, deps.keys, accountId)
    },
  }),
}))
