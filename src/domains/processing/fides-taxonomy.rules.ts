import { z } from 'zod'
import taxonomyRows from '../../../prisma/reference/fideslang-taxonomy.json' with { type: 'json' }
import type { DataCategory } from '../../generated/prisma/enums.ts'
import { CATEGORIES } from '../inventory/inventory.rules.ts'

const keys = z.array(z.string().regex(/^[a-z0-9_.]+$/)).min(1)
const taxonomy = z
  .strictObject({
    source: z.string().min(1),
    version: z.string().min(1),
    verifiedOn: z.iso.date(),
    verified: z.boolean(),
    note: z.string().min(1),
    data_category: keys,
    data_use: keys,
    data_subject: keys,
  })
  .parse(taxonomyRows)

/** Of what a key of the taxonomy speaks. */
export type TaxonomyKind = 'data_category' | 'data_use' | 'data_subject'

const KNOWN: Readonly<Record<TaxonomyKind, ReadonlySet<string>>> = {
  data_category: new Set(taxonomy.data_category),
  data_use: new Set(taxonomy.data_use),
  data_subject: new Set(taxonomy.data_subject),
}

/** The key and all those above it, nearest first: `a.b.c`, `a.b`, `a`. */
function lineage(key: string): string[] {
  const parts = key.split('.')
  return parts.map((_part, index) => parts.slice(0, parts.length - index).join('.'))
}

/** Whether fideslang's default taxonomy has the key, or one above it: a team may add its own below. */
export function isTaxonomyKey(kind: TaxonomyKind, key: string): boolean {
  return lineage(key).some((each) => KNOWN[kind].has(each))
}

/**
 * Our categories of data for keys of fideslang, in the order of the enum. A key counts for each category that claims it
 * or the nearest one above it; one that none claims counts for none.
 */
export function categoriesOf(dataCategories: readonly string[]): DataCategory[] {
  const found = new Set<DataCategory>()
  for (const key of dataCategories)
    for (const each of lineage(key)) {
      const claims = Object.values(CATEGORIES).filter(({ fideslang }) => fideslang.includes(each))
      for (const claim of claims) found.add(claim.key)
      if (claims.length > 0) break
    }
  return Object.values(CATEGORIES)
    .map((category) => category.key)
    .filter((category) => found.has(category))
}
