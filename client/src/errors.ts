/** The client was set up wrongly; the message says how, and shows no value. */
export class PrivacyConfigurationError extends Error {
  override readonly name = 'PrivacyConfigurationError'
}

/** Facts of a failed call. */
export type ApiErrorFacts = {
  readonly code: string
  readonly status?: number | null
  readonly requestId?: string | null
  readonly retryable: boolean
  readonly retryAfterSeconds?: number | null
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/**
 * A call failed as a whole. Expected failures of a mutation are no errors: they are members of its result.
 *
 * Codes of the server are listed in its `docs/errors.md`. Codes of the client: NETWORK (no answer), TIMEOUT,
 * HTTP_ERROR (an answer that is not GraphQL's), TOKEN_REQUEST_FAILED (no access token for the client credentials).
 */
export class PrivacyApiError extends Error {
  override readonly name = 'PrivacyApiError'
  /** Stable code, e.g. FORBIDDEN. */
  readonly code: string
  /** HTTP status; null where there was no answer. */
  readonly status: number | null
  /** What the server calls the request in its logs and audit. */
  readonly requestId: string | null
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean
  /** How long the server asked to wait, in seconds; null where it did not. */
  readonly retryAfterSeconds: number | null
  /** Typed facts beside the code, e.g. `field` of BAD_USER_INPUT. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(message: string, facts: ApiErrorFacts) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause })
    this.code = facts.code
    this.status = facts.status ?? null
    this.requestId = facts.requestId ?? null
    this.retryable = facts.retryable
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null
    this.details = facts.details ?? {}
  }
}

/** The fields that every problem has. */
export type ProblemFields = { readonly code: string; readonly message: string; readonly retryable: boolean }

/** The result of a mutation: its success or one of its problems, told apart by `__typename`. */
export type MutationResult = { readonly __typename?: string }

/** Thrown by `unwrap` for a problem. */
export class PrivacyProblemError extends Error {
  override readonly name = 'PrivacyProblemError'
  readonly code: string
  readonly retryable: boolean
  /** The problem with its typed fields. */
  readonly problem: ProblemFields

  constructor(problem: ProblemFields) {
    super(`${problem.code}: ${problem.message}`)
    this.code = problem.code
    this.retryable = problem.retryable
    this.problem = problem
  }
}

/** Whether the result of a mutation is a problem, also one that this version of the package does not know. */
export function isProblem<Result extends MutationResult>(result: Result): result is Extract<Result, ProblemFields> {
  return 'code' in result && 'retryable' in result
}

/**
 * The success of a mutation.
 * @throws PrivacyProblemError when the result is a problem
 */
export function unwrap<Result extends MutationResult>(result: Result): Exclude<Result, ProblemFields> {
  if (isProblem(result)) throw new PrivacyProblemError(result)
  return result as Exclude<Result, ProblemFields>
}
