import { expect, test } from 'vitest'
import { textIn } from '../../../src/domains/texts.rules.ts'

const texts = { en: 'Account data', de: 'Kontodaten' }

// RFC 4647 section 3.4: a range is shortened from its end until something fits.
test.each([
  [['de'], 'Kontodaten'],
  [['de-ch-1996'], 'Kontodaten'],
  [['fr', 'de', 'en'], 'Kontodaten'],
  [['en-gb', 'de'], 'Account data'],
  [['fr', 'nl'], 'Account data'],
  [['deu'], 'Account data'],
  [['constructor', '__proto__'], 'Account data'],
  [[], 'Account data'],
])('to who wants %j the text is %s', (languages, text) => {
  expect(textIn(texts, languages)).toBe(text)
})
