import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { DataCategory, ProcessorRole, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { processorScope } from './processors.scope.ts'

builder.enumType(ProcessorRole, {
  name: 'ProcessorRole',
  description: 'In what role a third party receives personal data.',
  values: {
    PROCESSOR: { description: 'On behalf of Pipelet as controller (GDPR Art. 4(8)).' },
    SUB_PROCESSOR: { description: 'Engaged by Pipelet where Pipelet is a processor itself (Art. 28(2), (4)).' },
    CONTROLLER: { description: 'Decides itself about what it receives (Art. 4(7)).' },
  },
})

export const ProcessorNode = builder.prismaNode('Processor', {
  nullable: true,
  description: 'A third party of the public register that receives personal data.',
  id: { resolve: (processor) => tenantKey(processor) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [processorScope(context.session, PLATFORM_ACCOUNT_ID)],
  }),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the organisation.' }),
    role: t.expose('role', { type: ProcessorRole, description: 'In what role it receives data.' }),
    country: t.expose('country', { type: 'CountryCode', description: 'Where it is established.' }),
    regions: t.exposeStringList('regions', { description: 'Where it processes, e.g. eu-central.' }),
    categories: t.expose('categories', {
      type: [DataCategory],
      description: 'Categories of data that it may receive.',
    }),
    purposes: t.expose('purposes', { type: [Purpose], description: 'Purposes for which it may receive them.' }),
    contractOn: t.string({
      nullable: true,
      description:
        'Date of the contract (GDPR Art. 28(3)), YYYY-MM-DD; null where none is on file: nothing may be sent then.',
      resolve: ({ contractOn }) => contractOn?.toISOString().slice(0, 10) ?? null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was added.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When its entry was last changed.' }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was ended; null while it may receive data.',
    }),
  }),
})
