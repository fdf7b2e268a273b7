import type { IncomingMessage } from 'node:http'
import type { YogaServerInstance } from 'graphql-yoga'
import { createApp } from './app.ts'
import { callerHeadersOfFetch } from './auth/caller-headers.ts'
import { ClientUses } from './auth/client-uses.ts'
import { createDemoIssuer, type DemoIssuer } from './auth/demo-issuer.ts'
import { createOAuthServer, type OAuthServer } from './auth/oauth/oauth-server.ts'
import { createSessionResolver, type SessionResolver } from './auth/session-resolver.ts'
import { createTokenVerifier, trustRemote } from './auth/token-verifier.ts'
import { parseTrustedIssuers } from './auth/trusted-issuers.ts'
import { linkDemoIdentities, seedDemo } from './demo/demo-data.ts'
import { type Demo, demoTabs, makeDemo } from './demo/demo-tokens.ts'
import { ensurePlatformAccount } from './domains/accounts/platform-account.service.ts'
import { Denials } from './domains/audit/denials.service.ts'
import { createEventHub, type EventHub } from './domains/events/events.hub.ts'
import { ensureSystems } from './domains/processing/systems.service.ts'
import { ensureRetentionRules } from './domains/retention/retention-seed.service.ts'
import { isLocal, type ServerEnv } from './env.ts'
import { addressOf } from './http/address.ts'
import type { Log } from './http/logging.ts'
import type { Metrics } from './http/metrics.ts'
import { createRateLimits, DEFAULT_RATE_LIMITS, type RateLimits } from './http/rate-limit.ts'
import type { Resources } from './resources.ts'
import type { Context } from './schema/types.ts'
import { SYSTEMS } from './systems.ts'

/** What answers requests, before anything listens. */
export type Serving = {
  readonly app: YogaServerInstance<object, Context>
  readonly oauth: OAuthServer
  readonly sessions: SessionResolver
  readonly limits: RateLimits
  /** Refusals that wait to be written to the audit. */
  readonly denials: Denials
  /** Uses of clients that wait to be written. */
  readonly clientUses: ClientUses
  /** The open subscriptions; `close` ends them. */
  readonly live: EventHub
  readonly demo: Demo | null
  /** Speaks for the demo's persons; null where demo data may not exist. */
  readonly demoIssuer: DemoIssuer | null
}

/** What it is made of; `publicUrl` names the issuer and has no slash at the end. */
export type ServingOptions = {
  readonly resources: Resources
  readonly env: ServerEnv
  readonly log: Log
  readonly metrics: Metrics
  readonly publicUrl: string
  /** Whether to make demo data and tokens; see `mayHaveDemo`. */
  readonly withDemo: boolean
  /** Milliseconds between two looks for news of subscriptions; default 1,000. */
  readonly streamPollMs?: number
}

/** Demo data, demo tokens and the file with them exist only on the embedded database of a local server. */
export function mayHaveDemo(env: ServerEnv, resources: Resources): boolean {
  return env.demo && isLocal(env) && resources.db.kind === 'pglite'
}

/**
 * Puts OAuth server, trust list, limits and application together, with demo data where it may exist.
 * Effects: the rules of retention, the platform's account and the rows of this program's systems, where they are missing.
 */
export async function createServing(options: ServingOptions): Promise<Serving> {
  const { resources, env, log, metrics, publicUrl } = options
  const { db, keyProvider, clock } = resources
  const onError = (error: unknown) => log.error('oauth.failed', error)
  const clientUses = new ClientUses()
  const onClientUse = (clientId: string, at: Date) => clientUses.note(clientId, at)
  const addressOfRequest = (request: IncomingMessage | undefined) => addressOf(request, env.trustedProxies)
  const oauth = await createOAuthServer({
    ...{ db, keyProvider, clock, publicUrl, onError, onClientUse },
    addressOf: addressOfRequest,
  })
  await ensureRetentionRules(resources)
  await ensurePlatformAccount(resources)
  await ensureSystems(resources, SYSTEMS)
  const demoIssuer = options.withDemo ? await createDemoIssuer({ publicUrl, clock }) : null
  if (demoIssuer) {
    await seedDemo(resources)
    await linkDemoIdentities(resources, demoIssuer.issuer)
  }
  const demo = demoIssuer && (await makeDemo(publicUrl, demoIssuer, oauth))
  const remote = parseTrustedIssuers(env.trustedIssuers).map((entry) => trustRemote(entry, clock, fetch))
  const issuers = [oauth.trust, ...(demoIssuer ? [demoIssuer.trust] : []), ...remote]
  const verifier = createTokenVerifier({ issuers, clock })
  const sessions = createSessionResolver({ db, keyProvider, clock, verifier, publicUrl, onClientUse })
  const limits = createRateLimits({
    ...DEFAULT_RATE_LIMITS,
    ...(env.callerPerMinute ? { callerPerMinute: env.callerPerMinute } : {}),
    ...(env.anonymousPerMinute ? { anonymousPerMinute: env.anonymousPerMinute } : {}),
  })
  const denials = new Denials()
  const live = createEventHub({
    db,
    clock,
    ...(options.streamPollMs === undefined ? {} : { intervalMs: options.streamPollMs }),
    onCount: (count) => metrics.streams.set(count),
    onFailure: (error) => log.error('streams.failed', error),
  })
  const app = createApp({
    deps: resources,
    live,
    refresh: (session) => sessions.refresh(session),
    wire: {
      development: isLocal(env),
      authenticate: (request, serverContext) => {
        const { req } = serverContext as { readonly req?: IncomingMessage }
        return sessions.resolve(callerHeadersOfFetch(request, addressOfRequest(req)))
      },
      log,
      metrics,
      rateLimits: limits,
      onDenied: (session, requestId) => denials.note(session, requestId),
      trustedProxies: env.trustedProxies,
      cors: { origins: env.corsOrigins },
      graphiqlTabs: demo ? demoTabs(demo) : [],
    },
  })
  return { app, oauth, sessions, limits, denials, clientUses, live, demo, demoIssuer }
}
