import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  matchesUsagePattern,
  USAGE_PATTERNS,
  type UsagePatternField,
} from '../../../src/domains/usage/usage-patterns.rules.ts'
import { CONTENT, SENTENCE_40 } from './content.ts'
import { BROWSER_AGENTS, LIBRARY_AGENTS } from './user-agents.ts'

const FIELDS = Object.keys(USAGE_PATTERNS) as UsagePatternField[]

describe('published patterns', () => {
  it('are the ones the interface promises', () => {
    expect(USAGE_PATTERNS.model).toBe('[A-Za-z0-9._:/-]{1,128}')
    expect(USAGE_PATTERNS.requestId).toBe('[A-Za-z0-9._:-]{1,64}')
    expect(USAGE_PATTERNS.region).toBe('[a-z0-9-]{1,32}')
    expect(USAGE_PATTERNS.page).toBe('(?!.{257})(?!(?:[^A-Z]*[A-Z]){49})(?:/[A-Za-z0-9._~-]{0,64}){1,16}')
  })

  it('let no sentence of 40 words and no 200 bytes of base64 into any field', () => {
    expect(SENTENCE_40.split(' ')).toHaveLength(40)
    let tried = 0
    const accepted: string[] = []
    for (const field of FIELDS) {
      for (const text of CONTENT) {
        tried += 1
        if (matchesUsagePattern(field, text)) accepted.push(`${field}: ${text}`)
      }
    }
    expect(accepted).toEqual([])
    expect(tried).toBe(180)
  })

  it('let no base64 of 150 to 300 random bytes into any field, plain, as a path or in a comment', () => {
    let tried = 0
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 150, maxLength: 300 }), fc.constantFrom(...FIELDS), (bytes, field) => {
        for (const encoding of ['base64', 'base64url'] as const) {
          const text = Buffer.from(bytes).toString(encoding)
          for (const probe of [text, `/${text}`, `Mozilla/5.0 (${text})`, `a/${text}`]) {
            tried += 1
            expect(matchesUsagePattern(field, probe)).toBe(false)
          }
        }
      }),
      { numRuns: 2_000, seed: 20_260_601 },
    )
    expect(tried).toBe(16_000)
  })

  it('let no 40 words of random letters into any field, whatever stands between two of them', () => {
    const word = fc.string({ unit: fc.constantFrom(...'aeinorst'), minLength: 3, maxLength: 9 })
    const separator = fc.constantFrom(' ', ', ', '; ', '  ', '\n', '\t', '%20', '+ ', '. ')
    let tried = 0
    fc.assert(
      fc.property(fc.array(word, { minLength: 40, maxLength: 60 }), separator, (words, between) => {
        for (const field of FIELDS) {
          for (const probe of [words.join(between), `/${words.join(between)}`, `a/1 (${words.join(between)})`]) {
            tried += 1
            expect(matchesUsagePattern(field, probe)).toBe(false)
          }
        }
      }),
      { numRuns: 1_000, seed: 20_260_602 },
    )
    expect(tried).toBe(15_000)
  })

  it('answer at once for hostile strings of a million characters', () => {
    const hostile = ['a/', 'a', '/', '(', 'a/1 (a', 'A/a ', '; ', ' ', 'a/1 (a; '].map((part) => part.repeat(1_000_000))
    expect(hostile.flatMap((text) => FIELDS.filter((field) => matchesUsagePattern(field, text)))).toEqual([])
  })
})

describe('model, request id and region', () => {
  it.each([
    ['model', 'meta-llama/Llama-3.3-70B-Instruct-Turbo', true],
    ['model', 'gpt-4o-mini:2024-07-18', true],
    ['model', 'm'.repeat(128), true],
    ['model', 'm'.repeat(129), false],
    ['model', '', false],
    ['model', 'a model', false],
    ['model', 'modèle', false],
    ['model', 'model\n', false],
    ['requestId', '0190c8f2-7b1e-7c3a-9f00-0123456789ab', true],
    ['requestId', 'r'.repeat(64), true],
    ['requestId', 'r'.repeat(65), false],
    ['requestId', 'a/b', false],
    ['requestId', '', false],
    ['region', 'eu-central-1', true],
    ['region', 'EU', false],
    ['region', 'r'.repeat(33), false],
  ] as const)('%s %j is accepted: %s', (field, value, accepted) => {
    expect(matchesUsagePattern(field, value)).toBe(accepted)
  })
})

describe('page', () => {
  it.each([
    ['/', true],
    ['/models/meta-llama/Llama-3.3-70B-Instruct-Turbo', true],
    ['/docs/', true],
    ['//docs', true],
    ['/orgs/01HV8ZK3T5J8Q9W2E4R6T8Y0UB/projects/0190c8f2-7b1e-7c3a-9f00-0123456789ab', true],
    [`/${'a'.repeat(64)}`, true],
    [`/${'a'.repeat(65)}`, false],
    [`${`/${'a'.repeat(63)}`.repeat(4)}`, true],
    [`${`/${'a'.repeat(63)}`.repeat(4)}/`, false],
    ['/a'.repeat(16), true],
    ['/a'.repeat(17), false],
    [`/${'A'.repeat(48)}`, true],
    [`/${'A'.repeat(49)}`, false],
    ['', false],
    ['docs', false],
    ['/docs?q=1', false],
    ['/docs#top', false],
    ['/a%20b', false],
    ['/users/anna@example.com', false],
    ['https://example.com/docs', false],
    ['/docs\n', false],
  ])('%j is accepted: %s', (value, accepted) => {
    expect(matchesUsagePattern('page', value)).toBe(accepted)
  })
})

describe('user agent', () => {
  it('is accepted as browsers, tools, SDKs and crawlers really send it', () => {
    const real = [...BROWSER_AGENTS.map(([userAgent]) => userAgent), ...LIBRARY_AGENTS]
    expect(real.filter((userAgent) => !matchesUsagePattern('userAgent', userAgent))).toEqual([])
    expect(new Set(real).size).toBe(76)
  })

  it.each([
    '',
    ' ',
    'hello',
    'anna@example.com',
    '(comment first)',
    'Mozilla/5.0 (unclosed',
    'Mozilla/5.0 unopened)',
    'Mozilla/5.0 (a ((b)))',
    'Mozilla/5.0 ()',
    'Mozilla/5.0  (two spaces)',
    'Mozilla/5.0\t(tab)',
    'curl/8.0\r\nX-Header: 1',
    'curl/8.0\n',
    'Mozilla/5.0 (<script>)',
    'Mozilla/5.0 ("quoted")',
    'Mozilla/5.0 (élan)',
    'https://example.com/a?b=c',
    `a/${'1'.repeat(49)}`,
    `Mozilla/5.0 (${'a'.repeat(65)})`,
    `a/1${' b/1'.repeat(32)}`,
    Array.from({ length: 8 }, () => `${'a'.repeat(40)}/${'1'.repeat(30)}`).join(' '),
  ])('%j is refused', (value) => {
    expect(matchesUsagePattern('userAgent', value)).toBe(false)
  })
})
