import type { Prisma } from '../../generated/prisma/client.ts'
import { ApprovalKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import type { SchemaTypes } from '../../schema/types.ts'
import { isUuid } from '../../time/id.ts'
import { NotAvailable } from '../problem.ts'
import type { TenantKey } from '../public-id.ts'
import { ApprovalAlreadyDecided, ApprovalBySamePerson, ApprovalExpired, ApprovalNotOwn } from './approvals.problems.ts'
import { approvalScope } from './approvals.scope.ts'
import { rejectApproval, withdrawApproval } from './approvals.service.ts'
import { ApprovalNode, ApprovalStateEnum } from './approvals.types.ts'

problemType(ApprovalBySamePerson, 'The person who proposed the change does not decide about it.')
problemType(ApprovalNotOwn, 'Another person made the proposal.')
problemType(ApprovalExpired, 'Nobody decided about the proposal within 14 days.')
problemType(ApprovalAlreadyDecided, 'The proposal was approved, rejected or taken back already.')

const ApprovalFilter = builder.inputType('ApprovalFilter', {
  description: 'Which proposals; conditions are combined by AND.',
  fields: (t) => ({
    kind: t.field({ type: ApprovalKind, description: 'Of this kind.' }),
    state: t.field({ type: ApprovalStateEnum, description: 'In this state now.' }),
    proposedById: t.string({ description: 'Made by the member of staff with this UUID.' }),
    proposedFrom: t.field({ type: 'DateTime', description: 'Made at or after this instant.' }),
    proposedTo: t.field({ type: 'DateTime', description: 'Made before this instant.' }),
  }),
})

function whereOf(filter: typeof ApprovalFilter.$inferInput | null | undefined, now: Date): Prisma.ApprovalWhereInput {
  const { kind, state, proposedById, proposedFrom, proposedTo } = filter ?? {}
  if (proposedById && !isUuid(proposedById)) throw badInput('filter.proposedById', 'is not a UUID')
  if (proposedFrom && proposedTo && proposedFrom >= proposedTo)
    throw badInput('filter.proposedTo', 'must lie after filter.proposedFrom')
  const waits = state === 'PENDING' || state === 'EXPIRED'
  return {
    ...(kind ? { kind } : {}),
    ...(proposedById ? { proposedBy: proposedById } : {}),
    ...(state ? { state: waits ? 'PENDING' : state } : {}),
    ...(waits ? { expiresAt: state === 'PENDING' ? { gt: now } : { lte: now } } : {}),
    AND: [
      proposedFrom ? { proposedAt: { gte: proposedFrom } } : {},
      proposedTo ? { proposedAt: { lt: proposedTo } } : {},
    ],
  }
}

builder.queryField('approvals', (t) =>
  t.prismaConnection({
    type: ApprovalNode,
    cursor: 'accountId_id',
    ...needs('approvals:read', 'Changes that need a second person, newest first, decided ones too.'),
    args: { filter: t.arg({ type: ApprovalFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_root, { filter }, { deps, reads, session }) =>
      reads.tx.approval.count({ where: { AND: [approvalScope(session), whereOf(filter, deps.clock.now())] } }),
    resolve: (query, _root, { filter }, { deps, reads, session }) =>
      reads.tx.approval.findMany({
        ...query,
        where: { AND: [approvalScope(session), whereOf(filter, deps.clock.now())] },
        orderBy: { id: 'desc' },
      }),
  }),
)

const approvalField = (
  t: PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, TenantKey>,
) =>
  t.prismaField({
    type: ApprovalNode,
    description: 'The proposal.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.approval.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })

mutation('rejectApproval', {
  scope: 'approvals:manage',
  description: 'Rejects a change that another person proposed.',
  problems: [NotAvailable, ApprovalBySamePerson, ApprovalExpired, ApprovalAlreadyDecided],
  input: (t) => ({ approvalId: t.id({ required: true, description: 'Global id of the proposal.' }) }),
  run: async (deps, call, { approvalId }) =>
    rejectApproval(deps, call, readTenantKey('approvalId', 'Approval', approvalId)),
  success: (t) => ({ approval: approvalField(t) }),
})

mutation('withdrawApproval', {
  scope: 'approvals:manage',
  description: 'Takes back a change that the caller proposed.',
  problems: [NotAvailable, ApprovalNotOwn, ApprovalExpired, ApprovalAlreadyDecided],
  input: (t) => ({ approvalId: t.id({ required: true, description: 'Global id of the proposal.' }) }),
  run: async (deps, call, { approvalId }) =>
    withdrawApproval(deps, call, readTenantKey('approvalId', 'Approval', approvalId)),
  success: (t) => ({ approval: approvalField(t) }),
})
