import { describe, expect, test } from 'vitest'
import type { Located, LocatedKey } from '../../../src/domains/personal-data.ts'
import { comparePlaces, mergePages } from '../../../src/domains/processing/reconciliation-merge.ts'

describe('two pages that are compared', () => {
  const place = (name: string): LocatedKey => {
    const [locator = '', category = '', subject = ''] = name.split(' ')
    return { locator, category: category as Located['category'], subjectId: subject || null }
  }
  const items = (...names: string[]) => names.map((name) => ({ ...place(name), id: `item of ${name}` }))
  const located = (...names: string[]) => names.map((name) => ({ ...place(name), rows: 1 }))
  const shown = ({ missing, orphaned, items: count, next }: ReturnType<typeof mergePages>) => ({
    missing: missing.map((one) => [one.locator, one.category, one.subjectId ?? ''].join(' ').trim()),
    orphaned: orphaned.map(({ id }) => id.slice('item of '.length)),
    count,
    next: next && [next.locator, next.category, next.subjectId ?? ''].join(' ').trim(),
  })

  test('are in the order of locator, category as text and subject, nobody first', () => {
    const names = ['a USAGE 1', 'a ACCOUNT 2', 'b ACCOUNT', 'a ACCOUNT', 'B ACCOUNT', 'a CONSENT']
    const inOrder = ['B ACCOUNT', 'a ACCOUNT', 'a ACCOUNT 2', 'a CONSENT', 'a USAGE 1', 'b ACCOUNT']
    expect(names.toSorted((a, b) => comparePlaces(place(a), place(b)))).toEqual(inOrder)
  })

  test('show what only one of them has', () => {
    const merged = mergePages(items('a U', 'c U', 'd U 1'), located('a U', 'b U', 'd U 2'), 10)
    expect(shown(merged)).toEqual({ missing: ['b U', 'd U 2'], orphaned: ['c U', 'd U 1'], count: 3, next: null })
  })

  test('are compared up to the end of the shorter reach, where a full page may have more behind it', () => {
    const merged = mergePages(items('a U', 'b U'), located('a U', 'c U'), 2)
    expect(shown(merged)).toEqual({ missing: [], orphaned: ['b U'], count: 2, next: 'b U' })
    expect(shown(mergePages(items('b U', 'c U'), located('a U'), 2))).toEqual({
      missing: ['a U'],
      orphaned: ['b U', 'c U'],
      count: 2,
      next: 'c U',
    })
    expect(shown(mergePages(items(), located('a U', 'b U'), 2))).toEqual({
      missing: ['a U', 'b U'],
      orphaned: [],
      count: 0,
      next: 'b U',
    })
    expect(shown(mergePages(items(), located(), 2))).toEqual({ missing: [], orphaned: [], count: 0, next: null })
  })
})
