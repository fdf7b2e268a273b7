import { DataCategory, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { textIn } from '../texts.rules.ts'
import {
  type CategoryInfo,
  LEGAL_BASES,
  type LegalBasisInfo,
  type PurposeInfo,
  type RetentionRule,
  retentionRuleOf,
} from './inventory.rules.ts'
import './inventory.types.ts'

const Sensitivity = builder.enumType('Sensitivity', {
  description: 'How much care personal data needs, in the words of DPV.',
  values: {
    PERSONAL: { description: 'Personal data: `dpv:PersonalData`.' },
    SENSITIVE: { description: 'Its misuse harms more than that of other data: `dpv:SensitivePersonalData`.' },
    SPECIAL_CATEGORY: { description: 'Data of GDPR Art. 9: `dpv:SpecialCategoryPersonalData`.' },
  } as const,
})
const RetentionTrigger = builder.enumType('RetentionTrigger', {
  description: 'What starts the period for which data is kept.',
  values: {
    CREATED: { description: 'It was stored.' },
    DELIVERED: { description: 'It was delivered.' },
    RESOLVED: { description: 'What it was about is resolved.' },
    ACCOUNT_CLOSED: { description: 'The account was closed.' },
    REQUEST_VERIFIED: { description: 'A request of the person was verified.' },
  } as const,
})
const RetentionAction = builder.enumType('RetentionAction', {
  description: 'What is done with data whose period is over.',
  values: {
    DELETE: { description: 'It is deleted.' },
    ANONYMISE: { description: 'What links it to a person is taken away.' },
    SHRED: { description: 'The key under which it is encrypted is destroyed.' },
    DROP_PARTITION: { description: 'The month in which it lies is dropped as a whole.' },
  } as const,
})

export const RetentionRuleObject = builder.objectRef<RetentionRule>('RetentionRule').implement({
  description: 'How long data of a category is kept, and what is done then.',
  fields: (t) => ({
    description: t.string({
      description: "In a sentence, in the caller's language.",
      resolve: (rule, _args, { languages }) => textIn(rule.description, languages),
    }),
    trigger: t.expose('trigger', { type: RetentionTrigger, description: 'What starts the period.' }),
    period: t.exposeString('period', {
      nullable: true,
      description: 'How long it is kept from there, ISO 8601, e.g. P30D; null where nobody has named a number.',
    }),
    action: t.expose('action', { type: RetentionAction, description: 'What is done when it is over.' }),
    clause: t.exposeString('clause', { description: 'Clause of the privacy policy.' }),
    legalSource: t.exposeString('legalSource', { description: 'The law behind it.' }),
    source: t.exposeString('source', { description: 'Where trigger and period come from.' }),
    effectiveFrom: t.exposeString('effectiveFrom', { description: 'First day on which it holds, YYYY-MM-DD.' }),
  }),
})

export const DataCategoryInfo = builder.objectRef<CategoryInfo>('DataCategoryInfo').implement({
  description: 'A category of personal data, with its texts and its terms in the vocabularies.',
  fields: (t) => ({
    key: t.expose('key', { type: DataCategory, description: 'The category.' }),
    name: t.string({
      description: "Its name in the caller's language.",
      resolve: (info, _args, { languages }) => textIn(info.name, languages),
    }),
    description: t.string({
      description: "What it is, in the caller's language.",
      resolve: (info, _args, { languages }) => textIn(info.description, languages),
    }),
    fideslangKeys: t.exposeStringList('fideslang', { description: 'Data categories of fideslang.' }),
    dpvTerms: t.exposeStringList('dpv', {
      description: 'Terms of the Data Privacy Vocabulary; `pd:` is https://w3id.org/dpv/pd#. None where it has none.',
    }),
    sensitivity: t.expose('sensitivity', { type: Sensitivity, description: 'How much care it needs.' }),
    clause: t.exposeString('clause', { description: 'Clause of the privacy policy.' }),
    retention: t.field({
      type: RetentionRuleObject,
      nullable: true,
      description: 'How long it is kept, by the rule that holds now; null where none does.',
      resolve: (info, _args, { deps }) => retentionRuleOf(info.key, deps.clock.now()),
    }),
  }),
})

export const LegalBasisInfoObject = builder.objectRef<LegalBasisInfo>('LegalBasisInfo').implement({
  description: 'A ground on which processing is lawful.',
  fields: (t) => ({
    key: t.expose('key', { type: LegalBasis, description: 'The legal basis.' }),
    name: t.string({
      description: "Its name in the caller's language.",
      resolve: (info, _args, { languages }) => textIn(info.name, languages),
    }),
    description: t.string({
      description: "What it says, in the caller's language.",
      resolve: (info, _args, { languages }) => textIn(info.description, languages),
    }),
    article: t.exposeString('article', { description: 'Where it stands, e.g. GDPR Art. 6(1)(b).' }),
    dpvTerm: t.exposeString('dpv', {
      description: 'Term of the Data Privacy Vocabulary; `eu-gdpr:` is https://w3id.org/dpv/legal/eu/gdpr#.',
    }),
  }),
})

export const PurposeInfoObject = builder.objectRef<PurposeInfo>('PurposeInfo').implement({
  description: 'What personal data is used for, with its texts and its terms in the vocabularies.',
  fields: (t) => ({
    key: t.expose('key', { type: Purpose, description: 'The purpose.' }),
    name: t.string({
      description: "Its name in the caller's language.",
      resolve: (info, _args, { languages }) => textIn(info.name, languages),
    }),
    description: t.string({
      description: "What it means, in the caller's language.",
      resolve: (info, _args, { languages }) => textIn(info.description, languages),
    }),
    fideslangKey: t.exposeString('fideslang', { description: 'Data use of fideslang.' }),
    dpvTerm: t.exposeString('dpv', {
      description: 'Term of the Data Privacy Vocabulary; `dpv:` is https://w3id.org/dpv#.',
    }),
    legalBasis: t.field({
      type: LegalBasisInfoObject,
      description: 'The basis on which it rests where an item says nothing else.',
      resolve: (info) => LEGAL_BASES[info.legalBasis],
    }),
    clause: t.exposeString('clause', { description: 'Clause of the privacy policy.' }),
  }),
})
