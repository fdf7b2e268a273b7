import { CATEGORIES, LEGAL_BASES, PURPOSES } from '../inventory/inventory.rules.ts'
import { type Texts, textIn } from '../texts.rules.ts'
import type { ProcessingRecord, ProcessingRole } from './processing-record.rules.ts'

/** What a document of records is made of, beside the records. */
export type RecordDocumentInput = {
  readonly controller: { readonly id: string; readonly name: string | null; readonly country: string | null }
  /** The role in which Pipelet processes for this controller. */
  readonly role: ProcessingRole
  readonly records: readonly ProcessingRecord[]
  readonly at: Date
  /** Languages that the caller wants, most wanted first, in lower case. */
  readonly languages: readonly string[]
}

/** The date of an instant, UTC, YYYY-MM-DD. */
export const dateOf = (at: Date): string => at.toISOString().slice(0, 10)

/** The name of a purpose, category or basis in the wanted language. */
export const purposeName = (record: Pick<ProcessingRecord, 'purpose'>, languages: readonly string[]) =>
  textIn(PURPOSES[record.purpose].name, languages)
export const categoryName = (category: keyof typeof CATEGORIES, languages: readonly string[]) =>
  textIn(CATEGORIES[category].name, languages)
export const basisName = (basis: keyof typeof LEGAL_BASES, languages: readonly string[]) =>
  `${textIn(LEGAL_BASES[basis].name, languages)} (${LEGAL_BASES[basis].article})`

/** Kinds of persons, and `NOBODY` for data that is linked to none. */
export const KINDS = {
  MEMBER: { en: 'Members of customers', de: 'Mitglieder von Kunden' },
  END_USER: { en: "Customers' own users", de: 'Nutzer von Kunden' },
  CONTACT: { en: 'Persons who wrote a message', de: 'Personen, die geschrieben haben' },
  VISITOR: { en: 'Visitors of the site', de: 'Besucher der Website' },
  NOBODY: { en: 'Linked to no person', de: 'Keiner Person zugeordnet' },
} as const satisfies Record<string, Texts>

/** Roles in which a third party receives data. */
export const RECIPIENT_ROLES = {
  PROCESSOR: { en: 'Processor', de: 'Auftragsverarbeiter' },
  SUB_PROCESSOR: { en: 'Sub-processor', de: 'Unterauftragsverarbeiter' },
  CONTROLLER: { en: 'Controller of its own', de: 'Eigener Verantwortlicher' },
} as const satisfies Record<string, Texts>

/** Words of the document for people. `lang` is the tag of the language that it is in. */
export const WORDS = {
  lang: { en: 'en', de: 'de' },
  title: { en: 'Records of processing', de: 'Verzeichnis von Verarbeitungstätigkeiten' },
  controller: { en: 'Controller', de: 'Verantwortlicher' },
  processor: { en: 'Processor', de: 'Auftragsverarbeiter' },
  country: { en: 'Country', de: 'Land' },
  date: { en: 'Date', de: 'Datum' },
  kept: { en: 'Record under', de: 'Verzeichnis nach' },
  unknown: { en: 'not known', de: 'nicht bekannt' },
  none: { en: 'None', de: 'Keine' },
  empty: {
    en: 'No personal data is held for this controller.',
    de: 'Für diesen Verantwortlichen werden keine personenbezogenen Daten gehalten.',
  },
  basis: { en: 'Legal basis', de: 'Rechtsgrundlage' },
  persons: { en: 'Persons concerned', de: 'Betroffene Personen' },
  systems: { en: 'Systems', de: 'Systeme' },
  otherCountries: { en: 'Recipients in other countries', de: 'Empfänger in anderen Ländern' },
  data: { en: 'Categories of data', de: 'Kategorien von Daten' },
  category: { en: 'Category', de: 'Kategorie' },
  items: { en: 'Pieces', de: 'Stücke' },
  people: { en: 'Persons', de: 'Personen' },
  period: { en: 'Kept for', de: 'Aufbewahrung' },
  source: { en: 'Source', de: 'Quelle' },
  recipients: { en: 'Recipients', de: 'Empfänger' },
  former: { en: 'Former recipients', de: 'Frühere Empfänger' },
  name: { en: 'Name', de: 'Name' },
  role: { en: 'Role', de: 'Rolle' },
  regions: { en: 'Processes in', de: 'Verarbeitet in' },
  may: { en: 'May receive', de: 'Darf erhalten' },
  received: { en: 'Received', de: 'Erhalten' },
  contract: { en: 'Contract of', de: 'Vertrag vom' },
  ended: { en: 'Ended on', de: 'Beendet am' },
  nothing: { en: 'nothing noted', de: 'nichts vermerkt' },
  security: { en: 'Security of processing', de: 'Sicherheit der Verarbeitung' },
  epoch: { en: 'Current epoch of keys began', de: 'Laufende Schlüsselepoche begann' },
  days: { en: 'days ago', de: 'Tage zuvor' },
  dataKeys: { en: 'Living data keys', de: 'Lebende Datenschlüssel' },
  sources: { en: 'Sources', de: 'Quellen' },
  limits: {
    en: 'Derived from the inventory of personal data, the register of processors and the rules of retention. Contact details, representatives and data protection officers are not held here; whether a transfer has a safeguard is not told here.',
    de: 'Abgeleitet aus dem Inventar personenbezogener Daten, dem Register der Auftragsverarbeiter und den Regeln der Aufbewahrung. Kontaktdaten, Vertreter und Datenschutzbeauftragte werden hier nicht gehalten; ob eine Übermittlung eine Garantie hat, steht hier nicht.',
  },
} as const satisfies Record<string, Texts>

/** The word in the wanted language. */
export const word = (key: keyof typeof WORDS, languages: readonly string[]) => textIn(WORDS[key], languages)

/** Who processes on behalf of others, and is controller itself otherwise. */
export const PROCESSOR_NAME = 'Pipelet'

/** What the law asks a record of a role to name, article by article. */
export const SOURCES: Readonly<Record<ProcessingRole, Texts>> = {
  CONTROLLER: {
    en: 'Regulation (EU) 2016/679 (GDPR), Art. 30(1)(a) to (g).',
    de: 'Verordnung (EU) 2016/679 (DSGVO), Art. 30 Abs. 1 Buchst. a bis g.',
  },
  PROCESSOR: {
    en: 'Regulation (EU) 2016/679 (GDPR), Art. 30(2)(a) to (d).',
    de: 'Verordnung (EU) 2016/679 (DSGVO), Art. 30 Abs. 2 Buchst. a bis d.',
  },
}
