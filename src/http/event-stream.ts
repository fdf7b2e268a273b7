import { type ExecutionResult, getOperationAST, OperationTypeNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { isDocument } from './limits.ts'
import { refused } from './request-error.ts'
import type { WireState, WireStates } from './state.ts'

/** How often a silent stream sends a comment, in milliseconds, so that nothing between takes it for dead. */
export const HEARTBEAT_MS = 15_000

/** What the context has of the stream of its request. */
export type StreamContext = {
  /** The header `Last-Event-ID`; null where there is none. */
  readonly lastEventId: string | null
  /** Names the event that is sent next. */
  readonly nameEvent: (id: string) => void
}

/** Settings of `useEventStreams`. */
export type EventStreamOptions = {
  readonly states: WireStates
  /** Told once when a stream is over. */
  readonly onEnd: (state: WireState) => void
  /** Default `HEARTBEAT_MS`. */
  readonly heartbeatMs?: number
}

type Results = AsyncIterable<ExecutionResult>

const SSE = /(?:^|[\s,])text\/event-stream(?:$|[\s,;])/i
const EVENT_ID = /^[\x21-\x7e]{1,200}$/

/**
 * Answers subscriptions as server-sent events ("distinct connections" of GraphQL over SSE): an `id:` alone for the place
 * where the stream begins, `next` for each event with an `id:` by which a reader goes on after it (`Last-Event-ID`),
 * `complete` at the end, comments while nothing happens.
 * A subscription of a caller that does not accept text/event-stream is refused before it runs.
 * @throws EVENT_STREAM_REQUIRED
 * @see https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, https://html.spec.whatwg.org/#server-sent-events
 */
export function useEventStreams({ states, onEnd, heartbeatMs = HEARTBEAT_MS }: EventStreamOptions): Plugin {
  return {
    onParams({ request, context }) {
      const sent = request.headers.get('last-event-id')
      const state = states.of(request)
      const nameEvent = (id: string) => {
        state.eventId = EVENT_ID.test(id) ? id : null
      }
      Object.assign(context, { lastEventId: sent || null, nameEvent } satisfies StreamContext)
    },
    onParse: ({ context }) => {
      return ({ result }) => {
        const operation = isDocument(result) ? getOperationAST(result, context.params?.operationName) : null
        if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return
        if (!SSE.test(context.request.headers.get('accept') ?? '')) throw refused('EVENT_STREAM_REQUIRED')
      }
    },
    onResultProcess({ request, result, setResultProcessor }) {
      if (!(Symbol.asyncIterator in result) || !SSE.test(request.headers.get('accept') ?? '')) return
      const state = states.of(request)
      setResultProcessor((results, fetchAPI) => {
        const body = writeEvents(results as Results, { state, heartbeatMs, onEnd: () => onEnd(state) })
        const headers = { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' }
        return new fetchAPI.Response(body as never, { status: 200, headers })
      }, 'text/event-stream')
    },
  }
}

type Writing = { readonly state: WireState; readonly heartbeatMs: number; readonly onEnd: () => void }

/** The bytes of a stream. Reads the next result only when the last one was taken; whoever cancels ends the results. */
function writeEvents(results: Results, { state, heartbeatMs, onEnd }: Writing): ReadableStream<Uint8Array> {
  const iterator = results[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let heartbeat: NodeJS.Timeout | undefined
  const end = () => {
    if (heartbeat === undefined) return
    clearInterval(heartbeat)
    heartbeat = undefined
    onEnd()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const beat = () => controller.enqueue(encoder.encode(':\n\n'))
      heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) beat()
      }, heartbeatMs)
      // An id without an event names the place where the stream begins.
      if (state.eventId === null) beat()
      else controller.enqueue(encoder.encode(`id: ${state.eventId}\n\n`))
      state.eventId = null
    },
    async pull(controller) {
      const step = await iterator.next().catch((error: unknown) => {
        end()
        throw error
      })
      if (heartbeat === undefined) return
      if (!step.done) return controller.enqueue(encoder.encode(nextEvent(step.value, state)))
      end()
      controller.enqueue(encoder.encode('event: complete\ndata:\n\n'))
      controller.close()
    },
    async cancel() {
      end()
      await iterator.return?.()
    },
  })
}

function nextEvent(result: ExecutionResult, state: WireState): string {
  const id = result.errors ? null : state.eventId
  state.eventId = null
  return `event: next\n${id === null ? '' : `id: ${id}\n`}data: ${JSON.stringify(withoutHttp(result))}\n\n`
}

/** What errors say to the HTTP layer is not for the caller. */
function withoutHttp({ errors, ...result }: ExecutionResult): object {
  if (!errors) return result
  return {
    ...result,
    errors: errors.map((error) => {
      const { extensions = {}, ...json } = error.toJSON()
      const { http: _http, ...shown } = extensions
      return { ...json, extensions: shown }
    }),
  }
}
