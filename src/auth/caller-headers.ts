import type { IncomingMessage } from 'node:http'
import { BadTokenError } from './bad-token.ts'

/** What a request says about its caller, before anything is believed. */
export type CallerHeaders = {
  /** Each `Authorization` header as it was sent. */
  readonly authorization: readonly string[]
  /** Each `X-Account-Id` header as it was sent. */
  readonly accountId: readonly string[]
  /** Whether the URL carries an `access_token` parameter. */
  readonly tokenInQuery: boolean
}

const hasTokenParameter = (url: string) =>
  [...new URLSearchParams(url.split('?').slice(1).join('?')).keys()].some((key) => key.toLowerCase() === 'access_token')

/** Reads a request of `node:http`. Repeated headers stay apart: Node would drop all but the first. */
export function callerHeadersOf(request: Pick<IncomingMessage, 'headersDistinct' | 'url'>): CallerHeaders {
  const { authorization = [], 'x-account-id': accountId = [] } = request.headersDistinct
  return {
    authorization,
    accountId,
    tokenInQuery: hasTokenParameter(request.url ?? '/'),
  }
}

/** Reads a request of the Fetch standard, which joins repeated headers by a comma; no token contains one. */
export function callerHeadersOfFetch(request: Pick<Request, 'headers' | 'url'>): CallerHeaders {
  const values = (name: string) => request.headers.get(name)?.split(/,\s*/) ?? []
  return {
    authorization: values('authorization'),
    accountId: values('x-account-id'),
    tokenInQuery: hasTokenParameter(request.url),
  }
}

const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/**
 * The bearer token of a request, or null where it carries none.
 * @throws BadTokenError when credentials are presented in another way than one `Authorization: Bearer` header.
 * @see RFC 6750 section 2
 */
export function bearerTokenOf(headers: CallerHeaders): string | null {
  if (headers.tokenInQuery) throw new BadTokenError('token_in_query')
  const [authorization, ...more] = headers.authorization
  if (more.length > 0) throw new BadTokenError('several_tokens')
  if (authorization === undefined) return null
  const token = BEARER.exec(authorization)?.[1]
  if (token === undefined) throw new BadTokenError(/^bearer\b/i.test(authorization) ? 'malformed' : 'not_bearer')
  return token
}
