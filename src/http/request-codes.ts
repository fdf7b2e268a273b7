/** A code of a request-level failure: what it tells, its HTTP status where it has one, and whether to try again. */
export type RequestCodeEntry = {
  readonly message: string
  /** The HTTP status of an answer that carries nothing else; null leaves the status to what was achieved. */
  readonly status: number | null
  /** Whether the same request may succeed later without being changed. */
  readonly retry: boolean
}

/**
 * Every code that a request-level failure can carry in `extensions.code`. Codes never change once released.
 * The sentences are fixed: no message holds a value that a caller has sent. `docs/errors.md` is made from this list.
 */
export const REQUEST_CODES = {
  BAD_REQUEST: { message: 'The request is malformed.', status: 400, retry: false },
  METHOD_NOT_ALLOWED: {
    message: 'Queries are sent by GET or POST, mutations by POST only.',
    status: 405,
    retry: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    message: 'The body must be application/json in UTF-8.',
    status: 415,
    retry: false,
  },
  CSRF_HEADER_REQUIRED: {
    message: 'A request that browsers send without a preflight needs the header x-graphql-csrf.',
    status: 403,
    retry: false,
  },
  BODY_TOO_LARGE: { message: 'The body is larger than this server takes.', status: 413, retry: false },
  LENGTH_REQUIRED: { message: 'The request needs a Content-Length.', status: 411, retry: false },
  NOT_FOUND: { message: 'There is nothing at this address.', status: 404, retry: false },
  GRAPHQL_PARSE_FAILED: { message: 'The document has a syntax error.', status: 400, retry: false },
  GRAPHQL_VALIDATION_FAILED: { message: 'The document does not fit the schema.', status: 400, retry: false },
  OPERATION_RESOLUTION_FAILURE: {
    message: 'The request does not say which operation of the document to run.',
    status: 400,
    retry: false,
  },
  BAD_USER_INPUT: { message: 'An argument or a variable has a value that does not fit.', status: 400, retry: false },
  LIMIT_EXCEEDED: { message: 'The request is larger than a limit allows.', status: 400, retry: false },
  ONE_MUTATION_PER_REQUEST: {
    message: 'A mutation has exactly one root field. Send one request for each.',
    status: 400,
    retry: false,
  },
  UNAUTHENTICATED: {
    message: 'The access token is missing, malformed, expired or not valid here.',
    status: 401,
    retry: false,
  },
  ACCOUNT_REQUIRED: {
    message: 'Name one of your accounts in the header X-Account-Id.',
    status: 400,
    retry: false,
  },
  IDEMPOTENCY_KEY_REUSED: {
    message: 'This idempotency key was used for another input.',
    status: null,
    retry: false,
  },
  IDEMPOTENCY_KEY_IN_PROGRESS: {
    message: 'The first call with this idempotency key is still running.',
    status: null,
    retry: true,
  },
  FORBIDDEN: { message: 'Not available to this caller.', status: null, retry: false },
  RATE_LIMITED: { message: 'Too many requests. Wait as long as Retry-After says.', status: 429, retry: true },
  EVENT_STREAM_REQUIRED: {
    message: 'A subscription is answered as text/event-stream. Say in Accept that you take it.',
    status: 406,
    retry: false,
  },
  CURSOR_EXPIRED: {
    message: 'Events after this cursor are no longer kept. Go on from oldestCursor, or begin anew without a cursor.',
    status: null,
    retry: false,
  },
  TOO_MANY_STREAMS: {
    message: 'Too many subscriptions are open. Close one, or try again later.',
    status: 429,
    retry: true,
  },
  ISSUER_UNAVAILABLE: { message: 'The token cannot be checked at the moment.', status: 503, retry: true },
  INTERNAL: { message: 'Internal error', status: 500, retry: true },
} as const satisfies Record<string, RequestCodeEntry>

/** The code of a request-level failure. */
export type RequestCode = keyof typeof REQUEST_CODES

/** Whether `value` is the code of a request-level failure. */
export function isRequestCode(value: unknown): value is RequestCode {
  return typeof value === 'string' && Object.hasOwn(REQUEST_CODES, value)
}
