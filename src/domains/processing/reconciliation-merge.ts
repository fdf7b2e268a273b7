import type { Located, LocatedKey } from '../personal-data.ts'

/** A living item and its place. */
export type ItemPlace = LocatedKey & { readonly id: string }

/** What a pair of pages says. */
export type Merged = {
  /** Located, and there is no item. */
  readonly missing: readonly Located[]
  /** There is an item, and nothing was located. */
  readonly orphaned: readonly ItemPlace[]
  /** Items that were compared. */
  readonly items: number
  /** Where the next pages go on; null: both lists have ended. */
  readonly next: LocatedKey | null
}

/** The order of `locatePage`: locator, category and subject (null first), each by its bytes. */
export function comparePlaces(a: LocatedKey, b: LocatedKey): number {
  const by = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0)
  return by(a.locator, b.locator) || by(a.category, b.category) || by(a.subjectId ?? '', b.subjectId ?? '')
}

/**
 * Compares a page of items with a page of what was located, both of at most `limit`, in order, after the same place. A
 * full page may have more behind it: what lies beyond its end is left for the next pages.
 */
export function mergePages(items: readonly ItemPlace[], located: readonly Located[], limit: number): Merged {
  const pages: readonly (readonly LocatedKey[])[] = [items, located]
  const ends = pages.flatMap((page) => (page.length < limit ? [] : page.slice(-1)))
  const next = ends.toSorted(comparePlaces)[0] ?? null
  const isWithin = (place: LocatedKey) => next === null || comparePlaces(place, next) <= 0
  const missing: Located[] = []
  const orphaned: ItemPlace[] = []
  let at = 0
  let count = 0
  for (const item of items) {
    if (!isWithin(item)) break
    count += 1
    for (; at < located.length; at += 1) {
      const place = located[at]
      if (!place || comparePlaces(place, item) >= 0) break
      missing.push(place)
    }
    const same = located[at]
    if (same && comparePlaces(same, item) === 0) at += 1
    else orphaned.push(item)
  }
  for (const place of located.slice(at)) if (isWithin(place)) missing.push(place)
  return {
    missing,
    orphaned,
    items: count,
    next: next && { locator: next.locator, category: next.category, subjectId: next.subjectId },
  }
}
