/** A request that must be refused: what it is, what is sent, and how the refusal must look. */
export type Hostile = {
  readonly name: string
  readonly body: string | Uint8Array<ArrayBuffer> | (() => string)
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly search?: string
  readonly code: string
  readonly status: number
  /** The limit that is named, for LIMIT_EXCEEDED. */
  readonly limit?: string
}

/** A request body. */
export const json = (query: string, variables?: unknown, more: object = {}) =>
  JSON.stringify({ query, variables, ...more })
/** `count` parts in a row. */
export const repeat = (count: number, part: (index: number) => string, joint = ' ') =>
  Array.from({ length: count }, (_, index) => part(index)).join(joint)
/** `inner` between `depth` openings and closings. */
export const nest = (depth: number, open: string, close: string, inner: string) =>
  open.repeat(depth) + inner + close.repeat(depth)
/** Bytes of texts and numbers. */
export const bytes = (...parts: (string | number[])[]) =>
  new Uint8Array(parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)))
/** The refusal by a limit. */
export const limit = (name: string) => ({ code: 'LIMIT_EXCEEDED', status: 400, limit: name })
/** The refusal of a malformed request. */
export const malformed = { code: 'BAD_REQUEST', status: 400 }
/** The refusal of a content type. */
export const untyped = { code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 }
/** The refusal of a request that is not preflighted. */
export const unmarked = { code: 'CSRF_HEADER_REQUIRED', status: 403 }
/** The refusal by validation. */
export const invalid = { code: 'GRAPHQL_VALIDATION_FAILED', status: 400 }
/** The refusal by the parser. */
export const unparsable = { code: 'GRAPHQL_PARSE_FAILED', status: 400 }
/** The refusal of a value. */
export const misfit = { code: 'BAD_USER_INPUT', status: 400 }
/** The refusal of several mutations. */
export const one = { code: 'ONE_MUTATION_PER_REQUEST', status: 400 }
/** The header that marks a request. */
export const csrf = { 'x-graphql-csrf': '1' }
