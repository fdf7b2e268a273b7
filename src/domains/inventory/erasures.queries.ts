import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory, ErasureCause, RetentionAction } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { ErasureNode } from './erasure.types.ts'
import { isSystemKey } from './inventory.rules.ts'
import { erasureScope } from './retention-timer.scope.ts'

const ErasureFilter = builder.inputType('ErasureFilter', {
  description: 'Which entries of the ledger; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'Of this account.' }),
    category: t.field({ type: DataCategory, description: 'Of data of this category.' }),
    system: t.string({ description: 'Of data in the system with this key.' }),
    cause: t.field({ type: ErasureCause, description: 'For this cause.' }),
    action: t.field({ type: RetentionAction, description: 'By this action.' }),
    from: t.field({ type: 'DateTime', description: 'Announced at or after this instant.' }),
    to: t.field({ type: 'DateTime', description: 'Announced before this instant.' }),
  }),
})

/** @throws BAD_USER_INPUT naming the field */
function whereOf(filter: typeof ErasureFilter.$inferInput | null | undefined): Prisma.ErasureWhereInput {
  const { accountId, category, system, cause, action, from, to } = filter ?? {}
  if (typeof system === 'string' && !isSystemKey(system)) throw badInput('filter.system', 'is not the key of a system')
  if (from && to && from >= to) throw badInput('filter.to', 'must lie after filter.from')
  return {
    AND: [
      typeof accountId === 'string' ? { accountId: readAccountId('filter.accountId', accountId) } : {},
      category ? { category } : {},
      typeof system === 'string' ? { system } : {},
      cause ? { cause } : {},
      action ? { action } : {},
      from ? { begunAt: { gte: from } } : {},
      to ? { begunAt: { lt: to } } : {},
    ],
  }
}

builder.queryField('erasures', (t) =>
  t.prismaConnection({
    type: ErasureNode,
    cursor: 'accountId_id',
    ...needs(
      'retention:read',
      'The ledger of what was ended, with what was counted afterwards, newest first: Staff all, owners, admins and integrations that of their account, others none.',
    ),
    args: { filter: t.arg({ type: ErasureFilter, description: 'Which entries; absent: all.' }) },
    totalCount: (_root, { filter }, { reads, session }) =>
      reads.tx.erasure.count({ where: { AND: [erasureScope(session), whereOf(filter)] } }),
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.erasure.findMany({
        ...query,
        where: { AND: [erasureScope(session), whereOf(filter)] },
        orderBy: { id: 'desc' },
      }),
  }),
)
