import { getOperationAST } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Session } from '../auth/session.ts'
import { rootFieldNames } from './document-size.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import type { WireState, WireStates } from './state.ts'

/** Settings of `useAccessRecord`. */
export type AccessOptions = {
  readonly states: WireStates
  readonly log: Log
  readonly metrics: Metrics
  /** Milliseconds of a clock that only moves forward. */
  readonly stopwatch: () => number
  /** Told of each answer in which a known caller was refused for lack of a scope. */
  readonly onDenied: (session: Session, requestId: string) => void
}

function count(metrics: Metrics, state: WireState, durationMs: number): void {
  for (const code of state.codes) metrics.denials.inc({ code })
  if (state.quota?.exceeded) metrics.rateLimited.inc({ limiter: state.quota.limiter })
  if (!state.operation) return
  const outcome = state.codes.length > 0 ? 'error' : 'ok'
  for (const field of state.fields) metrics.operations.inc({ operation: state.operation, field, outcome })
  metrics.operationSeconds.observe({ operation: state.operation }, durationMs / 1000)
}

/**
 * Notes the end of a subscription: how long it was open, and with which errors beyond those of its beginning it ended.
 */
export function recordStreamEnd(
  { log, metrics, stopwatch, onDenied }: Omit<AccessOptions, 'states'>,
  state: WireState,
): void {
  const codes = state.codes.slice(state.codesRecorded)
  for (const code of codes) metrics.denials.inc({ code })
  if (state.session && codes.includes('FORBIDDEN')) onDenied(state.session, state.requestId)
  log.info('graphql.stream_ended', {
    requestId: state.requestId,
    principal: state.session?.principal,
    operation: state.operation,
    fields: state.fields,
    durationMs: Math.round(stopwatch() - state.startedMs),
    codes: codes.length > 0 ? [...new Set(codes)] : undefined,
    reason: state.reason,
  })
}

/**
 * One log line for each request, and its metrics: who (kind of principal), what (kind of operation and names of root
 * fields, once the document is known to be valid), how it ended, how long it took (of a subscription: until it began).
 * No argument, no address.
 */
export function useAccessRecord({ states, log, metrics, stopwatch, onDenied }: AccessOptions): Plugin {
  return {
    onValidate({ params, context }) {
      return ({ valid }) => {
        const operation = getOperationAST(params.documentAST, context.params?.operationName)
        if (!valid || !operation) return
        const state = states.of(context.request)
        state.operation = operation.operation
        state.fields = [...new Set(rootFieldNames(params.documentAST, operation))]
      }
    },
    onResponse({ request, response }) {
      const state = states.of(request)
      const durationMs = Math.round(stopwatch() - state.startedMs)
      count(metrics, state, durationMs)
      state.codesRecorded = state.codes.length
      if (state.session && state.codes.includes('FORBIDDEN')) onDenied(state.session, state.requestId)
      log.info('graphql.request', {
        requestId: state.requestId,
        principal: state.session?.principal,
        operation: state.operation,
        fields: state.operation ? state.fields : undefined,
        status: response.status,
        durationMs,
        codes: state.codes.length > 0 ? [...new Set(state.codes)] : undefined,
        reason: state.reason,
        limiter: state.quota?.exceeded ? state.quota.limiter : undefined,
      })
    },
  }
}
