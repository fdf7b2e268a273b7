import { PrivacyApiError } from './errors.ts'
import { exchange, isRetryableStatus, jsonOf, retryAfterSecondsOf } from './exchange.ts'
import { withRetries } from './retry.ts'
import type { Tools } from './tools.ts'
import type { ClientCredentials, TokenFunction } from './types.ts'

/** Where access tokens come from. */
export type TokenSource = {
  get(): Promise<string>
  /** A token instead of one that the server refused; null where there can be no other. */
  readonly renew: ((refused: string) => Promise<string>) | null
}

/** Tokens of a caller's function. */
export function tokenFromFunction(ask: TokenFunction): TokenSource {
  return { get: async () => ask({ renew: false }), renew: async () => ask({ renew: true }) }
}

type Grant = { readonly token: string; readonly lifetimeSeconds: number }
type GrantOptions = Omit<ClientCredentials, 'tokenUrl'> & {
  readonly tokenUrl: string
  readonly fetch: typeof globalThis.fetch
  readonly timeoutSeconds: number
  readonly retriesMax: number
  readonly tools: Tools
}

const LIFETIME_SECONDS_DEFAULT = 60
const RENEW_SECONDS_BEFORE_MAX = 60

/**
 * Tokens by client credentials. A token is kept until a minute before its end, or a tenth of its life where that is
 * less. Calls that need one at the same time share one request.
 */
export function tokenFromClientCredentials(options: GrantOptions): TokenSource {
  const { tools } = options
  let kept: { readonly token: string; readonly untilMs: number } | null = null
  let asking: Promise<string> | null = null
  const ask = (): Promise<string> => {
    asking ??= requestToken(options)
      .then(({ token, lifetimeSeconds }) => {
        const early = Math.min(RENEW_SECONDS_BEFORE_MAX, lifetimeSeconds / 10)
        kept = { token, untilMs: tools.now() + (lifetimeSeconds - early) * 1000 }
        return token
      })
      .finally(() => {
        asking = null
      })
    return asking
  }
  const get = async () => (kept && tools.now() < kept.untilMs ? kept.token : ask())
  return {
    get,
    renew: async (refused) => {
      if (kept?.token === refused) kept = null
      return get()
    },
  }
}

/** Each of id and secret is form-encoded first. @see RFC 6749 section 2.3.1 */
function basicAuthorization({ clientId, clientSecret }: ClientCredentials): string {
  const encode = (value: string) => new URLSearchParams({ v: value }).toString().slice(2)
  return `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}`
}

function requestToken(options: GrantOptions): Promise<Grant> {
  const { tokenUrl: url, scope, fetch, timeoutSeconds, tools } = options
  return withRetries(options, async () => {
    const answer = await exchange({
      fetch,
      url,
      headers: {
        authorization: basicAuthorization(options),
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope ? { scope } : {}) }).toString(),
      timeoutSeconds,
      requestId: null,
      signal: undefined,
    })
    const { access_token: token, expires_in: lifetime, error } = (jsonOf(answer) ?? {}) as Record<string, unknown>
    if (answer.status === 200 && typeof token === 'string')
      return { token, lifetimeSeconds: typeof lifetime === 'number' ? lifetime : LIFETIME_SECONDS_DEFAULT }
    const reason = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : `status ${answer.status}`
    throw new PrivacyApiError(`The server gave no access token: ${reason}.`, {
      code: 'TOKEN_REQUEST_FAILED',
      status: answer.status,
      requestId: answer.headers.get('x-request-id'),
      retryable: isRetryableStatus(answer.status),
      retryAfterSeconds: retryAfterSecondsOf(answer, tools.now()),
      ...(reason === error ? { details: { error } } : {}),
    })
  })
}
