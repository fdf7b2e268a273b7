import { type ExecutionResult, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { BadTokenError } from '../auth/bad-token.ts'
import { rootCause, shapeError } from './error-shape.ts'
import type { Log } from './logging.ts'
import { REQUEST_CODES } from './request-codes.ts'
import type { RequestError } from './request-error.ts'
import type { WireState, WireStates } from './state.ts'

/** Settings of `useErrorShape`. */
export type ErrorOptions = {
  readonly states: WireStates
  readonly log: Log
  /** Whether texts may suggest names of the schema. */
  readonly suggest: boolean
  readonly recognise: (error: unknown) => RequestError | null
}

/**
 * For Yoga's `maskedErrors`: keeps what GraphQL found and replaces the rest. Alone it already lets no message of a bug
 * out; `useErrorShape` then logs the cause and gives every error its final form.
 */
export function maskError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError && rootCause(error) instanceof GraphQLError) return error
  const { nodes, path } = error instanceof GraphQLError ? error : {}
  const cause = rootCause(error)
  return new GraphQLError(REQUEST_CODES.INTERNAL.message, {
    ...(nodes ? { nodes } : {}),
    ...(path ? { path } : {}),
    originalError: cause instanceof Error ? cause : new Error('something that is not an error was thrown'),
    extensions: { code: 'INTERNAL' },
  })
}

function shapeResult<R extends ExecutionResult>(result: R, state: WireState, options: ErrorOptions): R {
  if (!result.errors?.length) return result
  const errors = result.errors.map((error) => {
    const cause = rootCause(error)
    if (cause instanceof BadTokenError) state.reason = cause.reason
    return shapeError(error, {
      ...options,
      requestId: state.requestId,
      report: (fault) => options.log.error('request.failed', fault, { requestId: state.requestId }),
    })
  })
  state.codes = [...state.codes, ...errors.map(({ extensions: { code } }) => String(code))]
  return { ...result, errors }
}

function mapEvents<T>(events: AsyncIterable<T>, map: (event: T) => T): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = events[Symbol.asyncIterator]()
      return {
        async next() {
          const step = await inner.next()
          return step.done ? step : { done: false, value: map(step.value) }
        },
        async return(value) {
          return inner.return ? inner.return(value) : { done: true, value }
        },
      }
    },
  }
}

/**
 * Gives every error of every answer, also of events, its final form. A bug or an outside fault is logged here, once,
 * with the request's id, and is answered as INTERNAL.
 */
export function useErrorShape(options: ErrorOptions): Plugin {
  return {
    onResultProcess({ request, result, setResult }) {
      const state = options.states.of(request)
      if (Symbol.asyncIterator in result) setResult(mapEvents(result, (event) => shapeResult(event, state, options)))
      else if (Array.isArray(result)) setResult(result.map((one) => shapeResult(one, state, options)))
      else setResult(shapeResult(result, state, options))
    },
  }
}
