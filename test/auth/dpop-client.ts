import * as oauth from 'oauth4webapi'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import type { World } from '../kit/world.ts'

/** Where a server is reached from outside when a proxy ends TLS and cuts a prefix off. */
export const PROXIED_URL = 'https://privacy.example.test/base'

/** A server that listens, on the world's database and clock; with `publicUrl`, as if behind a proxy. */
export function listenOn(world: World, publicUrl?: string): Promise<RunningServer> {
  const env = readServerEnv({
    NODE_ENV: 'test',
    PORT: '0',
    WORKER: 'off',
    DEMO: 'off',
    TRUSTED_PROXIES: '1',
    RATE_LIMIT_CALLER_PER_MINUTE: '1000000',
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: '1000000',
    ...(publicUrl === undefined ? {} : { PUBLIC_URL: publicUrl }),
  })
  const resources = { ...world.resources, close: async () => {} }
  return startServer({ resources, env, log: createLog({ level: 'silent' }) })
}

let requests = 0

/** Another address for each request, so that the limit of refused tokens by address stays out of the way. */
export const fromElsewhere = () => ({ 'x-forwarded-for': `2001:db8:0:${(requests++).toString(16)}::1` })

/** A client of the demo's first account, with a secret. */
export async function newClient(world: World): Promise<{ id: string; secret: string }> {
  const mutation = `mutation ($input: CreateApiClientInput!) {
    createApiClient(input: $input) { ... on CreateApiClientSuccess { apiClient { clientId } secret } }
  }`
  const { data } = await world.ask('subject', mutation, { input: { label: 'dpop', scopes: ['usage:read'] } })
  return { id: data.createApiClient.apiClient.clientId, secret: data.createApiClient.secret }
}

type Change = (header: Record<string, unknown>, claims: Record<string, unknown>) => void

/** Makes proofs with `keys`; for the API by the world's clock, for the OAuth server by the machine's. */
export function prover(keys: oauth.CryptoKeyPair, world: World | null, change: Change = () => {}): oauth.DPoPHandle {
  const skew = world ? Math.round((world.clock.now().getTime() - Date.now()) / 1000) : 0
  const modify = (header: object, claims: object) => change(header as never, claims as never)
  return oauth.DPoP({ [oauth.clockSkew]: skew }, keys, { [oauth.modifyAssertion]: modify })
}

/** An independent library as a client of one server. */
export function clientOf(server: RunningServer, publicUrl = server.url) {
  const issuer = `${publicUrl}/oauth`
  const as: oauth.AuthorizationServer = {
    issuer,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
  }
  const viaProxy = (url: string, init: { headers: Record<string, string> }) =>
    fetch(url.replace(publicUrl, server.url), { ...init, headers: { ...init.headers, ...fromElsewhere() } })
  const http = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: viaProxy }
  const fetchToken = async (by: { id: string; secret: string }, DPoP?: oauth.DPoPHandle) => {
    const client = { client_id: by.id }
    const how = oauth.ClientSecretBasic(by.secret)
    const options = { ...http, ...(DPoP ? { DPoP } : {}) }
    const answer = await oauth.clientCredentialsGrantRequest(as, client, how, new URLSearchParams(), options)
    return oauth.processClientCredentialsResponse(as, client, answer)
  }
  /** Sends a query, or a GET to another path. Answers status and body, or what the challenge says. */
  const call = async (token: string, DPoP: oauth.DPoPHandle | null, path = '/graphql'): Promise<string> => {
    const [method, body] = path === '/graphql' ? ['POST', JSON.stringify({ query: QUERY })] : ['GET', null]
    const headers = new Headers({ 'content-type': 'application/json' })
    const url = new URL(publicUrl + path)
    try {
      const options = { ...http, ...(DPoP ? { DPoP } : {}) }
      const response = await oauth.protectedResourceRequest(token, method ?? 'GET', url, headers, body ?? null, options)
      return `${response.status} ${response.headers.get('content-type')?.includes('json') ? await response.text() : ''}`
    } catch (error) {
      if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error
      const [challenge] = error.cause
      return `${error.status} ${challenge?.scheme} ${challenge?.parameters.error}`
    }
  }
  /** The headers that a call would send. */
  const headersFor = async (
    token: string,
    DPoP: oauth.DPoPHandle,
    method = 'POST',
  ): Promise<Record<string, string>> => {
    let sent: Record<string, string> = {}
    const keep = async (_url: string, init: { headers: Record<string, string> }) => {
      sent = init.headers
      return new Response()
    }
    const url = new URL(`${publicUrl}/graphql`)
    const options = { DPoP, [oauth.allowInsecureRequests]: true, [oauth.customFetch]: keep }
    await oauth.protectedResourceRequest(token, method, url, new Headers(), null, options)
    return sent
  }
  return { as, http, fetchToken, call, headersFor }
}

/** What `call` asks, and what a client of the first account is answered. */
export const QUERY = '{ viewer { principal } }'
export const ANSWERED = '200 {"data":{"viewer":{"principal":"INTEGRATION"}}}'
