import { DataCategory, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { textIn } from '../texts.rules.ts'
import { type CategoryInfo, LEGAL_BASES, type LegalBasisInfo, type PurposeInfo } from './inventory.rules.ts'
import './inventory.types.ts'
import { rulesInEffect } from './retention-rule.reads.ts'
import { RetentionRuleNode } from './retention-rule.types.ts'

const Sensitivity = builder.enumType('Sensitivity', {
  description: 'How much care personal data needs, in the words of DPV.',
  values: {
    PERSONAL: { description: 'Personal data: `dpv:PersonalData`.' },
    SENSITIVE: { description: 'Its misuse harms more than that of other data: `dpv:SensitivePersonalData`.' },
    SPECIAL_CATEGORY: { description: 'Data of GDPR Art. 9: `dpv:SpecialCategoryPersonalData`.' },
  } as const,
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
      type: [RetentionRuleNode],
      description: 'How long it is kept: the rules in effect now, one for each trigger that has one.',
      resolve: async (info, _args, { deps, reads }) =>
        (await rulesInEffect(reads.tx, deps.clock.now())).filter(({ category }) => category === info.key),
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
