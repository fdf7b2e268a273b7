import type { Plugin } from 'graphql-yoga'
import { refused } from './request-error.ts'

/** The header that marks a request as one that no form and no link can make. Any value that is not empty counts. */
export const CSRF_HEADER = 'x-graphql-csrf'

const PREFLIGHTED_TYPE = /^application\/json(?:$|[;\s])/i

/**
 * Refuses a request that a browser sends across origins without asking first: all but those with the type
 * application/json or the header `x-graphql-csrf`.
 * @throws CSRF_HEADER_REQUIRED
 * @see https://fetch.spec.whatwg.org/#cors-safelisted-request-header
 */
export function assertPreflighted(headers: Headers): void {
  if (PREFLIGHTED_TYPE.test(headers.get('content-type') ?? '')) return
  if (!headers.get(CSRF_HEADER)) throw refused('CSRF_HEADER_REQUIRED')
}

/** Holds every request for GraphQL to `assertPreflighted`, before its body is read. */
export function useCsrfPrevention(): Plugin {
  return { onRequestParse: ({ request }) => assertPreflighted(request.headers) }
}
