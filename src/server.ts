import type { IncomingMessage } from 'node:http'
import { callerHeadersOf } from './auth/caller-headers.ts'
import { CLIENT_USES_FLUSH_SECONDS } from './auth/client-uses.ts'
import type { Demo } from './demo/demo-tokens.ts'
import { DENIALS_FLUSH_SECONDS } from './domains/audit/denials.service.ts'
import type { ServerEnv } from './env.ts'
import { settleErasures } from './erasures.ts'
import { addressOf } from './http/address.ts'
import { securityHeaders } from './http/headers.ts'
import { healthListener, metricsListener, readyListener } from './http/health.ts'
import { jobResultListener } from './http/job-results.ts'
import { DEFAULT_LIMITS } from './http/limits.ts'
import { createLog, type Log } from './http/logging.ts'
import { countAnswer, createMetrics, type Metrics } from './http/metrics.ts'
import { limitByAddress } from './http/rate-limit.ts'
import { createHttpServer, type HttpServer } from './http/server.ts'
import { Runner } from './jobs/runner.ts'
import type { Resources } from './resources.ts'
import { createServing, mayHaveDemo, type Serving, type ServingOptions } from './serving.ts'
import { newId } from './time/id.ts'
import { JOB_HANDLERS, worksOf } from './works.ts'

/** A server that listens. */
export type RunningServer = {
  /** Where it is reached, without a path. */
  readonly url: string
  /** Tokens and ids of the demo data, where they may exist. */
  readonly demo: Demo | null
  readonly runner: Runner
  readonly metrics: Metrics
  /** Ends subscriptions, lets operations in flight finish, then jobs, then closes the database. */
  stop(): Promise<void>
}

export type ServerOptions = {
  readonly resources: Resources
  readonly env: ServerEnv
  readonly log?: Log
  /** Milliseconds between two looks for news of subscriptions; default 1,000. */
  readonly streamPollMs?: number
  /** Ends a start that is not ready yet. */
  readonly signal?: AbortSignal
}

/**
 * Starts the server and, unless it is switched off, the worker. It listens at once, and serves and works only when what a
 * restored database may have brought back is ended again.
 * @throws StartEndedError on `signal`, after it has stopped to listen
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { resources, env } = options
  const { db, clock } = resources
  const log = options.log ?? createLog({ level: env.logLevel })
  const metrics = createMetrics()
  await resources.keys.ensureEpochRow(db, clock.now(), resources.epochDays)
  const routes = new RoutesLater()
  const http = openHttp(options, log, metrics, routes)
  const url = await http.listen(env.port, env.host)
  const publicUrl = env.publicUrl ?? url
  await settle(options, log, metrics, http)
  routes.erasuresSettled = true
  const { demo, denials, live, clientUses } = await serve({
    ...options,
    log,
    metrics,
    publicUrl,
    routes,
    withDemo: mayHaveDemo(env, resources),
  })
  const failed = (job: string) => (error: unknown) => log.error('job.failed', error, { job })
  const flushDenials = () => denials.flush(resources).catch(failed('access.denials'))
  const flushUses = () => clientUses.flush(db).catch(failed('clients.uses'))
  const flushing = [
    setInterval(flushDenials, DENIALS_FLUSH_SECONDS * 1000),
    setInterval(flushUses, CLIENT_USES_FLUSH_SECONDS * 1000),
  ]
  const onFailure = (name: string, error: unknown) => log.error('job.failed', error, { job: name })
  const runner = new Runner({
    db,
    clock,
    ...worksOf(resources, { metrics, epochDays: resources.epochDays, onFailure }),
    onFailure,
  })
  if (env.worker) runner.start()
  log.info('server.started', { port: Number(new URL(url).port), backend: db.kind })
  return {
    url,
    demo,
    runner,
    metrics,
    stop: async () => {
      live.close()
      await http.stop()
      await runner.stop()
      for (const timer of flushing) clearInterval(timer)
      await flushDenials()
      await flushUses()
      await resources.close()
      log.info('server.stopped')
    },
  }
}

async function settle(
  { resources, signal }: ServerOptions,
  log: Log,
  metrics: Metrics,
  http: HttpServer,
): Promise<void> {
  try {
    await settleErasures(resources, { log, metrics, ...(signal ? { signal } : {}) })
  } catch (error) {
    await http.stop()
    throw error
  }
}

type Listener = Parameters<typeof limitByAddress>[0]

/** Listening comes first (the port names the issuer), answering later: until then everything is "not ready". */
class RoutesLater {
  ready = false
  erasuresSettled = false
  readonly listeners = new Map<string, Listener>()

  listener(path: string): Listener {
    return (request, response) => {
      const listener = this.listeners.get(path)
      if (listener) return listener(request, response)
      response.writeHead(503, { 'Content-Type': 'application/json', 'Retry-After': '1' }).end('{"status":"starting"}')
    }
  }
}

const PATHS = ['/graphql', '/oauth/*', '/.well-known/oauth-authorization-server/oauth', '/jobs/*'] as const

function openHttp({ resources, env }: ServerOptions, log: Log, metrics: Metrics, routes: RoutesLater): HttpServer {
  const { db, clock } = resources
  const checks = {
    server: async () => {
      if (!routes.ready) throw new Error('starting')
    },
    database: () => db.worker((tx) => tx.$queryRaw`select 1`),
    erasures: async () => {
      if (!routes.erasuresSettled) throw new Error('not replayed')
    },
  }
  return createHttpServer({
    routes: {
      ...Object.fromEntries(PATHS.map((path) => [path, routes.listener(path)])),
      '/graphql': { listener: routes.listener('/graphql'), capsBody: true },
      '/health': healthListener(),
      '/ready': readyListener(checks),
      '/metrics': metricsListener(metrics.registry, env.metricsToken),
    },
    bodyBytesMax: DEFAULT_LIMITS.bodyBytes,
    headers: securityHeaders(env.publicUrl ?? 'http://localhost'),
    newRequestId: () => newId(clock),
    log,
    observe: (status) => countAnswer(metrics, status),
    graceSeconds: env.graceSeconds,
  })
}

async function serve(
  options: ServingOptions & { env: ServerEnv; routes: RoutesLater },
): Promise<Pick<Serving, 'demo' | 'denials' | 'live' | 'clientUses'>> {
  const { resources, env, routes } = options
  const { app, oauth, sessions, limits, demo, denials, live, clientUses } = await createServing(options)
  const limited = (listener: Listener) => limitByAddress(listener, { limits, trustedProxies: env.trustedProxies })
  const toOauth = limited((request, response) => oauth.handle(withWholePath(request), response))
  const results = jobResultListener({
    db: resources.db,
    clock: resources.clock,
    scopes: new Map(JOB_HANDLERS.flatMap(({ kind, scope }) => (scope === undefined ? [] : [[kind, scope]]))),
    resolveSession: (request) => sessions.resolve(callerHeadersOf(request, addressOf(request, env.trustedProxies))),
  })
  routes.listeners.set('/graphql', (request, response) => app(request, response))
  routes.listeners.set('/oauth/*', toOauth)
  routes.listeners.set('/.well-known/oauth-authorization-server/oauth', toOauth)
  routes.listeners.set('/jobs/*', limited(results))
  routes.ready = true
  return { demo, denials, live, clientUses }
}

/** The OAuth server is asked by whole paths, where the HTTP server has cut the route's prefix off. */
function withWholePath(request: IncomingMessage & { originalUrl?: string }): IncomingMessage {
  return Object.assign(request, { url: request.originalUrl ?? request.url })
}
