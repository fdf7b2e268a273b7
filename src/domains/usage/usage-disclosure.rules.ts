/** A group of events by the value they share, and how many different persons it has. */
export type GroupSize = { readonly value: string | null; readonly persons: number }

/** The persons of an account in a month, in all and by group. A person may be in several groups. */
export type Population = { readonly persons: number; readonly groups: readonly GroupSize[] }

/** All accounts that have fewer than `k` persons in a month, taken together. A person belongs to one account. */
export type SmallAccounts = Population & { readonly accounts: number }

/** What may be shown to outsiders of a month. */
export type Disclosure = {
  readonly total: boolean
  readonly values: ReadonlySet<string | null>
  /** Whether anything that there is was left out. */
  readonly leftOut: boolean
}

const NOTHING: ReadonlySet<string | null> = new Set()

const bySize = (a: GroupSize, b: GroupSize) => a.persons - b.persons || ((a.value ?? '') < (b.value ?? '') ? -1 : 1)
const sum = (groups: readonly GroupSize[]) => groups.reduce((total, { persons }) => total + persons, 0)
const largest = (groups: readonly GroupSize[]) => groups.reduce((most, { persons }) => Math.max(most, persons), 0)

/**
 * How many persons the left-out groups have together, at least. Only sizes of groups are known, and persons may be in
 * several: therefore no fewer than the largest of them has, nor than those whom the shown groups do not account for.
 */
function personsAtLeast(all: number, leftOut: readonly GroupSize[], shown: readonly GroupSize[]): number {
  return Math.max(largest(leftOut), all - sum(shown))
}

/**
 * What may be shown of one account: the total and each group with at least `k` persons. Where a smaller one is left out,
 * the total less what is shown would give it away; then the next smallest are left out too, until what is left out holds
 * at least `k` persons together.
 *
 * @param k the smallest number of persons that may be shown, 2 or more
 */
export function discloseAccount({ persons, groups }: Population, k: number): Disclosure {
  if (persons < k) return { total: false, values: NOTHING, leftOut: persons > 0 || groups.length > 0 }
  const shown = groups.filter((group) => group.persons >= k).sort(bySize)
  const leftOut = groups.filter((group) => group.persons < k)
  while (leftOut.length > 0 && shown.length > 0 && personsAtLeast(persons, leftOut, shown) < k)
    leftOut.push(...shown.splice(0, 1))
  return { total: true, values: new Set(shown.map(({ value }) => value)), leftOut: leftOut.length > 0 }
}

/**
 * What may be shown of all accounts together, so that no answer about single accounts, subtracted from it, gives a small
 * group away.
 *
 * Accounts with fewer than `k` persons show nothing of themselves. A group is shown when nobody's part of it is left
 * out, or when such small accounts have at least `k` persons in it: then whatever is subtracted leaves these. Otherwise a
 * large account's left-out part would be found, alone or with too few others. The total is shown when the small accounts
 * have at least `k` persons in all, or there are none. Where the total less the shown groups would leave too few, the
 * next smallest group is left out too.
 *
 * @param large accounts with at least `k` persons, as {@link discloseAccount} is given them
 * @param k the smallest number of persons that may be shown, 2 or more
 */
export function discloseAll(small: SmallAccounts, large: readonly Population[], k: number): Disclosure {
  const inSmall = new Map(small.groups.map(({ value, persons }) => [value, persons]))
  const partsLeftOut = large.map((account) => {
    const { values } = discloseAccount(account, k)
    return account.groups.flatMap(({ value }) => (values.has(value) ? [] : [value]))
  })
  const touched = new Set([...inSmall.keys(), ...partsLeftOut.flat()])
  const groups = addUp([small, ...large])
  const inSmallOf = (value: string | null) => inSmall.get(value) ?? 0
  const shown = groups
    .filter(({ value, persons }) => persons >= k && (!touched.has(value) || inSmallOf(value) >= k))
    .sort(bySize)
  const all = small.persons + large.reduce((total, { persons }) => total + persons, 0)
  const total = all >= k && (small.accounts === 0 || small.persons >= k)
  while (total && !isTotalSafe()) {
    const smallest = shown.findIndex(({ value }) => touched.has(value))
    if (smallest < 0) break
    shown.splice(smallest, 1)
  }
  const values = new Set(shown.map(({ value }) => value))
  const isAnything = small.accounts > 0 || large.length > 0
  return { total, values, leftOut: isAnything && (!total || values.size < groups.length) }

  /** Whether the total less the shown groups leaves nothing, or at least `k` persons of small accounts. */
  function isTotalSafe(): boolean {
    const visible = new Set(shown.map(({ value }) => value))
    const rest = small.groups.filter(({ value }) => !visible.has(value))
    const straddles = (parts: readonly (string | null)[]) =>
      parts.some((value) => visible.has(value)) && parts.some((value) => !visible.has(value))
    if (rest.length === 0 && !partsLeftOut.some(straddles)) return true
    const inShown = small.groups.filter(({ value }) => visible.has(value))
    return personsAtLeast(small.persons, rest, inShown) >= k
  }
}

/** The groups of several populations that have no person in common. */
function addUp(populations: readonly Population[]): GroupSize[] {
  const sizes = new Map<string | null, number>()
  for (const { groups } of populations)
    for (const { value, persons } of groups) sizes.set(value, (sizes.get(value) ?? 0) + persons)
  return [...sizes].map(([value, persons]) => ({ value, persons }))
}
