import type { Prisma } from '../../generated/prisma/client.ts'
import { HoldScope } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import type { Context } from '../../schema/types.ts'
import { readDate } from './hold.rules.ts'
import { holdScope } from './holds.scope.ts'
import { LegalHoldNode, LegalHoldState } from './holds.types.ts'

const LegalHoldFilter = builder.inputType('LegalHoldFilter', {
  description: 'Which legal holds; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'In this account.' }),
    scope: t.field({ type: HoldScope, description: 'That cover this.' }),
    state: t.field({ type: LegalHoldState, description: 'In this state.' }),
    reviewBefore: t.string({ description: 'To be reviewed before this day, UTC, YYYY-MM-DD.' }),
  }),
})

function whereOf(
  { session }: Context,
  filter: typeof LegalHoldFilter.$inferInput | null | undefined,
): Prisma.LegalHoldWhereInput {
  const { accountId, scope, state, reviewBefore } = filter ?? {}
  const before = reviewBefore ? readDate(reviewBefore) : null
  if (reviewBefore && !before) throw badInput('filter.reviewBefore', 'must be a date, YYYY-MM-DD')
  return {
    AND: [
      holdScope(session),
      accountId ? { accountId: readAccountId('filter.accountId', accountId) } : {},
      scope ? { scope } : {},
      state ? { releasedAt: state === 'IN_FORCE' ? null : { not: null } } : {},
      before ? { reviewOn: { lt: before } } : {},
    ],
  }
}

builder.queryField('legalHolds', (t) =>
  t.prismaConnection({
    type: LegalHoldNode,
    cursor: 'accountId_id',
    ...needs('holds:manage', 'Legal holds, newest first, released ones too. For Staff.'),
    args: { filter: t.arg({ type: LegalHoldFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_root, { filter }, context) => context.reads.tx.legalHold.count({ where: whereOf(context, filter) }),
    resolve: (query, _root, { filter }, context) =>
      context.reads.tx.legalHold.findMany({ ...query, where: whereOf(context, filter), orderBy: { id: 'desc' } }),
  }),
)
