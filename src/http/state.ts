import type { OperationTypeNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Session } from '../auth/session.ts'
import type { Quota } from './rate-limit.ts'
import { requestIdOf } from './request-id.ts'

/** What the plugins of one request tell each other. Lives as long as the request. */
export type WireState = {
  readonly requestId: string
  /** The stopwatch's reading when the request arrived, milliseconds. */
  readonly startedMs: number
  /** Null until the caller is known. */
  session: Session | null
  /** Null until the document has been found valid, so that no unchecked name reaches a log or a label. */
  operation: OperationTypeNode | null
  /** Names of the operation's root fields, each once. */
  fields: readonly string[]
  /** Codes of all errors answered. */
  codes: readonly string[]
  /** How many of them were counted when the answer began. */
  codesRecorded: number
  /** Why a token was refused: a word of a closed list. */
  reason: string | null
  /** The id of the event that the request's stream sends next. */
  eventId: string | null
  /** What is left to the caller; null when nothing was counted. */
  quota: Quota | null
}

/** Finds the state of a request. */
export type WireStates = { of(request: Request): WireState }

/** Makes the states and the plugin that starts them. `newRequestId` makes the ids of requests that bring none. */
export function createWireStates(newRequestId: () => string, stopwatch: () => number) {
  const states = new WeakMap<Request, WireState>()
  const of = (request: Request): WireState => {
    const known = states.get(request)
    if (known) return known
    const state: WireState = {
      requestId: requestIdOf(request.headers.get('x-request-id'), newRequestId),
      startedMs: stopwatch(),
      session: null,
      operation: null,
      fields: [],
      codes: [],
      codesRecorded: 0,
      reason: null,
      eventId: null,
      quota: null,
    }
    states.set(request, state)
    return state
  }
  const plugin: Plugin = {
    onRequest: ({ request }) => void of(request),
    onResponse: ({ request, response }) => response.headers.set('X-Request-Id', of(request).requestId),
  }
  return { states: { of } satisfies WireStates, plugin }
}
