import type { IncomingMessage } from 'node:http'
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { SCOPES } from '../permissions.ts'
import { TOKEN_ALGORITHMS } from '../trusted-issuers.ts'
import { isOneOfClientSecrets } from './client-secret.ts'
import { createOauthAdapter } from './oauth-state.ts'
import type { SigningKey } from './signing-keys.ts'
import { assertTokenBinding } from './token-binding.ts'
import { answerForJwts, type OwnTokens } from './token-endpoints.ts'

/** Life of an access token of a client, in seconds: 10 minutes. */
export const CLIENT_TOKEN_LIFETIME_SECONDS = 600

/** Longest life of a client's assertion from the moment it is presented, in seconds: 10 minutes. */
const ASSERTION_LIFETIME_SECONDS_MAX = 600

type ProviderOptions = {
  readonly issuer: string
  /** The API as a resource (RFC 8707): the audience of every token. */
  readonly resource: string
  readonly key: SigningKey
  readonly db: Database
  readonly clock: Clock
  readonly ownTokens: OwnTokens
  /** Where a request comes from; null where that is unknown. */
  readonly addressOf: (request: IncomingMessage) => string | null
  /** Told of each token that was issued. */
  readonly onClientUse: (clientId: string, at: Date) => void
  /** Told of unexpected errors. */
  readonly onError: (error: unknown) => void
}

/**
 * An authorization server for client credentials and nothing else, signing with the given key. It believes the
 * `X-Forwarded-*` headers of its requests, which must therefore be our own. A client that sends a proof of its key
 * (RFC 9449) gets a token bound to it; that a proof is used once is seen to by `assertTokenBinding`.
 */
export function createProvider(options: ProviderOptions): Provider {
  const provider = new Provider(options.issuer, configuration(options))
  provider.proxy = true
  provider.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    return isOneOfClientSecrets(actual, (this.clientSecret ?? '').split(' '))
  }
  provider.use(answerForJwts(options.ownTokens))
  provider.on('server_error', (_ctx, error) => options.onError(error))
  provider.onerror = options.onError
  return provider
}

function configuration(options: ProviderOptions): Configuration {
  const { issuer, resource, key, db, clock, addressOf, onClientUse } = options
  return {
    adapter: createOauthAdapter({ db, clock, addressOf }),
    jwks: { keys: [{ ...key.privateJwk, kty: 'EC', kid: key.kid, alg: 'ES256', use: 'sig' }] },
    clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: ['client_credentials'], response_types: [] },
    responseTypes: [],
    scopes: Object.keys(SCOPES),
    claims: {},
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: [...TOKEN_ALGORITHMS],
      dPoPSigningAlgValues: [...TOKEN_ALGORITHMS],
      idTokenSigningAlgValues: ['ES256'],
    },
    routes: { token: '/token', revocation: '/revoke', introspection: '/introspect', jwks: '/jwks' },
    ttl: { ClientCredentials: CLIENT_TOKEN_LIFETIME_SECONDS },
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = 'json'
      ctx.body = out
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx, claims, header) => assertAssertion(claims, header, issuer),
    formats: {
      customizers: {
        jwt: async (ctx, token, jwt) => {
          await assertTokenBinding({ db, tokenUrl: `${issuer}/token` }, ctx, token.jkt)
          stampTimes(jwt.payload, clock)
          if (token.clientId !== undefined) onClientUse(token.clientId, clock.now())
        },
      },
    },
    features: {
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: (ctx, indicator) => resourceServer(ctx, indicator, resource),
      },
      devInteractions: { enabled: false },
      dPoP: { enabled: true, allowReplay: true },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
  }
}

/**
 * The API as the provider knows it. Asking for a scope that the client does not have is refused, where the provider
 * would drop unknown ones silently; asking for none means all that the client has.
 */
function resourceServer(ctx: KoaContextWithOIDC, indicator: string, resource: string) {
  if (indicator !== resource) throw new errors.InvalidTarget()
  const scope = ctx.oidc.client?.scope ?? ''
  const allowed = scope.split(' ').filter((name) => name !== '')
  const params: { scope?: unknown } = ctx.oidc.params ?? {}
  if (typeof params.scope === 'string') {
    const refused = params.scope.split(' ').find((name) => !allowed.includes(name))
    if (refused !== undefined) throw new errors.InvalidScope('requested scope is not allowed', refused)
  } else if (scope !== '') params.scope = scope
  return {
    scope,
    audience: resource,
    accessTokenFormat: 'jwt' as const,
    accessTokenTTL: CLIENT_TOKEN_LIFETIME_SECONDS,
    jwt: { sign: { alg: 'ES256' as const } },
  }
}

/**
 * The audience of an assertion is this server alone, so that no assertion made for another can be used here. Its end
 * is near, so that used ones need not be remembered for long; measured by the machine's clock, as the provider does.
 * @see RFC 7523 section 3, draft-ietf-oauth-rfc7523bis section 3
 */
function assertAssertion(claims: { aud?: unknown; exp?: unknown }, header: { crit?: unknown }, issuer: string): void {
  if (claims.aud !== issuer) throw new errors.InvalidClientAuth('audience (aud) must be the issuer alone')
  if (header.crit !== undefined) throw new errors.InvalidClientAuth('critical headers are not understood')
  const secondsLeft = Number(claims.exp) - Date.now() / 1000
  if (!(secondsLeft <= ASSERTION_LIFETIME_SECONDS_MAX))
    throw new errors.InvalidClientAuth('expiration (exp) must be at most 10 minutes away')
}

/** The provider knows the machine's clock only; the tokens carry ours. */
function stampTimes(payload: { iat?: unknown; exp?: unknown }, clock: Clock): void {
  const lifetime = Number(payload.exp) - Number(payload.iat)
  const now = Math.floor(clock.now().getTime() / 1000)
  payload.iat = now
  payload.exp = now + lifetime
}
