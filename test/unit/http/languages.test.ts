import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { languagesOf } from '../../../src/http/languages.ts'

describe('the wanted languages', () => {
  // RFC 9110 section 12.5.4 gives the first of these headers.
  test.each([
    ['da, en-gb;q=0.8, en;q=0.7', ['da', 'en-gb', 'en']],
    ['en;q=0.7, de-CH', ['de-ch', 'en']],
    ['en;q=0.5,de;q=0.5,fr;q=0.9', ['fr', 'en', 'de']],
    ['de;q=0, en', ['en']],
    ['de;q=0.001, en;q=0.000', ['de']],
    ['DE , EN;Q=0.3', ['de', 'en']],
    ['de\t;\tq=1.000', ['de']],
    ['de, de;q=0.2, en', ['de', 'en']],
    ['zh-Hant-TW, *;q=0.1', ['zh-hant-tw']],
    ['*', []],
    ['', []],
  ])('of %j are %j', (header, languages) => {
    expect(languagesOf(header)).toEqual(languages)
  })

  test('of no header are none', () => {
    expect(languagesOf(null)).toEqual([])
  })

  test.each([
    'de;q=2',
    'de;q=-1',
    'de;q=0.1234',
    'de;q=',
    'de;x=1',
    'de_DE',
    'überlang',
    '../../etc',
    'd'.repeat(9),
    ';;;',
  ])('leave out what is malformed: %j', (header) => {
    expect(languagesOf(`${header}, en`)).toEqual(['en'])
  })

  test('are none where the header is longer than 1,000 characters, and at most 20', () => {
    expect(languagesOf('de'.padEnd(1_000, ' '))).toEqual(['de'])
    expect(languagesOf('de'.padEnd(1_001, ' '))).toEqual([])
    const many = Array.from({ length: 90 }, (_, index) =>
      `x${index}-de`.replace(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit))),
    )
    expect(languagesOf(many.join(','))).toHaveLength(20)
  })

  test('are found in any text without harm', () => {
    const pieces = fc.constantFrom('de', 'en', '-', ';q=', '0.5', ',', ' ', ';', '*', '1', '\u0000', 'ß')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
        for (const language of languagesOf(parts.join(''))) expect(language).toMatch(/^[a-z0-9-]{1,80}$/)
      }),
    )
  })
})
