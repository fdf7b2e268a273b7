import type { Tx } from '../../db/database.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory, RetentionAction, RetentionTrigger } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { needs } from '../../schema/root-field.ts'
import { rulesInEffect } from './retention-rule.reads.ts'
import { RetentionRuleNode, RetentionRuleState } from './retention-rule.types.ts'

const RetentionRuleFilter = builder.inputType('RetentionRuleFilter', {
  description: 'Which rules; conditions are combined by AND.',
  fields: (t) => ({
    category: t.field({ type: DataCategory, description: 'Of this category.' }),
    trigger: t.field({ type: RetentionTrigger, description: 'That count from this trigger.' }),
    action: t.field({ type: RetentionAction, description: 'With this action.' }),
    state: t.field({ type: RetentionRuleState, description: 'In this state now.' }),
    verified: t.boolean({ description: 'True: compared with their source; false: recalled.' }),
  }),
})

type Filter = typeof RetentionRuleFilter.$inferInput | null | undefined

async function whereOf(tx: Tx, now: Date, filter: Filter): Promise<Prisma.RetentionRuleWhereInput> {
  const { category, trigger, action, state, verified } = filter ?? {}
  return {
    ...(category ? { category } : {}),
    ...(trigger ? { trigger } : {}),
    ...(action ? { action } : {}),
    ...(typeof verified === 'boolean' ? { verified } : {}),
    AND: state ? [await inState(tx, now, state)] : [],
  }
}

async function inState(
  tx: Tx,
  now: Date,
  state: 'FUTURE' | 'IN_EFFECT' | 'SUPERSEDED',
): Promise<Prisma.RetentionRuleWhereInput> {
  if (state === 'FUTURE') return { effectiveFrom: { gt: now } }
  const ids = (await rulesInEffect(tx, now)).map(({ id }) => id)
  return { effectiveFrom: { lte: now }, id: state === 'IN_EFFECT' ? { in: ids } : { notIn: ids } }
}

builder.queryField('retentionRules', (t) =>
  t.prismaConnection({
    type: RetentionRuleNode,
    cursor: 'id',
    ...needs('public', 'Rules that say how long data is kept, newest version first, those of earlier times too.'),
    args: { filter: t.arg({ type: RetentionRuleFilter, description: 'Which ones; absent: all.' }) },
    totalCount: async (_root, { filter }, { deps, reads }) =>
      reads.tx.retentionRule.count({ where: await whereOf(reads.tx, deps.clock.now(), filter) }),
    resolve: async (query, _root, { filter }, { deps, reads }) =>
      reads.tx.retentionRule.findMany({
        ...query,
        where: await whereOf(reads.tx, deps.clock.now(), filter),
        orderBy: { version: 'desc' },
      }),
  }),
)
