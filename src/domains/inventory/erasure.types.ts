import { DataCategory, ErasureCause, RetentionAction } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId, NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { erasureScope } from './retention-timer.scope.ts'
import './retention-rule.types.ts'

builder.enumType(ErasureCause, {
  name: 'ErasureCause',
  description: 'Why data was ended.',
  values: {
    RETENTION: { description: 'Its period was over.' },
    CALLER: { description: 'A caller took it away, e.g. by removing a member.' },
    REQUEST: { description: 'The person asked for it.' },
    REPLAY: { description: 'It had been ended before the database was restored from a backup.' },
  },
})

export const ErasureNode = builder.prismaNode('Erasure', {
  nullable: true,
  description:
    'An entry of the ledger: items of one system and category that were ended together. It is written before the effect, finished with what was counted after it, and never changed again. It names no person.',
  id: { resolve: (erasure) => tenantKey(erasure) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [erasureScope(context.session)],
  }),
  fields: (t) => ({
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: ({ accountId }) => globalId('Account', accountId),
    }),
    lineId: t.exposeString('lineId', {
      nullable: true,
      description: 'The line of the ledger outside the database that announced it; null where none did.',
    }),
    cause: t.expose('cause', { type: ErasureCause, description: 'Why.' }),
    action: t.expose('action', { type: RetentionAction, description: 'What was done.' }),
    system: t.exposeString('system', { description: 'Key of the system in which the data rested.' }),
    category: t.expose('category', { type: DataCategory, description: 'What kind of data it was.' }),
    items: t.exposeInt('items', { description: 'How many items.' }),
    begunAt: t.expose('begunAt', { type: 'DateTime', description: 'When it was announced, before the effect.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it had been counted again, after the effect; null where that has not happened.',
    }),
    rows: t.expose('rows', {
      type: 'BigInt',
      nullable: true,
      description: 'Rows that were changed or deleted; null until it is finished.',
    }),
    remaining: t.expose('remaining', {
      type: 'BigInt',
      nullable: true,
      description: 'Rows that were still there when it was counted again: 0 in whatever is finished, else null.',
    }),
    keysDestroyed: t.exposeInt('keysDestroyed', {
      nullable: true,
      description: 'Data keys that were destroyed with it; null until it is finished.',
    }),
  }),
})
