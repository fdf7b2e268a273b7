import { UsageKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { needs } from '../../schema/root-field.ts'
import { usageScope } from './usage.scope.ts'
import { UsageEventObject } from './usage.types.ts'
import { assertPatterns } from './usage-filters.queries.ts'

const UsageEventFilter = builder.inputType('UsageEventFilter', {
  description: 'Which usage events; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'Of this account.' }),
    subjectId: t.id({ description: 'Linked to this person.' }),
    from: t.field({ type: 'DateTime', description: 'At or after this instant.' }),
    to: t.field({ type: 'DateTime', description: 'Before this instant.' }),
    kind: t.field({ type: UsageKind, description: 'Of this kind.' }),
    model: t.string({ description: 'Of exactly this model.' }),
  }),
})

builder.queryField('usageEvents', (t) =>
  t.prismaConnection({
    type: UsageEventObject,
    cursor: 'accountId_occurredAt_requestId',
    ...needs('usage:read', 'Usage events that the caller may see, latest first.'),
    args: { filter: t.arg({ type: UsageEventFilter, description: 'Which ones; absent: all.' }) },
    resolve: (query, _root, { filter }, { reads, session }) => {
      assertPatterns(filter ?? {})
      const subject = filter?.subjectId ? readTenantKey('filter.subjectId', 'Subject', filter.subjectId) : null
      const occurredAt = { ...(filter?.from ? { gte: filter.from } : {}), ...(filter?.to ? { lt: filter.to } : {}) }
      return reads.tx.usageEvent.findMany({
        ...query,
        where: {
          AND: [
            usageScope(session),
            filter?.accountId ? { accountId: readAccountId('filter.accountId', filter.accountId) } : {},
            subject ? { accountId: subject.accountId, subjectId: subject.id } : {},
            { occurredAt },
            filter?.kind ? { kind: filter.kind } : {},
            filter?.model ? { model: filter.model } : {},
          ],
        },
        orderBy: [{ occurredAt: 'desc' }, { requestId: 'desc' }, { accountId: 'desc' }],
      })
    },
  }),
)
