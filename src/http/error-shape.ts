import { GraphQLError } from 'graphql'
import { AccountRequiredError, BadTokenError, IssuerUnavailableError } from '../auth/bad-token.ts'
import { syntaxText, validationText } from './error-text.ts'
import { isRequestCode, REQUEST_CODES } from './request-codes.ts'
import { RequestError, refused, unauthenticated } from './request-error.ts'

/** What shaping needs to know beside the error. */
export type ErrorShapeOptions = {
  readonly requestId: string
  /** Whether texts may suggest names of the schema ("Did you mean"): in development only. */
  readonly suggest: boolean
  /** Turns an outer module's error into one that may be shown; null for every other. */
  readonly recognise: (error: unknown) => RequestError | null
  /** Called with the cause of each error that is masked: a bug or an outside fault. */
  readonly report: (cause: unknown) => void
}

/** The error that was thrown first, under the wrappings of the executor. */
export function rootCause(error: unknown): unknown {
  let cause = error
  while (cause instanceof GraphQLError && !(cause instanceof RequestError) && cause.originalError)
    cause = cause.originalError
  return cause
}

const SAFE_TEXTS: ReadonlySet<string> = new Set(['Must provide query string.', 'Batching is not supported.'])
const ARGUMENT = /^Argument "(\w+)"(?: has invalid value| of (?:non-null|required) type)/
const VARIABLE = /^Variable "\$(\w+)"/

/** A failure that Yoga, Pothos or GraphQL.js found in the request, in our words; null when it is none. */
function libraryFailure(error: GraphQLError, suggest: boolean): RequestError | null {
  const { code, http } = error.extensions as { code?: unknown; http?: { status?: number; spec?: boolean } }
  const spec = { http: { status: 400, spec: true } }
  const variable = VARIABLE.exec(error.message)?.[1]
  if (error.message.startsWith('Syntax Error: '))
    return refused('GRAPHQL_PARSE_FAILED', syntaxText(error.message), spec)
  if (code === 'GRAPHQL_VALIDATION_FAILED') return refused(code, validationText(error, suggest), spec)
  if (variable !== undefined) return refused('BAD_USER_INPUT', `Variable "$${variable}" does not fit its type.`, spec)
  if (code === 'REQUEST_ENTITY_TOO_LARGE') return refused('BODY_TOO_LARGE')
  if (http?.status === 405)
    return refused('METHOD_NOT_ALLOWED', undefined, { http: { status: 405, headers: { Allow: 'GET, POST' } } })
  if (code === 'BAD_REQUEST') return refused(code, SAFE_TEXTS.has(error.message) ? error.message : undefined)
  if (code === 'OPERATION_RESOLUTION_FAILURE') return refused(code, undefined, spec)
  const argument = ARGUMENT.exec(error.message)?.[1]
  if (argument !== undefined) return refused('BAD_USER_INPUT', `Argument "${argument}" does not fit its type.`)
  if (error.name === 'PothosValidationError') return refused('BAD_USER_INPUT')
  return isRequestCode(code) && code !== 'INTERNAL' ? refused(code) : null
}

function authenticationFailure(error: unknown): RequestError | null {
  if (error instanceof BadTokenError) return unauthenticated(undefined, error.wwwAuthenticate, error.status)
  if (error instanceof AccountRequiredError) return refused('ACCOUNT_REQUIRED')
  if (error instanceof IssuerUnavailableError) return refused('ISSUER_UNAVAILABLE')
  return null
}

/** The request-level failure that an error stands for; null for a bug or an outside fault. */
export function requestErrorOf(
  error: unknown,
  { suggest, recognise }: Pick<ErrorShapeOptions, 'suggest' | 'recognise'>,
): RequestError | null {
  const cause = rootCause(error)
  if (cause instanceof RequestError) return cause
  if (error instanceof GraphQLError && VARIABLE.test(error.message)) return libraryFailure(error, suggest)
  if (cause instanceof GraphQLError) return libraryFailure(cause, suggest)
  return authenticationFailure(cause) ?? recognise(cause)
}

/**
 * The error as it leaves: a fixed text, `extensions` with `code`, `requestId` and typed details and nothing else, the
 * place in the document and the path in the answer. Never a stack, a cause or a value that was sent.
 */
export function shapeError(error: unknown, options: ErrorShapeOptions): GraphQLError {
  const known = requestErrorOf(error, options)
  if (!known) options.report(rootCause(error))
  const outer = error instanceof GraphQLError ? error : null
  const place = known?.nodes ?? outer?.nodes
  const { http } = known ? known.extensions : { http: { status: REQUEST_CODES.INTERNAL.status } }
  return new GraphQLError(known?.message ?? REQUEST_CODES.INTERNAL.message, {
    ...(place ? { nodes: place } : { source: outer?.source ?? null, positions: outer?.positions ?? null }),
    ...(outer?.path ? { path: outer.path } : {}),
    extensions: {
      code: known?.code ?? 'INTERNAL',
      ...known?.details,
      requestId: options.requestId,
      ...(http && !outer?.path ? { http } : {}),
    },
  })
}
