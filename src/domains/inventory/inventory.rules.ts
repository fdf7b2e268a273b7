import { z } from 'zod'
import categoryRows from '../../../prisma/reference/data-categories.json' with { type: 'json' }
import basisRows from '../../../prisma/reference/legal-bases.json' with { type: 'json' }
import purposeRows from '../../../prisma/reference/purposes.json' with { type: 'json' }
import { DataCategory, LegalBasis, Purpose } from '../../generated/prisma/enums.ts'
import { textsShape } from '../texts.rules.ts'

/** How much care data needs, in the words of DPV. */
export const SENSITIVITIES = ['PERSONAL', 'SENSITIVE', 'SPECIAL_CATEGORY'] as const

const described = {
  name: textsShape,
  description: textsShape,
  source: z.string().min(1),
  verifiedOn: z.iso.date(),
  verified: z.boolean(),
  /** First day on which it holds, UTC. */
  effectiveFrom: z.iso.date(),
  note: z.string().min(1).optional(),
}
/** Clause of the privacy policy. */
const clause = z.string().regex(/^§\d+\.\d+$/)

const categoryShape = z.strictObject({
  key: z.enum(DataCategory),
  ...described,
  /** Keys of fideslang's data categories. */
  fideslang: z.array(z.string().min(1)).min(1),
  /** Terms of DPV with their prefix; none where DPV has none. */
  dpv: z.array(z.string().min(1)),
  sensitivity: z.enum(SENSITIVITIES),
  clause,
})
const purposeShape = z.strictObject({
  key: z.enum(Purpose),
  ...described,
  /** Key of fideslang's data use. */
  fideslang: z.string().min(1),
  /** Term of DPV with its prefix. */
  dpv: z.string().min(1),
  /** The basis on which it rests where nothing else is said. */
  legalBasis: z.enum(LegalBasis),
  clause,
})
const basisShape = z.strictObject({
  key: z.enum(LegalBasis),
  ...described,
  article: z.string().min(1),
  /** Term of DPV's extension for the GDPR, with its prefix. */
  dpv: z.string().min(1),
})

/** A category of personal data, with its texts and its terms in the vocabularies. */
export type CategoryInfo = Readonly<z.infer<typeof categoryShape>>
/** A purpose, likewise. */
export type PurposeInfo = Readonly<z.infer<typeof purposeShape>>
/** A legal basis, likewise. */
export type LegalBasisInfo = Readonly<z.infer<typeof basisShape>>

/** Rows of reference data by their key. @throws Error when a key has no row, or two */
function byKey<K extends string, R extends { readonly key: K }>(
  keys: Readonly<Record<K, K>>,
  rows: readonly R[],
): Readonly<Record<K, R>> {
  const found = Object.fromEntries(rows.map((row) => [row.key, row])) as Record<K, R>
  const missing = Object.values<K>(keys).filter((key) => !found[key])
  if (missing.length > 0 || rows.length !== Object.keys(keys).length)
    throw new Error(`reference data needs one row for each key: ${missing.join(', ')}`)
  return found
}

/** Every category of personal data. */
export const CATEGORIES = byKey(DataCategory, z.array(categoryShape).parse(categoryRows))
/** Every purpose. */
export const PURPOSES = byKey(Purpose, z.array(purposeShape).parse(purposeRows))
/** Every legal basis. */
export const LEGAL_BASES = byKey(LegalBasis, z.array(basisShape).parse(basisRows))

/** Whether `value` may be the key of a system, as the table says. */
export const isSystemKey = (value: string): boolean => /^[a-z][a-z0-9_.-]{0,127}$/.test(value)

/** Whether `value` may be a locator, as the table says. */
export const isLocator = (value: string): boolean => /^[a-z0-9_.:/-]{1,128}$/.test(value)
