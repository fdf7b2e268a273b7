import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory, ProcessorRole, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { needs } from '../../schema/root-field.ts'
import { processorScope } from './processors.scope.ts'
import { ProcessorNode } from './processors.types.ts'

const ProcessorFilter = builder.inputType('ProcessorFilter', {
  description: 'Which processors; conditions are combined by AND.',
  fields: (t) => ({
    country: t.field({ type: 'CountryCode', description: 'Established in this country.' }),
    role: t.field({ type: ProcessorRole, description: 'In this role.' }),
    category: t.field({ type: DataCategory, description: 'That may receive data of this category.' }),
    purpose: t.field({ type: Purpose, description: 'That may receive data for this purpose.' }),
    ended: t.boolean({ description: 'True: that have ended; false: that have not.' }),
  }),
})

function whereOf(filter: typeof ProcessorFilter.$inferInput | null | undefined): Prisma.ProcessorWhereInput {
  const { country, role, category, purpose, ended } = filter ?? {}
  return {
    ...(country ? { country } : {}),
    ...(role ? { role } : {}),
    ...(category ? { categories: { has: category } } : {}),
    ...(purpose ? { purposes: { has: purpose } } : {}),
    ...(ended === null || ended === undefined ? {} : { endedAt: ended ? { not: null } : null }),
  }
}

builder.queryField('processors', (t) =>
  t.prismaConnection({
    type: ProcessorNode,
    cursor: 'accountId_id',
    ...needs('public', 'The register of third parties that receive personal data, newest first, ended ones too.'),
    args: { filter: t.arg({ type: ProcessorFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_root, { filter }, { reads, session }) =>
      reads.tx.processor.count({ where: { AND: [processorScope(session, PLATFORM_ACCOUNT_ID), whereOf(filter)] } }),
    resolve: (query, _root, { filter }, { reads, session }) =>
      reads.tx.processor.findMany({
        ...query,
        where: { AND: [processorScope(session, PLATFORM_ACCOUNT_ID), whereOf(filter)] },
        orderBy: { id: 'desc' },
      }),
  }),
)
