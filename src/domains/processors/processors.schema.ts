import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { DataCategory, ProcessorRole, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import type { SchemaTypes } from '../../schema/types.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { addProcessor, endProcessor, updateProcessor } from './processor.service.ts'
import { ProcessorEnded, RecipientNotAllowed } from './processors.problems.ts'
import './processors.queries.ts'
import { ORGANISATION, RECIPIENT_ENTRIES_MAX, REGION, REGIONS_MAX, readDate } from './processors.rules.ts'
import { ProcessorNode } from './processors.types.ts'
import { recordRecipient } from './recipient.service.ts'

problemType(ProcessorEnded, 'The processor has ended and is not changed any more.')
problemType(
  RecipientNotAllowed,
  'An entry of the call is outside what the processor may receive; nothing of the call was stored.',
  (t) => ({
    index: t.exposeInt('index', { description: 'Position of the entry in the call, from 0.' }),
    field: t.exposeString('field', { description: 'Field of the entry.' }),
    reason: t.exposeString('reason', { description: 'Why, without the value.' }),
  }),
)

const NAME =
  "Name of the organisation: 1 to 200 letters, digits, spaces and .,&'()/+-, beginning with a letter or digit."
const COUNTRY = 'Where it is established.'
const REGIONS = `Where it processes, at most ${REGIONS_MAX}; each matches ${REGION.source}.`
const CATEGORIES = 'Categories of data that it may receive.'
const PURPOSES = 'Purposes for which it may receive them.'
const CONTRACT = 'Date of the contract (GDPR Art. 28(3)), YYYY-MM-DD'

type Fields = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  { accountId: string; id: string }
>

const processorField = (t: Fields) =>
  t.prismaField({
    type: ProcessorNode,
    description: 'The processor.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.processor.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })

function readName(name: string): string {
  if (!ORGANISATION.test(name)) throw badInput('name', `must match ${ORGANISATION.source}`)
  return name
}

function readRegions(regions: readonly string[]): readonly string[] {
  if (regions.length > REGIONS_MAX) throw badInput('regions', `must be at most ${REGIONS_MAX}`)
  if (!regions.every((region) => REGION.test(region))) throw badInput('regions', `must match ${REGION.source}`)
  return regions
}

function readContract(value: string): Date {
  const date = readDate(value)
  if (!date) throw badInput('contractOn', 'must be a date, YYYY-MM-DD')
  return date
}

function notEmpty<T>(field: string, list: readonly T[]): readonly T[] {
  if (list.length === 0) throw badInput(field, 'must name at least one')
  return list
}

mutation('addProcessor', {
  scope: 'processors:manage',
  description: 'Adds a third party to the public register of those that receive personal data.',
  problems: [NotAvailable],
  input: (t) => ({
    name: t.string({ required: true, description: NAME }),
    role: t.field({ type: ProcessorRole, required: true, description: 'In what role it receives data.' }),
    country: t.field({ type: 'CountryCode', required: true, description: COUNTRY }),
    regions: t.stringList({ required: true, description: REGIONS }),
    categories: t.field({ type: [DataCategory], required: true, description: CATEGORIES }),
    purposes: t.field({ type: [Purpose], required: true, description: PURPOSES }),
    contractOn: t.string({ description: `${CONTRACT}; absent: none is on file, and nothing may be sent.` }),
  }),
  run: async (deps, call, { name, regions, categories, purposes, contractOn, ...same }) => {
    if (call.caller.principal !== 'STAFF') throw new NotAvailable()
    return addProcessor(deps, call, {
      ...same,
      name: readName(name),
      regions: readRegions(regions),
      categories: notEmpty('categories', categories),
      purposes: notEmpty('purposes', purposes),
      contractOn: contractOn ? readContract(contractOn) : null,
    })
  },
  success: (t) => ({ processor: processorField(t) }),
})

mutation('updateProcessor', {
  scope: 'processors:manage',
  description: 'Changes what the register says of a processor that has not ended; what is absent stays.',
  problems: [NotAvailable, ProcessorEnded],
  input: (t) => ({
    processorId: t.id({ required: true, description: 'Global id of the processor.' }),
    name: t.string({ description: NAME }),
    role: t.field({ type: ProcessorRole, description: 'In what role it receives data.' }),
    country: t.field({ type: 'CountryCode', description: COUNTRY }),
    regions: t.stringList({ description: REGIONS }),
    categories: t.field({ type: [DataCategory], description: CATEGORIES }),
    purposes: t.field({ type: [Purpose], description: PURPOSES }),
    contractOn: t.string({ description: `${CONTRACT}; null: none is on file, and nothing may be sent.` }),
  }),
  run: async (deps, call, { processorId, name, role, country, regions, categories, purposes, contractOn }) => {
    if (call.caller.principal !== 'STAFF') throw new NotAvailable()
    return updateProcessor(deps, call, readTenantKey('processorId', 'Processor', processorId), {
      ...(name ? { name: readName(name) } : {}),
      ...(role ? { role } : {}),
      ...(country ? { country } : {}),
      ...(regions ? { regions: readRegions(regions) } : {}),
      ...(categories ? { categories: notEmpty('categories', categories) } : {}),
      ...(purposes ? { purposes: notEmpty('purposes', purposes) } : {}),
      ...(contractOn === undefined ? {} : { contractOn: contractOn === null ? null : readContract(contractOn) }),
    })
  },
  success: (t) => ({ processor: processorField(t) }),
})

mutation('endProcessor', {
  scope: 'processors:manage',
  description: 'Ends a processor: it receives nothing more, and the tokens of its clients end at once.',
  problems: [NotAvailable],
  input: (t) => ({ processorId: t.id({ required: true, description: 'Global id of the processor.' }) }),
  run: async (deps, call, { processorId }) => {
    if (call.caller.principal !== 'STAFF') throw new NotAvailable()
    return endProcessor(deps, call, readTenantKey('processorId', 'Processor', processorId))
  },
  success: (t) => ({ processor: processorField(t) }),
})

const RecipientEntryInput = builder.inputType('RecipientEntryInput', {
  description: 'That a processor received data.',
  fields: (t) => ({
    subjectId: t.id({ description: 'Global id of the person, of the same account; absent: data of nobody.' }),
    categories: t.field({
      type: [DataCategory],
      required: true,
      description: 'Categories of the data; of each, something must be held that may be used for the purpose.',
    }),
    processorId: t.id({ required: true, description: 'Global id of the processor, one of the register.' }),
    purpose: t.field({ type: Purpose, required: true, description: 'What it received the data for.' }),
    at: t.field({ type: 'DateTime', required: true, description: 'When; at most 5 minutes ahead.' }),
  }),
})

mutation('recordRecipient', {
  scope: 'inventory:write',
  readsBack: false,
  description: `Notes that processors received personal data of one account: 1 to ${RECIPIENT_ENTRIES_MAX} entries, all or none. For gateways. Saying the same again changes nothing.`,
  problems: [NotAvailable, RecipientNotAllowed],
  input: (t) => ({
    accountId: t.id({ required: true, description: 'The account.' }),
    entries: t.field({
      type: [RecipientEntryInput],
      required: true,
      description: `The entries, 1 to ${RECIPIENT_ENTRIES_MAX}.`,
      extensions: { listLengthMax: RECIPIENT_ENTRIES_MAX },
    }),
  }),
  run: async (deps, call, input) => {
    const accountId = readAccountId('accountId', input.accountId)
    if (input.entries.length === 0) throw badInput('entries', `must be 1 to ${RECIPIENT_ENTRIES_MAX}`)
    const entries = input.entries.map(({ subjectId, processorId, ...same }, index) => {
      const person = subjectId ? readTenantKey(`entries.${index}.subjectId`, 'Subject', subjectId) : null
      const processor = readTenantKey(`entries.${index}.processorId`, 'Processor', processorId)
      if ((person && person.accountId !== accountId) || processor.accountId !== PLATFORM_ACCOUNT_ID)
        throw new NotAvailable()
      return { ...same, subjectId: person?.id ?? null, processorId: processor.id }
    })
    return recordRecipient(deps, call, { accountId, entries })
  },
  success: (t) => ({
    items: t.exposeInt('items', {
      description: 'Number of pieces of data, by processor and purpose, of which the note is new or reaches further.',
    }),
  }),
})
