import { bodyOf, failureOf, headersOf, type Operation } from './call.ts'
import { PrivacyApiError } from './errors.ts'
import { jsonOf } from './exchange.ts'
import { backoffMs } from './retry.ts'
import type { Settings } from './settings.ts'
import { createSseParser } from './sse.ts'
import { openStream, type Stream } from './stream.ts'
import { orAborted, type Tools } from './tools.ts'
import type { CallOptions } from './types.ts'

/** A stream without a sign of life for this long is taken for dead. The server sends one every 15 seconds. */
const SILENCE_SECONDS_MAX = 45

/** A stream that lasted as long as this was a good one, also when it brought nothing. */
const GOOD_SECONDS = 5

const RETRY_AFTER_SECONDS_MAX = 3600
const ACCEPT = 'text/event-stream, application/graphql-response+json;q=0.9, application/json;q=0.8'

/** What a reader has got so far. */
type Progress = {
  /** The cursor after which to go on; null: none was told yet. */
  after: string | null
  /** Attempts in a row that brought nothing. */
  failures: number
  /** Tokens in a row that were refused. */
  refusals: number
}

/** One connection. */
type Connection = {
  readonly settings: Settings
  readonly tools: Tools
  readonly operation: Operation
  readonly options: CallOptions
  readonly requestId: string
  readonly attempt: number
  readonly token: string
  readonly progress: Progress
}

/**
 * Runs a subscription and gives what it tells, one after the other. When the connection ends, it goes on after the last
 * event that was given, so that none is lost and none comes twice; it waits 0.5 s, doubled up to 8 s, with jitter, or as
 * long as the server asks, up to an hour. A refused token is renewed once. Ends quietly when the signal is aborted.
 * @throws PrivacyApiError when the server refuses for good: a second token in a row, a missing scope, a bad cursor
 * @see https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md "distinct connections mode"
 */
export async function* follow(
  settings: Settings,
  tools: Tools,
  operation: Operation,
  options: CallOptions,
): AsyncGenerator<unknown, void> {
  const { token: source, hooks } = settings
  const { signal } = options
  const requestId = tools.newId()
  const { after = null } = operation.variables as { after?: string | null }
  const progress: Progress = { after, failures: 0, refusals: 0 }
  let refused: string | null = null
  for (let attempt = 1; !signal?.aborted; attempt += 1) {
    let token: string | null = null
    try {
      const asked: Promise<string> = refused !== null && source.renew ? source.renew(refused) : source.get()
      token = await orAborted(asked, signal)
      refused = null
      yield* eventsOf({ settings, tools, operation, options, requestId, attempt, token, progress })
    } catch (error) {
      if (signal?.aborted) return
      if (!(error instanceof PrivacyApiError)) throw error
      if (token !== null && isUnauthenticated(error) && source.renew && progress.refusals === 0) {
        progress.refusals = 1
        refused = token
        continue
      }
      if (!error.retryable) throw error
      progress.failures += 1
      const delayMs = delayMsAfter(error, progress.failures, tools)
      hooks.onRetry?.({ operation: operation.name, requestId, attempt, code: error.code, delayMs })
      await tools.wait(delayMs, signal).catch(() => {})
    }
  }
}

const isUnauthenticated = ({ code, status }: PrivacyApiError) => code === 'UNAUTHENTICATED' || status === 401

function delayMsAfter({ retryAfterSeconds }: PrivacyApiError, failures: number, tools: Tools): number {
  if (retryAfterSeconds === null) return backoffMs(failures, tools.random())
  return Math.min(retryAfterSeconds, RETRY_AFTER_SECONDS_MAX) * 1000
}

/** What one connection brings. @throws PrivacyApiError at its end */
async function* eventsOf(connection: Connection): AsyncGenerator<unknown, void> {
  const { tools, requestId, progress } = connection
  const stream = await connect(connection)
  const openedMs = tools.now()
  const answer = { status: stream.status, headers: stream.headers, text: '' }
  const parser = createSseParser()
  try {
    for (;;) {
      const chunk = await stream.read(SILENCE_SECONDS_MAX)
      if (chunk === null) throw ended(requestId)
      for (const { event, data, lastEventId } of parser.push(chunk)) {
        if (event === 'complete') throw ended(requestId)
        if (event !== 'next') continue
        const result = jsonOf({ ...answer, text: data })
        const value = onlyValueOf(result)
        if (value === undefined) throw failureOf(result, answer, requestId, tools.now())
        Object.assign(progress, { after: lastEventId || progress.after, failures: 0, refusals: 0 })
        yield value
      }
      // A server may name the place where it begins before it has an event to tell.
      progress.after = parser.lastEventId() || progress.after
    }
  } finally {
    stream.close()
    if (tools.now() - openedMs >= GOOD_SECONDS * 1000) Object.assign(progress, { failures: 0, refusals: 0 })
  }
}

const ended = (requestId: string) =>
  new PrivacyApiError('The stream ended.', { code: 'NETWORK', requestId, retryable: true })

/** @throws PrivacyApiError when the answer is no stream of events */
async function connect(connection: Connection): Promise<Stream> {
  const { settings, tools, operation, options, requestId, attempt, token, progress } = connection
  const event = { operation: operation.name, requestId, attempt }
  const variables = { ...(operation.variables as object), after: progress.after }
  settings.hooks.onRequest?.(event)
  const startedMs = tools.now()
  const answer = await openStream({
    fetch: settings.fetch,
    url: settings.url,
    headers: headersOf(settings, options, { token, requestId, accept: ACCEPT }),
    body: bodyOf({ ...operation, variables }),
    timeoutSeconds: options.timeoutSeconds ?? settings.timeoutSeconds,
    requestId,
    signal: options.signal,
  })
  settings.hooks.onResponse?.({ ...event, status: answer.status, durationMs: tools.now() - startedMs })
  if ('text' in answer) throw failureOf(jsonOf(answer), answer, requestId, tools.now())
  return answer
}

/** The one field of a result without errors; undefined for any other. */
function onlyValueOf(result: unknown): unknown {
  const { data, errors } = (result ?? {}) as { data?: unknown; errors?: unknown }
  return typeof data === 'object' && data !== null && errors === undefined ? Object.values(data)[0] : undefined
}
