import { DataCategory, LegalBasis, Purpose, SubjectKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { globalId } from '../../schema/global-id.ts'
import { textIn } from '../texts.rules.ts'
import { ProcessingRecipientObject, pageOfRecipients } from './processing-recipient.types.ts'
import { ARTICLES, type ProcessingRecord, type RecordPeriod } from './processing-record.rules.ts'
import { categoryName, purposeName } from './processing-record-texts.rules.ts'

export const ProcessingRoleEnum = builder.enumType('ProcessingRole', {
  description: 'In what role Pipelet processes.',
  values: {
    CONTROLLER: { description: 'As controller: of members, contacts and visitors (GDPR Art. 30(1)).' },
    PROCESSOR: { description: "On behalf of an account: of its own users, and of what is nobody's (Art. 30(2))." },
  } as const,
})

const Period = builder.objectRef<RecordPeriod>('ProcessingRecordPeriod').implement({
  description: 'How long data of a category is kept after a trigger, by a rule in effect.',
  fields: (t) => ({
    description: t.string({
      description: "In a sentence, in the caller's language.",
      resolve: (rule, _args, { languages }) => textIn(rule.description, languages),
    }),
    trigger: t.exposeString('trigger', { description: 'What starts the period, e.g. CREATED.' }),
    period: t.exposeString('period', {
      description: 'How long it is kept from there, ISO 8601; PT0S: it may not be kept at all.',
    }),
    action: t.exposeString('action', { description: 'What is done when it is over, e.g. DELETE.' }),
    clause: t.exposeString('clause', { description: 'Clause of the privacy policy.' }),
    legalSource: t.exposeString('legalSource', { description: 'The law behind it.' }),
  }),
})

const CategoryPart = builder.objectRef<ProcessingRecord['categories'][number]>('ProcessingRecordCategory').implement({
  description: 'A category of data in a record.',
  fields: (t) => ({
    category: t.expose('category', { type: DataCategory, description: 'The category.' }),
    name: t.string({
      description: "Its name in the caller's language.",
      resolve: ({ category }, _args, { languages }) => categoryName(category, languages),
    }),
    items: t.expose('items', { type: 'BigInt', description: 'Pieces of data that are held.' }),
    subjects: t.expose('subjects', { type: 'BigInt', description: 'Persons that they are of.' }),
    retention: t.field({
      type: [Period],
      description: 'How long it is kept: the rules in effect, one for each trigger that has one.',
      resolve: ({ retention }) => retention,
    }),
  }),
})

const PersonsPart = builder.objectRef<ProcessingRecord['persons'][number]>('ProcessingRecordPersons').implement({
  description: 'A kind of persons in a record.',
  fields: (t) => ({
    kind: t.expose('kind', {
      type: SubjectKind,
      nullable: true,
      description: 'What they are to Pipelet; null for data that is of nobody in particular.',
    }),
    items: t.expose('items', { type: 'BigInt', description: 'Pieces of data that are held.' }),
    subjects: t.expose('subjects', { type: 'BigInt', description: 'How many persons.' }),
  }),
})

const SystemPart = builder.objectRef<ProcessingRecord['systems'][number]>('ProcessingRecordSystem').implement({
  description: 'A system in which data of a record rests.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Key of the system.' }),
    name: t.exposeString('name', { nullable: true, description: 'Its name; null where it is known by its key alone.' }),
    items: t.expose('items', { type: 'BigInt', description: 'Pieces of data that rest in it.' }),
  }),
})

const Security = builder.objectRef<ProcessingRecord['security']>('ProcessingRecordSecurity').implement({
  description: 'What protects the data (GDPR Art. 32(1)), counted from what lives now.',
  fields: (t) => ({
    keyEpochStartedAt: t.expose('keyEpochStartedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the epoch of keys began under which data keys are wrapped now.',
    }),
    keyEpochAgeDays: t.exposeInt('keyEpochDays', {
      nullable: true,
      description: 'Whole days since then.',
    }),
    livingDataKeys: t.expose('dataKeys', {
      type: 'BigInt',
      nullable: true,
      description: "Living data keys of the controller's persons and account; null for Staff without subjects:read.",
    }),
  }),
})

export const ProcessingRecordObject = builder.objectRef<ProcessingRecord>('ProcessingRecord').implement({
  description: 'A record of processing (GDPR Art. 30): derived from what is held, never typed in.',
  extensions: cursorOf(null),
  fields: (t) => ({
    role: t.expose('role', { type: ProcessingRoleEnum, description: 'In what role Pipelet processes.' }),
    article: t.string({ description: 'Where the law asks for it.', resolve: ({ role }) => ARTICLES[role] }),
    controllerId: t.id({
      description: "Global id of the controller's account.",
      resolve: ({ controller }) => globalId('Account', controller.id),
    }),
    controllerName: t.string({
      nullable: true,
      description: 'Its name; null where the caller may not see the account.',
      resolve: ({ controller }) => controller.name,
    }),
    controllerCountry: t.field({
      type: 'CountryCode',
      nullable: true,
      description: 'Where it is established; null where the caller may not see the account.',
      resolve: ({ controller }) => controller.country,
    }),
    purpose: t.expose('purpose', { type: Purpose, description: 'What the data is used for.' }),
    purposeName: t.string({
      description: "Its name in the caller's language.",
      resolve: (record, _args, { languages }) => purposeName(record, languages),
    }),
    items: t.expose('items', { type: 'BigInt', description: 'Pieces of data that are held.' }),
    subjects: t.expose('subjects', { type: 'BigInt', description: 'Persons that they are of.' }),
    legalBases: t.expose('legalBases', { type: [LegalBasis], description: 'On which grounds.' }),
    categories: t.field({
      type: [CategoryPart],
      description: 'Categories of data, with how long they are kept.',
      resolve: ({ categories }) => categories,
    }),
    persons: t.field({
      type: [PersonsPart],
      description: 'Kinds of persons concerned.',
      resolve: ({ persons }) => persons,
    }),
    systems: t.field({
      type: [SystemPart],
      description: 'Systems in which the data rests.',
      resolve: ({ systems }) => systems,
    }),
    recipients: t.connection({
      type: ProcessingRecipientObject,
      description:
        'Third parties that have not ended and may receive the data by the register, or did, by name. Pages forward.',
      resolve: ({ recipients }, args) => pageOfRecipients(recipients, args),
    }),
    formerRecipients: t.connection({
      type: ProcessingRecipientObject,
      description: 'Third parties that have ended and received data that is still held, by name. Pages forward.',
      resolve: ({ formerRecipients }, args) => pageOfRecipients(formerRecipients, args),
    }),
    otherCountries: t.field({
      type: ['CountryCode'],
      nullable: true,
      description:
        "Countries other than the controller's in which recipients are established. Whether a safeguard exists is not told here. Null where the caller may not see the controller.",
      resolve: ({ otherCountries }) => otherCountries,
    }),
    security: t.field({
      type: Security,
      description: 'What protects the data.',
      resolve: ({ security }) => security,
    }),
  }),
})
