import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { CATEGORIES, LEGAL_BASES, PURPOSES } from '../../../src/domains/inventory/inventory.rules.ts'
import { DataCategory, LegalBasis, Purpose } from '../../../src/generated/prisma/enums.ts'
import vocabularies from '../../data/vocabularies.json' with { type: 'json' }

const rowsOf = async (file: string): Promise<{ key: string }[]> =>
  JSON.parse(await readFile(new URL(`../../../prisma/reference/${file}.json`, import.meta.url), 'utf8'))

describe('reference data', () => {
  test.each([
    ['data-categories', Object.keys(DataCategory), 9],
    ['purposes', Object.keys(Purpose), 11],
    ['legal-bases', Object.keys(LegalBasis), 6],
  ])('of %s has one row for each value', async (file, values, count) => {
    const keys = (await rowsOf(file)).map(({ key }) => key)
    expect(keys).toHaveLength(count)
    expect(keys.toSorted()).toEqual(values.toSorted())
  })

  test('says where each row is from, and when it was looked at', () => {
    const rows = [...Object.values(CATEGORIES), ...Object.values(PURPOSES), ...Object.values(LEGAL_BASES)]
    expect(rows).toHaveLength(26)
    for (const { source, verifiedOn, verified, effectiveFrom } of rows) {
      expect(source.length).toBeGreaterThan(20)
      expect(verifiedOn >= effectiveFrom).toBe(true)
      expect(verified).toBe(true)
    }
  })

  test('names only keys that fideslang has and has not deprecated', () => {
    const keys = Object.values(CATEGORIES).flatMap(({ fideslang }) => fideslang)
    const uses = Object.values(PURPOSES).map(({ fideslang }) => fideslang)
    expect(keys.filter((key) => !vocabularies.fideslang.dataCategories.includes(key))).toEqual([])
    expect(keys.filter((key) => vocabularies.fideslang.deprecatedDataCategories.includes(key))).toEqual([])
    expect(uses.filter((use) => !vocabularies.fideslang.dataUses.includes(use))).toEqual([])
  })

  test('names only terms that DPV has', () => {
    const { pd, dpv, 'eu-gdpr': gdpr } = vocabularies.dpv
    const known = new Set([
      ...pd.map((t) => `pd:${t}`),
      ...dpv.map((t) => `dpv:${t}`),
      ...gdpr.map((t) => `eu-gdpr:${t}`),
    ])
    const terms = [
      ...Object.values(CATEGORIES).flatMap((row) => row.dpv),
      ...Object.values(PURPOSES).map((row) => row.dpv),
      ...Object.values(LEGAL_BASES).map((row) => row.dpv),
    ]
    expect(terms.length).toBeGreaterThan(30)
    expect(terms.filter((term) => !known.has(term))).toEqual([])
  })

  test('gives each legal basis its letter', () => {
    // Regulation (EU) 2016/679, Art. 6(1).
    expect(Object.values(LEGAL_BASES).map(({ key, article, dpv }) => [key, article, dpv])).toEqual([
      ['CONSENT', 'GDPR Art. 6(1)(a)', 'eu-gdpr:A6-1-a'],
      ['CONTRACT', 'GDPR Art. 6(1)(b)', 'eu-gdpr:A6-1-b'],
      ['LEGAL_OBLIGATION', 'GDPR Art. 6(1)(c)', 'eu-gdpr:A6-1-c'],
      ['VITAL_INTERESTS', 'GDPR Art. 6(1)(d)', 'eu-gdpr:A6-1-d'],
      ['PUBLIC_TASK', 'GDPR Art. 6(1)(e)', 'eu-gdpr:A6-1-e'],
      ['LEGITIMATE_INTERESTS', 'GDPR Art. 6(1)(f)', 'eu-gdpr:A6-1-f'],
    ])
  })
})
