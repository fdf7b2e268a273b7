import type { Prisma } from '../../generated/prisma/client.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { needs } from '../../schema/root-field.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { reconciliationScope } from './processing.scope.ts'
import { reconcileInventory } from './reconciliation.service.ts'
import { ReconciliationNode } from './reconciliation.types.ts'

const ReconciliationFilter = builder.inputType('ReconciliationFilter', {
  description: 'Which comparisons; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'Of this account alone.' }),
    finished: t.boolean({ description: 'That are done, or not.' }),
  }),
})

function whereOf(filter: typeof ReconciliationFilter.$inferInput | null | undefined): Prisma.ReconciliationWhereInput {
  const { accountId, finished } = filter ?? {}
  return {
    ...(accountId ? { comparedId: readAccountId('filter.accountId', accountId) } : {}),
    ...(typeof finished === 'boolean' ? { finishedAt: finished ? { not: null } : null } : {}),
  }
}

builder.queryField('reconciliations', (t) =>
  t.prismaConnection({
    type: ReconciliationNode,
    cursor: 'accountId_id',
    ...needs(
      'processing:read',
      'Comparisons of the inventory with what the systems hold, newest first: Staff all, others none.',
    ),
    args: { filter: t.arg({ type: ReconciliationFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_root, { filter }, { reads, session }) =>
      reads.tx.reconciliation.count({ where: { AND: [reconciliationScope(session), whereOf(filter)] } }),
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.reconciliation.findMany({
        ...query,
        where: { AND: [reconciliationScope(session), whereOf(filter)] },
        orderBy: { id: 'desc' },
      }),
  }),
)

mutation('reconcileInventory', {
  scope: 'inventory:reconcile',
  description:
    'Compares the inventory with what the systems hold, for one account or all. The job shows its progress; what was found stands in the comparison.',
  problems: [NotAvailable],
  input: (t) => ({ accountId: t.id({ description: "Of this account alone; absent: of all, the platform's too." }) }),
  run: (deps, call, { accountId }) =>
    reconcileInventory(deps, call, accountId ? readAccountId('accountId', accountId) : null),
  success: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job; it can be asked for again by its id.',
      resolve: (query, { accountId, jobId }, _args, { reads }) =>
        reads.tx.job.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id: jobId } } }),
    }),
    reconciliation: t.prismaField({
      type: ReconciliationNode,
      nullable: true,
      description: 'The comparison; null where the caller lacks processing:read.',
      resolve: (query, { accountId, reconciliationId }, _args, { reads, session }) =>
        reads.tx.reconciliation.findFirst({
          ...query,
          where: { AND: [reconciliationScope(session), { accountId, id: reconciliationId }] },
        }),
    }),
  }),
})
