/** What must not fit into any field: 40 words of English, as people write them. */
export const SENTENCE_40 =
  'The patient told the doctor that she had not slept well for three weeks and that the new medicine made her hands ' +
  'shake so much that she could no longer hold a cup of tea without spilling it on herself'

const BYTES_200 = Buffer.from(Array.from({ length: 200 }, (_, index) => (index * 89 + 41) % 256))

/** 200 bytes in base64: 268 characters. */
export const BASE64_OF_200_BYTES = BYTES_200.toString('base64')

/** 200 characters of base64. */
export const BASE64_200_CHARACTERS = BYTES_200.subarray(0, 150).toString('base64')

/** The same without padding in the alphabet for URLs. */
export const BASE64URL_OF_200_BYTES = BYTES_200.toString('base64url')

/** Content in the plain and in the wrappings a caller might try. */
export const CONTENT: readonly string[] = [
  SENTENCE_40,
  SENTENCE_40.toLowerCase(),
  `${SENTENCE_40}.`,
  BASE64_OF_200_BYTES,
  BASE64_200_CHARACTERS,
  BASE64URL_OF_200_BYTES,
].flatMap((text) => [text, `/${text}`, `Mozilla/5.0 (${text})`, `Mozilla/5.0 ${text}`, `(${text})`, `curl/${text}`])
