import { GraphQLError, type GraphQLErrorOptions } from 'graphql'
import { CHALLENGE } from '../auth/bad-token.ts'
import { REQUEST_CODES, type RequestCode } from './request-codes.ts'

/** Typed facts beside a code, shown to the caller. Numbers and names from the schema only, never a caller's value. */
export type RequestErrorDetails = {
  /** LIMIT_EXCEEDED: the limit's name. */
  readonly limit?: string
  /** LIMIT_EXCEEDED: the largest value allowed. */
  readonly maximum?: number
  /** RATE_LIMITED: seconds until the next request is taken. */
  readonly retryAfterSeconds?: number
  /** BAD_USER_INPUT: the argument or input field, by its path in the schema. */
  readonly field?: string
  /** CURSOR_EXPIRED: the cursor after which the oldest event that is kept comes. */
  readonly oldestCursor?: string
}

/** What `refused` may be told beyond code and message. */
export type RefusedOptions = RequestErrorDetails & {
  /** `spec` marks failures for which GraphQL over HTTP asks for 200 when the caller accepts application/json only. */
  readonly http?: { status?: number; headers?: Record<string, string>; spec?: boolean }
  /** Where in the document the failure lies; only its lines and columns leave. */
  readonly nodes?: GraphQLErrorOptions['nodes']
}

/** A request-level failure of our own. Its message is written by us and may be shown; all other errors are masked. */
export class RequestError extends GraphQLError {
  readonly code: RequestCode
  readonly details: RequestErrorDetails

  constructor(code: RequestCode, message: string, { http, nodes, ...details }: RefusedOptions = {}) {
    const { status } = REQUEST_CODES[code]
    const answer = { ...(status === null ? {} : { status }), ...http }
    super(message, {
      ...(nodes ? { nodes } : {}),
      extensions: { code, ...details, ...(Object.keys(answer).length > 0 ? { http: answer } : {}) },
    })
    this.code = code
    this.details = details
  }
}

/**
 * A failure of the whole request or of a root field, to be thrown. The message defaults to the code's sentence in
 * `REQUEST_CODES` and must never contain a value that a caller has sent.
 */
export function refused(code: RequestCode, message?: string, options: RefusedOptions = {}): RequestError {
  return new RequestError(code, message ?? REQUEST_CODES[code].message, options)
}

/**
 * The failure of a caller without a good token: 401 with `WWW-Authenticate`.
 * @param challenge the header's value; the default, without an error code, is for requests that carry no token.
 * @see RFC 6750 section 3, RFC 9449 section 7.1
 */
export function unauthenticated(message?: string, challenge = CHALLENGE, status: 400 | 401 = 401): RequestError {
  return refused('UNAUTHENTICATED', message, { http: { status, headers: { 'WWW-Authenticate': challenge } } })
}

/** The one failure for a root field that the caller's scopes do not open. Says the same whatever the reason. */
export function forbidden(): RequestError {
  return refused('FORBIDDEN')
}

/** A limit that a request goes beyond. The answer names the limit and its maximum, not what was found. */
export function limitExceeded(limit: string, maximum: number): RequestError {
  return refused('LIMIT_EXCEEDED', `The limit ${limit} allows ${maximum} at most.`, { limit, maximum })
}
