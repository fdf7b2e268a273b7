import { z } from 'zod'

/** The languages in which every text for persons is written. */
export const TEXT_LANGUAGES = ['en', 'de'] as const

type TextLanguage = (typeof TEXT_LANGUAGES)[number]

/** A text for persons, in every language. */
export type Texts = Readonly<Record<TextLanguage, string>>

/** A text for persons, in English at least. */
export type AvailableTexts = { readonly en: string; readonly de?: string }

/** The shape of a text for persons in reference data. */
export const textsShape = z.strictObject({ en: z.string().min(1), de: z.string().min(1) })

const isTextLanguage = (tag: string): tag is TextLanguage => TEXT_LANGUAGES.some((language) => language === tag)

/**
 * The text in the first wanted language that there is, else in English. A range is shortened from its end until a
 * language fits: `de-CH-1996` finds `de`. `languages` are in lower case, most wanted first.
 * @see RFC 4647 section 3.4 (lookup)
 */
export function textIn(texts: AvailableTexts, languages: readonly string[]): string {
  for (const range of languages) {
    const subtags = range.split('-')
    for (let length = subtags.length; length > 0; length -= 1) {
      const tag = subtags.slice(0, length).join('-')
      const text = isTextLanguage(tag) ? texts[tag] : undefined
      if (text !== undefined) return text
    }
  }
  return texts.en
}
