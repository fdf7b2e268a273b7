import type { IncomingMessage } from 'node:http'
import { BadTokenError, type TokenScheme } from './bad-token.ts'

/** What a request says about its caller, before anything is believed. */
export type CallerHeaders = {
  /** Each `Authorization` header as it was sent. */
  readonly authorization: readonly string[]
  /** Each `DPoP` header as it was sent. */
  readonly dpop: readonly string[]
  /** Each `X-Account-Id` header as it was sent. */
  readonly accountId: readonly string[]
  /** Whether the URL carries an `access_token` parameter. */
  readonly tokenInQuery: boolean
  readonly method: string
  /** The path that the caller addressed, without the query. */
  readonly path: string
  /** Where the request comes from, as far as proxies are believed; null where that is unknown. Never logged. */
  readonly address: string | null
}

const hasTokenParameter = (url: string) =>
  [...new URLSearchParams(url.split('?').slice(1).join('?')).keys()].some((key) => key.toLowerCase() === 'access_token')

/**
 * Reads a request of `node:http`. Repeated headers stay apart: Node would drop all but the first. `originalUrl` is the
 * whole address where a route has cut its prefix off `url`.
 * @param address where it comes from; default null: unknown, and so in no client's allowed networks
 */
export function callerHeadersOf(
  request: Pick<IncomingMessage, 'headersDistinct' | 'url' | 'method'> & { readonly originalUrl?: string },
  address: string | null = null,
): CallerHeaders {
  const { authorization = [], dpop = [], 'x-account-id': accountId = [] } = request.headersDistinct
  const url = request.originalUrl ?? request.url ?? '/'
  return {
    authorization,
    dpop,
    accountId,
    tokenInQuery: hasTokenParameter(url),
    method: request.method ?? 'GET',
    path: url.split('?', 1)[0] ?? '/',
    address,
  }
}

/** Reads a request of the Fetch standard, which joins repeated headers by a comma; no token and no proof contains one. */
export function callerHeadersOfFetch(
  request: Pick<Request, 'headers' | 'url' | 'method'>,
  address: string | null = null,
): CallerHeaders {
  const values = (name: string) => request.headers.get(name)?.split(/,\s*/) ?? []
  return {
    authorization: values('authorization'),
    dpop: values('dpop'),
    accountId: values('x-account-id'),
    tokenInQuery: hasTokenParameter(request.url),
    method: request.method,
    path: new URL(request.url).pathname,
    address,
  }
}

/** A token as a request presents it. */
export type PresentedToken = { readonly scheme: TokenScheme; readonly token: string }

const CREDENTIALS = /^(?:(bearer)|dpop) +([A-Za-z0-9\-._~+/]+=*)$/i

/**
 * The token of a request, or null where it carries none.
 * @throws BadTokenError when credentials are presented in another way than one `Authorization: Bearer` or
 *   `Authorization: DPoP` header.
 * @see RFC 6750 section 2, RFC 9449 section 7.1
 */
export function presentedTokenOf(headers: CallerHeaders): PresentedToken | null {
  if (headers.tokenInQuery) throw new BadTokenError('token_in_query')
  const [authorization, ...more] = headers.authorization
  if (more.length > 0) throw new BadTokenError('several_tokens')
  if (authorization === undefined) return null
  const [, bearer, token] = CREDENTIALS.exec(authorization) ?? []
  if (token !== undefined) return { scheme: bearer ? 'Bearer' : 'DPoP', token }
  if (/^dpop\b/i.test(authorization)) throw new BadTokenError('malformed', 'DPoP')
  throw new BadTokenError(/^bearer\b/i.test(authorization) ? 'malformed' : 'unknown_scheme')
}
