import type { Plugin, YogaServerOptions } from 'graphql-yoga'
import type { Session } from '../auth/session.ts'
import type { Clock } from '../time/clock.ts'
import { newId } from '../time/id.ts'
import { recordStreamEnd, useAccessRecord } from './access.ts'
import { useAuthentication } from './authentication.ts'
import { useStrictParsing } from './body.ts'
import { type CorsOptions, useCors } from './cors.ts'
import { useCsrfPrevention } from './csrf.ts'
import { maskError, useErrorShape } from './errors.ts'
import { useEventStreams } from './event-stream.ts'
import { type GraphiqlTab, useGraphiqlPage } from './graphiql.ts'
import { useIntrospection } from './introspection.ts'
import { DEFAULT_LIMITS, type Limits, useLimits } from './limits.ts'
import type { Log } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { useOneMutation } from './one-mutation.ts'
import {
  countFailure,
  type RateLimits,
  useAddressRateLimit,
  useCallerRateLimit,
  useQuotaHeaders,
} from './rate-limit.ts'
import type { RequestError } from './request-error.ts'
import { createWireStates } from './state.ts'
import { useVariableErrors } from './variable-errors.ts'

/** What the wire needs of the application. */
export type WireOptions = {
  readonly clock: Clock
  /** Opens introspection, suggestions and GraphiQL to everyone. */
  readonly development: boolean
  /** The session of a request, with Yoga's server context; throws for a token that is presented and bad. */
  readonly authenticate: (request: Request, serverContext: unknown) => Promise<Session>
  readonly log: Log
  readonly metrics: Metrics
  readonly rateLimits: RateLimits
  /** Number of reverse proxies in front whose `X-Forwarded-For` is believed; default 0. */
  readonly trustedProxies?: number
  readonly limits?: Partial<Limits>
  readonly cors?: CorsOptions
  /** Tabs of GraphiQL, used in development. */
  readonly graphiqlTabs?: readonly GraphiqlTab[]
  /** Turns an error of an outer module into one that may be shown; null for every other. */
  readonly recognise?: (error: unknown) => RequestError | null
  /** Told of each answer in which a known caller was refused for lack of a scope; default: nobody is. */
  readonly onDenied?: (session: Session, requestId: string) => void
  /** How often a silent stream shows that it lives, in milliseconds; default 15,000. */
  readonly heartbeatMs?: number
  /** Milliseconds of a clock that only moves forward; default `performance.now`. */
  readonly stopwatch?: () => number
}

/**
 * All protections between the socket and the schema, in the order in which they act: request id, CORS, GraphiQL; count
 * by address, CSRF, token; body, strictly parsed; count by caller; lengths, measures, introspection, one mutation; list
 * lengths; texts of errors; streams; access line. The context then has `session`, `requestId` and `languages`.
 */
export function wirePlugins(options: WireOptions): Plugin[] {
  const { log, metrics, development, trustedProxies = 0, rateLimits: limits } = options
  const stopwatch = options.stopwatch ?? (() => performance.now())
  const { states, plugin: stateful } = createWireStates(() => newId(options.clock), stopwatch)
  const recording = { log, metrics, stopwatch, onDenied: options.onDenied ?? (() => {}) }
  const heartbeat = options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }
  const counting = { states, limits, trustedProxies }
  return [
    stateful,
    useCors(options.cors ?? { origins: [] }),
    ...(development ? [useGraphiqlPage(options.graphiqlTabs ?? [])] : []),
    useAddressRateLimit(counting),
    useCsrfPrevention(),
    useStrictParsing(),
    useAuthentication({
      states,
      authenticate: options.authenticate,
      onRefused: (request, serverContext) => countFailure(counting, request, serverContext),
    }),
    useCallerRateLimit(counting),
    useLimits({ ...DEFAULT_LIMITS, ...options.limits }),
    useIntrospection(states, development),
    useOneMutation(),
    useVariableErrors(),
    useErrorShape({ states, log, suggest: development, recognise: options.recognise ?? (() => null) }),
    useEventStreams({ states, onEnd: (state) => recordStreamEnd(recording, state), ...heartbeat }),
    useQuotaHeaders(states),
    useAccessRecord({ states, ...recording }),
  ]
}

/** Every setting of Yoga that the wire decides: its open defaults are closed, and `wirePlugins` stand in their place. */
export function wireYogaOptions(options: WireOptions) {
  return {
    plugins: wirePlugins(options),
    maskedErrors: { maskError },
    maxRequestBodySize: options.limits?.bodyBytes ?? DEFAULT_LIMITS.bodyBytes,
    graphqlEndpoint: '/graphql',
    batching: false,
    multipart: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  } satisfies YogaServerOptions<Record<string, unknown>, Record<string, unknown>>
}
