/** Longest `Accept-Language` header that is read, in characters. */
const HEADER_LENGTH_MAX = 1_000
/** Most language ranges that are kept. */
const RANGES_MAX = 20
/** A basic language range with its weight (RFC 4647 section 2.1, RFC 9110 section 12.4.2). */
const RANGE = /^([a-z]{1,8}(?:-[a-z0-9]{1,8}){0,7})(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

/**
 * The languages that a request prefers, most wanted first: ranges in lower case, those of weight 0 and `*` left out.
 * What is malformed is passed over, a header that is too long as a whole: a text then comes in the language that there
 * is. @see RFC 9110 section 12.5.4
 */
export function languagesOf(header: string | null): readonly string[] {
  if (header === null || header.length > HEADER_LENGTH_MAX) return []
  const wanted = header
    .toLowerCase()
    .split(',')
    .flatMap((element) => {
      const [, range, weight = '1'] = RANGE.exec(element.trim()) ?? []
      return range === undefined || Number(weight) === 0 ? [] : [{ range, weight: Number(weight) }]
    })
  // The sort keeps the order of those of equal weight.
  const sorted = wanted.sort((one, other) => other.weight - one.weight).map(({ range }) => range)
  return [...new Set(sorted)].slice(0, RANGES_MAX)
}
