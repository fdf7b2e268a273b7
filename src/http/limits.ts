import { type DocumentNode, Lexer, Source, TokenKind } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { type DocumentSize, measureDocument } from './document-size.ts'
import { assertListLengths } from './list-length.ts'
import { limitExceeded } from './request-error.ts'
import { assertVariables } from './variables.ts'

/** How much one request may ask for. All are inclusive. */
export type Limits = {
  /** Bytes of a request's body. */
  readonly bodyBytes: number
  /** Bytes (UTF-8) of the document. Bounds what the cache of parsed documents can hold. */
  readonly documentBytes: number
  /** Tokens of the document. */
  readonly tokens: number
  /** Operations in the document. */
  readonly operations: number
  /** Fields, fragments written out. */
  readonly fields: number
  /** Nesting of fields; a root field has depth 1. */
  readonly depth: number
  /** Aliases, those of `__typename` too. */
  readonly aliases: number
  readonly directives: number
  /** Estimated values in the answer: each field one, those under a list times its `first`, `last` or number of ids. */
  readonly cost: number
  /** Items of a list in an argument, where the argument does not set its own `listLengthMax`. */
  readonly listLength: number
  readonly variablesBytes: number
  /** Nesting of objects and lists in the variables. */
  readonly variablesDepth: number
}

/**
 * The defaults. A body holds 6 MiB: 5,000 usage events with every field were measured at 3.1 MB of JSON, and at 4.7 MB
 * with model and page at their longest.
 */
export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 6 * 1024 * 1024,
  documentBytes: 64 * 1024,
  tokens: 2_000,
  operations: 10,
  fields: 250,
  depth: 12,
  aliases: 30,
  directives: 9,
  cost: 20_000,
  listLength: 100,
  variablesBytes: 6 * 1024 * 1024,
  variablesDepth: 12,
}

/**
 * The fixed limits of documents that only introspect: the query of GraphiQL has 15 levels and, fragments written out,
 * more fields than others need. GraphQL.js itself refuses introspection that nests lists of types.
 */
export const INTROSPECTION_LIMITS = { fields: 500, depth: 20, cost: 20_000 } as const

/**
 * Refuses a document by its length in bytes and tokens, before it is parsed. Stops reading at the first excess.
 * @throws LIMIT_EXCEEDED with the limit `documentBytes` or `tokens`.
 */
export function assertDocumentLength(source: string, limits: Pick<Limits, 'documentBytes' | 'tokens'>): void {
  if (Buffer.byteLength(source) > limits.documentBytes) throw limitExceeded('documentBytes', limits.documentBytes)
  const lexer = new Lexer(new Source(source))
  let tokens = 0
  try {
    while (lexer.advance().kind !== TokenKind.EOF && tokens <= limits.tokens) tokens += 1
  } catch {
    return // not a document: the parser says so
  }
  if (tokens > limits.tokens) throw limitExceeded('tokens', limits.tokens)
}

const MEASURES = ['operations', 'fields', 'depth', 'aliases', 'directives', 'cost'] as const

/**
 * Refuses a document by its measures, before it is validated.
 * @throws LIMIT_EXCEEDED with the name of the limit.
 */
export function assertDocumentSize(size: DocumentSize, limits: Limits): void {
  const force = size.introspectionOnly ? { ...limits, ...INTROSPECTION_LIMITS } : limits
  for (const name of MEASURES) if (size[name] > force[name]) throw limitExceeded(name, force[name])
}

type GraphQLParams = { variables?: Record<string, unknown> | null } | undefined

const variablesOf = (context: { params?: GraphQLParams }) => context.params?.variables ?? {}

/**
 * Holds a request to `limits`, in the order in which they protect the work that follows: length, variables, tokens
 * before parsing; measures before validation; list lengths before execution. The body's bytes are Yoga's
 * `maxRequestBodySize`. Acts before the caller is known, on everyone alike.
 */
export function useLimits(limits: Limits): Plugin {
  return {
    onParse({ params, context }) {
      assertDocumentLength(params.source.toString(), limits)
      assertVariables(variablesOf(context), limits)
      return ({ result }) => {
        if (isDocument(result)) assertDocumentSize(measureDocument(result, variablesOf(context)), limits)
      }
    },
    onValidate({ params, context }) {
      return ({ valid }) => {
        if (valid) assertListLengths(params.schema, params.documentAST, variablesOf(context), limits.listLength)
      }
    },
  }
}

/** Whether a parser's result is a document and not an error. */
export function isDocument(result: unknown): result is DocumentNode {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'Document'
}
