import type {
  DataCategory,
  LegalBasis,
  ProcessorRole,
  Purpose,
  RetentionAction,
  RetentionTrigger,
  SubjectKind,
} from '../../generated/prisma/enums.ts'
import type { AvailableTexts } from '../texts.rules.ts'

/** In what role Pipelet processes: as controller (GDPR Art. 4(7)), or as processor on behalf of one (Art. 4(8)). */
export const PROCESSING_ROLES = ['CONTROLLER', 'PROCESSOR'] as const

/** The name of a role. */
export type ProcessingRole = (typeof PROCESSING_ROLES)[number]

/** Where the law asks for a record of a role. */
export const ARTICLES: Readonly<Record<ProcessingRole, string>> = {
  CONTROLLER: 'GDPR Art. 30(1)',
  PROCESSOR: 'GDPR Art. 30(2)',
}

/** What makes a record one: the role, the controller's account, the purpose. */
export type RecordKey = {
  readonly role: ProcessingRole
  readonly controllerId: string
  readonly purpose: Purpose
}

/** How many pieces of data, and of how many persons. */
export type Counted = { readonly items: bigint; readonly subjects: bigint }

/** A group of the items of a record: by exactly one of category, kind of person, system and basis. */
export type RecordGroup = RecordKey &
  Counted & {
    readonly by: 'CATEGORY' | 'KIND' | 'SYSTEM' | 'BASIS'
    /** Null: of nobody in particular (KIND alone). */
    readonly value: string | null
  }

/** What a processor received of the items of a record. */
export type Received = { readonly items: bigint; readonly firstAt: Date; readonly lastAt: Date }

/** An entry of the register. */
export type Registered = {
  readonly accountId: string
  readonly id: string
  readonly name: string
  readonly role: ProcessorRole
  readonly country: string
  readonly regions: readonly string[]
  readonly categories: readonly DataCategory[]
  readonly purposes: readonly Purpose[]
  readonly contractOn: Date | null
  readonly endedAt: Date | null
}

/** The controller of a record, as far as the caller may see its account. */
export type RecordController = { readonly id: string; readonly name: string | null; readonly country: string | null }

/** A third party that receives data of a record, or did. */
export type RecordRecipient = {
  readonly processor: Registered
  /** Categories of the record that the register allows it. */
  readonly mayReceive: readonly DataCategory[]
  /** Null: nothing that is still held. */
  readonly received: Received | null
  /** Whether it is established outside the controller's country; null where that is not known. */
  readonly abroad: boolean | null
}

/** What protects the data, counted from living rows. */
export type RecordSecurity = {
  /** When the epoch of keys began under which data keys are wrapped now; null: none is known. */
  readonly keyEpochStartedAt: Date | null
  readonly keyEpochDays: number | null
  /** Data keys that live; null where the caller may not count them. */
  readonly dataKeys: bigint | null
}

/** How long data of a category is kept after a trigger, by a rule in effect. */
export type RecordPeriod = {
  readonly category: DataCategory
  readonly trigger: RetentionTrigger
  readonly period: string
  readonly action: RetentionAction
  readonly clause: string
  readonly legalSource: string
  readonly description: AvailableTexts
}

/** A record of processing: derived from what is held, never typed in. */
export type ProcessingRecord = Omit<RecordKey, 'controllerId'> &
  Counted & {
    readonly controller: RecordController
    readonly legalBases: readonly LegalBasis[]
    readonly categories: readonly (Counted & { category: DataCategory; retention: readonly RecordPeriod[] })[]
    /** `kind` null: of nobody in particular. */
    readonly persons: readonly (Counted & { kind: SubjectKind | null })[]
    readonly systems: readonly (Counted & { key: string; name: string | null })[]
    /** Those of the register that may receive it, or did, and have not ended; by name. */
    readonly recipients: readonly RecordRecipient[]
    /** Those that have ended and received what is still held; by name. */
    readonly formerRecipients: readonly RecordRecipient[]
    /** Where recipients outside the controller's country are established; null where that country is not known. */
    readonly otherCountries: readonly string[] | null
    readonly security: RecordSecurity
  }

/** What a record is made of, of all records of a page together. */
export type RecordParts = {
  readonly groups: readonly RecordGroup[]
  readonly received: readonly (RecordKey & Received & { processorId: string })[]
  readonly register: readonly Registered[]
  readonly controllers: ReadonlyMap<string, RecordController>
  readonly systemNames: ReadonlyMap<string, string>
  /** The rules of retention in effect, of every category. */
  readonly rules: readonly RecordPeriod[]
  readonly keyEpochStartedAt: Date | null
  /** By `role controllerId`; null where the caller may not count them. */
  readonly dataKeys: ReadonlyMap<string, bigint> | null
}

const DAY_MS = 86_400_000

/** Whether two keys name the same record. */
const isOf = (a: RecordKey, b: RecordKey) =>
  a.role === b.role && a.controllerId === b.controllerId && a.purpose === b.purpose

/** Puts a record together. */
export function assembleRecord(key: RecordKey & Counted, parts: RecordParts, now: Date): ProcessingRecord {
  const { role, controllerId, purpose, items, subjects } = key
  const controller = parts.controllers.get(controllerId) ?? { id: controllerId, name: null, country: null }
  const groups = parts.groups.filter((group) => isOf(group, key))
  const by = (what: RecordGroup['by']) => groups.filter((group) => group.by === what)
  const categories = by('CATEGORY').map((group) => ({ ...countsOf(group), category: group.value as DataCategory }))
  const all = recipientsOf(key, parts, {
    country: controller.country,
    categories: categories.map(({ category }) => category),
  })
  const recipients = all.filter(({ processor }) => processor.endedAt === null)
  const epoch = parts.keyEpochStartedAt
  return {
    role,
    controller,
    purpose,
    items,
    subjects,
    legalBases: by('BASIS').map(({ value }) => value as LegalBasis),
    categories: categories.map((each) => ({
      ...each,
      retention: parts.rules.filter((rule) => rule.category === each.category),
    })),
    persons: by('KIND').map((group) => ({ ...countsOf(group), kind: group.value as SubjectKind | null })),
    systems: by('SYSTEM').map((group) => {
      const system = group.value ?? ''
      return { ...countsOf(group), key: system, name: parts.systemNames.get(system) ?? null }
    }),
    recipients,
    formerRecipients: all.filter(({ processor }) => processor.endedAt !== null),
    otherCountries: controller.country === null ? null : countriesAbroad(recipients),
    security: {
      keyEpochStartedAt: epoch,
      keyEpochDays: epoch && Math.floor((now.getTime() - epoch.getTime()) / DAY_MS),
      dataKeys: parts.dataKeys && (parts.dataKeys.get(`${role} ${controllerId}`) ?? 0n),
    },
  }
}

const countsOf = ({ items, subjects }: Counted): Counted => ({ items, subjects })

const countriesAbroad = (recipients: readonly RecordRecipient[]) =>
  [...new Set(recipients.filter(({ abroad }) => abroad).map(({ processor }) => processor.country))].sort()

/**
 * Who receives the data: those that have not ended and that the register allows the purpose and a category, and those
 * that received data of the record.
 * @see GDPR Art. 30(1)(d): "have been or will be disclosed"
 */
function recipientsOf(
  key: RecordKey,
  parts: RecordParts,
  record: { readonly country: string | null; readonly categories: readonly DataCategory[] },
): RecordRecipient[] {
  return parts.register
    .flatMap((processor) => {
      const { id, endedAt, purposes, country } = processor
      const note = parts.received.find((each) => each.processorId === id && isOf(each, key))
      const allowed = purposes.includes(key.purpose)
        ? record.categories.filter((category) => processor.categories.includes(category))
        : []
      const mayReceive = endedAt === null ? allowed : []
      if (!note && mayReceive.length === 0) return []
      const received = note ? { items: note.items, firstAt: note.firstAt, lastAt: note.lastAt } : null
      const abroad = record.country === null ? null : country !== record.country
      return [{ processor, mayReceive, received, abroad }]
    })
    .sort((a, b) => (a.processor.name < b.processor.name ? -1 : 1))
}
