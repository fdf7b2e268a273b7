/**
 * The published shapes of the strings a usage event may carry. They are narrow on purpose: a prompt, an answer or a
 * file does not fit in, so usage records cannot become a second store of content.
 *
 * Each value is the source text of a regular expression that must match the whole string. All of them match in time
 * linear in their own length limit, whatever the length of the string.
 */
export const USAGE_PATTERNS = {
  model: '[A-Za-z0-9._:/-]{1,128}',
  requestId: '[A-Za-z0-9._:-]{1,64}',
  region: '[a-z0-9-]{1,32}',
  page: pagePattern(),
  userAgent: userAgentPattern(),
} as const satisfies Record<string, string>

/** A field of a usage event whose string must match a published pattern. */
export type UsagePatternField = keyof typeof USAGE_PATTERNS

/** Each pattern in words, for schema descriptions and for the reason given when a value is refused. */
export const USAGE_PATTERN_WORDS: Readonly<Record<UsagePatternField, string>> = {
  model: '1 to 128 letters, digits and . _ : / -',
  requestId: '1 to 64 letters, digits and . _ : -',
  region: '1 to 32 lower-case letters, digits and -',
  page:
    'a path of at most 256 characters without query or fragment: at most 16 segments, each / and up to 64 letters, ' +
    'digits and . _ ~ -, with at most 48 upper-case letters in all',
  userAgent:
    'a User-Agent value of at most 512 characters and 32 words: products as name/version and comments in parentheses',
}

const COMPILED: Readonly<Record<UsagePatternField, RegExp>> = {
  model: whole(USAGE_PATTERNS.model),
  requestId: whole(USAGE_PATTERNS.requestId),
  region: whole(USAGE_PATTERNS.region),
  page: whole(USAGE_PATTERNS.page),
  userAgent: whole(USAGE_PATTERNS.userAgent),
}

/** Whether the whole of `value` has the published shape of `field`. */
export function matchesUsagePattern(field: UsagePatternField, value: string): boolean {
  return COMPILED[field].test(value)
}

function whole(source: string): RegExp {
  return new RegExp(`^(?:${source})$`)
}

/**
 * A path of RFC 3986 section 3.3 made of unreserved characters only. The limit on upper-case letters is what tells a
 * path from base64 text: a slash is a base64 digit too, and 200 such digits hold about 80 upper-case letters.
 */
function pagePattern(): string {
  return '(?!.{257})(?!(?:[^A-Z]*[A-Z]){49})(?:/[A-Za-z0-9._~-]{0,64}){1,16}'
}

/**
 * The grammar of RFC 9110 section 10.1.5, `product *( RWS ( product / comment ) )`, narrowed: single spaces, short
 * words, one level of nested comment, and only those products without a version that are in use: a lone version
 * number, as some SDKs send after their name, or one of a short list of words.
 */
function userAgentPattern(): string {
  const product = '[A-Za-z0-9][A-Za-z0-9._+-]{0,47}/[A-Za-z0-9._+#~-]{1,48}'
  const version = '[0-9]{1,5}(?:[.][0-9]{1,10}){1,5}'
  const bare =
    'Mobile|Tablet|TV|VR|Desktop|like|Gecko|Ubuntu|Instagram|Slackbot|Slackbot-LinkExpanding|AdsBot-Google|' +
    'Mediapartners-Google|got|node|node-fetch|undici|axios'
  const word = '(?:[A-Za-z0-9._:/+=@~#*?&!-]{1,64}|[(][A-Za-z0-9._ -]{1,32}[)])'
  const comment = `[(]${word}(?:(?:[;,] ?| )${word})*;? ?[)]`
  const limits = '(?!.{513})(?!(?:[^ ]* ){32})'
  return `${limits}(?:${product}|${bare})(?: (?:${product}|${version}|${bare}|${comment}))*`
}
