import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { importJWK, SignJWT } from 'jose'
import type { Provider } from 'oidc-provider'
import type { KeyProvider } from '../../crypto/key-provider.ts'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { createTokenVerifier, TOKEN_LIFETIME_SECONDS_MAX } from '../token-verifier.ts'
import type { IssuerTrust } from '../trusted-issuers.ts'
import { serverMetadata } from './metadata.ts'
import { createProvider } from './provider.ts'
import { openSigningKeys, type SigningKey, type SigningKeys } from './signing-keys.ts'

/** The embedded OAuth 2.0 server for integrations, processors and gateways. */
export type OAuthServer = {
  /** `${publicUrl}/oauth`. */
  readonly issuer: string
  /** The entry that makes a verifier believe the server's tokens. */
  readonly trust: IssuerTrust
  /** Whether a request path is the server's: under `/oauth`, or its metadata by RFC 8414. */
  owns(path: string): boolean
  /** Answers a request whose path it owns. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Finds the public key of one of the server's tokens. */
  readonly verificationKeys: SigningKeys['find']
  /** Makes a new signing key and returns its id; older tokens stay good until they end. */
  rotateSigningKey(): Promise<string>
  /** Signs a token without asking for credentials: for demo data only. `scopes` are not checked here. */
  issueAccessToken(clientId: string, scopes: readonly string[], lifetimeSeconds: number): Promise<string>
}

export type OAuthServerOptions = {
  readonly db: Database
  readonly keyProvider: KeyProvider
  readonly clock: Clock
  /** Where the server is reached from outside, without a slash at the end. */
  readonly publicUrl: string
  /** Told of unexpected errors; they are answered as `server_error`. */
  readonly onError?: (error: unknown) => void
  /** Where a request comes from; default: unknown, which is in no client's allowed networks. */
  readonly addressOf?: (request: IncomingMessage) => string | null
  /** Told of each token that was issued; default: nobody is. */
  readonly onClientUse?: (clientId: string, at: Date) => void
}

const METADATA_PATHS: ReadonlySet<string> = new Set([
  '/.well-known/oauth-authorization-server/oauth',
  '/oauth/.well-known/oauth-authorization-server',
  '/oauth/.well-known/openid-configuration',
])
const PROVIDER_PATHS: ReadonlySet<string> = new Set(['/oauth/token', '/oauth/revoke', '/oauth/introspect'])

/**
 * Starts the OAuth server. All its state is in the database, so that several processes are one server. Makes the first
 * signing key where there is none.
 * @see RFC 6749 section 4.4, RFC 7009, RFC 7523, RFC 7662, RFC 8414, RFC 8707, RFC 9068, RFC 9449
 */
export async function createOAuthServer(options: OAuthServerOptions): Promise<OAuthServer> {
  const { db, clock, publicUrl, onError = () => {}, addressOf = () => null, onClientUse = () => {} } = options
  const issuer = `${publicUrl}/oauth`
  const resource = `${publicUrl}/graphql`
  const keys = await openSigningKeys(options)
  const trust = trustOf(issuer, resource, keys)
  const ownTokens = { db, clock, verifier: createTokenVerifier({ issuers: [trust], clock }) }

  let latest: { readonly kid: string; readonly answer: ReturnType<Provider['callback']> } | null = null
  /** A provider signs with one key for all its life, so a new key means a new one. */
  const providerNow = async () => {
    const key = await keys.current()
    if (latest?.kid !== key.kid)
      latest = {
        kid: key.kid,
        answer: createProvider({
          issuer,
          resource,
          key,
          db,
          clock,
          ownTokens,
          addressOf,
          onClientUse,
          onError,
        }).callback(),
      }
    return latest.answer
  }
  await providerNow()

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = pathOf(request)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (isRead && METADATA_PATHS.has(path)) sendJson(response, 200, serverMetadata(issuer))
    else if (isRead && path === '/oauth/jwks') sendJson(response, 200, await keys.published())
    else if (request.method === 'POST' && PROVIDER_PATHS.has(path))
      await (await providerNow())(asMounted(request, publicUrl), response)
    else sendJson(response, 404, { error: 'not_found' })
  }

  return {
    issuer,
    trust,
    verificationKeys: keys.find,
    rotateSigningKey: keys.rotate,
    owns: (path) => path === '/oauth' || path.startsWith('/oauth/') || METADATA_PATHS.has(path),
    handle(request, response) {
      answer(request, response).catch((error: unknown) => {
        onError(error)
        if (response.headersSent) response.destroy()
        else sendJson(response, 500, { error: 'server_error' })
      })
    },
    issueAccessToken: async (...token) => signToken(await keys.current(), { issuer, resource, clock }, ...token),
  }
}

/** The server as an issuer among others: it alone may speak for clients. */
function trustOf(issuer: string, resource: string, keys: SigningKeys): IssuerTrust {
  return {
    issuer,
    audience: resource,
    algorithms: ['ES256'],
    principals: ['CLIENT'],
    scopes: 'token',
    verifiesEmail: false,
    tokenAgeSecondsMax: TOKEN_LIFETIME_SECONDS_MAX,
    keys: keys.find,
  }
}

async function signToken(
  { kid, privateJwk }: SigningKey,
  server: { readonly issuer: string; readonly resource: string; readonly clock: Clock },
  clientId: string,
  scopes: readonly string[],
  lifetimeSeconds: number,
): Promise<string> {
  const now = Math.floor(server.clock.now().getTime() / 1000)
  return new SignJWT({ client_id: clientId, scope: scopes.join(' ') })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
    .setIssuer(server.issuer)
    .setAudience(server.resource)
    .setSubject(clientId)
    .setJti(randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + lifetimeSeconds)
    .sign(await importJWK(privateJwk, 'ES256'))
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

/**
 * The request as the provider must see it: mounted under `/oauth`, at the public address whatever the request says of
 * host and scheme, and with one `Authorization` header at most, where Node would keep the first of several.
 */
function asMounted(request: IncomingMessage, publicUrl: string): IncomingMessage {
  const url = request.url ?? '/'
  const { host, protocol, pathname } = new URL(publicUrl)
  const prefix = pathname === '/' ? '' : pathname
  const named = { host, 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) }
  Object.assign(request.headers, named)
  const { authorization = [] } = request.headersDistinct
  if (authorization.length > 1) request.headers.authorization = 'several'
  return Object.assign(request, { originalUrl: `${prefix}${url}`, url: url.slice('/oauth'.length) })
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}
