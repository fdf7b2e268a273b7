import { PrivacyApiError } from './errors.ts'
import { type Answer, exchange, isRetryableStatus, jsonOf, retryAfterSecondsOf } from './exchange.ts'
import { withRetries } from './retry.ts'
import type { Settings } from './settings.ts'
import { orAborted, type Tools } from './tools.ts'
import type { CallOptions } from './types.ts'

/** An operation to run. */
export type Operation = {
  readonly text: string
  readonly name: string | null
  readonly variables: unknown
  /** Whether trying it twice has no second effect. */
  readonly repeatable: boolean
}

const RETRYABLE_CODES: ReadonlySet<string> = new Set([
  'RATE_LIMITED',
  'TOO_MANY_STREAMS',
  'ISSUER_UNAVAILABLE',
  'IDEMPOTENCY_KEY_IN_PROGRESS',
  'INTERNAL',
])

type GraphQLAnswer = {
  readonly data?: unknown
  readonly errors?: readonly { readonly message?: unknown; readonly extensions?: Readonly<Record<string, unknown>> }[]
}

/**
 * Runs an operation and returns its `data`.
 * @throws PrivacyApiError when it failed, also in part; the signal's reason when the caller ended it
 */
export async function call(
  settings: Settings,
  tools: Tools,
  operation: Operation,
  options: CallOptions,
): Promise<unknown> {
  const { hooks } = settings
  const requestId = tools.newId()
  const { name } = operation
  const body = bodyOf(operation)
  const retries = {
    retriesMax: operation.repeatable ? settings.retriesMax : 0,
    signal: options.signal,
    tools,
    onRetry: (attempt: number, code: string, delayMs: number) =>
      hooks.onRetry?.({ operation: name, requestId, attempt, code, delayMs }),
  }
  const { token: source } = settings
  options.signal?.throwIfAborted()
  let token = await orAborted(source.get(), options.signal)
  return withRetries(retries, async (attempt) => {
    const event = { operation: name, requestId, attempt }
    const send = async (): Promise<Answer> => {
      hooks.onRequest?.(event)
      const startedMs = tools.now()
      const answer = await exchange({
        fetch: settings.fetch,
        url: settings.url,
        headers: headersOf(settings, options, { token, requestId, accept: ACCEPT }),
        body,
        timeoutSeconds: options.timeoutSeconds ?? settings.timeoutSeconds,
        requestId,
        signal: options.signal,
      })
      hooks.onResponse?.({ ...event, status: answer.status, durationMs: tools.now() - startedMs })
      return answer
    }
    const answer = await send()
    if (answer.status !== 401 || !source.renew) return dataOf(answer, requestId, tools)
    // A refused token means that nothing was done, so that every operation may be sent again with another one.
    token = await orAborted(source.renew(token), options.signal)
    return dataOf(await send(), requestId, tools)
  })
}

const ACCEPT = 'application/graphql-response+json, application/json;q=0.9'

/** The body of a request that runs an operation. */
export function bodyOf({ name, text: query, variables }: Operation): string {
  return JSON.stringify({ query, variables, ...(name ? { operationName: name } : {}) }, bigintAsText)
}

/** The headers of a request: those of the caller, then our own. */
export function headersOf(
  settings: Settings,
  options: CallOptions,
  { token, requestId, accept }: { readonly token: string; readonly requestId: string; readonly accept: string },
): Record<string, string> {
  const accountId = options.accountId ?? settings.accountId
  return {
    ...lowerCase(settings.headers),
    ...lowerCase(options.headers ?? {}),
    'content-type': 'application/json',
    accept,
    'x-request-id': requestId,
    authorization: `Bearer ${token}`,
    ...(accountId === undefined ? {} : { 'x-account-id': accountId }),
  }
}

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const bigintAsText = (_key: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)

function dataOf(answer: Answer, requestId: string, tools: Tools): unknown {
  const result = jsonOf(answer)
  const { data, errors } = (result ?? {}) as GraphQLAnswer
  if (!firstOf(errors) && typeof data === 'object' && data !== null) return data
  throw failureOf(result, answer, requestId, tools.now())
}

const firstOf = (errors: GraphQLAnswer['errors']) => (Array.isArray(errors) ? errors[0] : undefined)

/** What a result says of its failure, or, where it is none of GraphQL's, what the answer's status says. */
export function failureOf(result: unknown, answer: Answer, requestId: string, nowMs: number): PrivacyApiError {
  const { status, headers } = answer
  const error = firstOf(((result ?? {}) as GraphQLAnswer).errors)
  const { code, requestId: _sent, ...details } = error?.extensions ?? {}
  const known = typeof code === 'string' ? code : null
  return new PrivacyApiError(known && typeof error?.message === 'string' ? error.message : `Answered with ${status}.`, {
    code: known ?? 'HTTP_ERROR',
    status,
    requestId: headers.get('x-request-id') ?? requestId,
    retryable: known ? RETRYABLE_CODES.has(known) : isRetryableStatus(status),
    retryAfterSeconds: retryAfterSecondsOf(answer, nowMs),
    details,
  })
}
