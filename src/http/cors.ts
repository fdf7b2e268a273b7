import type { Plugin } from 'graphql-yoga'

/** Which pages of other origins may call. */
export type CorsOptions = {
  /** Exact origins such as `https://app.example`; the default is none. */
  readonly origins: readonly string[]
  /** Whether browsers may send cookies; default false: callers are known by their token. */
  readonly credentials?: boolean
}

const REQUEST_HEADERS = 'Authorization, Content-Type, DPoP, Last-Event-ID, X-Account-Id, X-GraphQL-CSRF, X-Request-Id'
const ANSWER_HEADERS = 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After'
const PREFLIGHT_SECONDS = '600'

/** Whether `origin` is written as browsers send it: scheme, host and port, without path and wildcard. */
export function isOrigin(origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === origin && !/\*|^null$/.test(origin)
}

/** The headers of an answer to `origin`; only `Vary` for an origin that is not listed. Never an echo. */
export function corsHeaders(origin: string | null, { origins, credentials = false }: CorsOptions): [string, string][] {
  if (origin === null || !origins.includes(origin)) return origins.length > 0 ? [['Vary', 'Origin']] : []
  return [
    ['Vary', 'Origin'],
    ['Access-Control-Allow-Origin', origin],
    ['Access-Control-Expose-Headers', ANSWER_HEADERS],
    ...(credentials ? ([['Access-Control-Allow-Credentials', 'true']] satisfies [string, string][]) : []),
  ]
}

/**
 * Answers preflights and marks answers for the listed origins. Another origin gets no header, so that its browser
 * refuses the call.
 * @throws Error at start when an entry is not an exact origin.
 */
export function useCors(options: CorsOptions): Plugin {
  if (!options.origins.every(isOrigin)) throw new Error('a CORS origin is not an exact origin')
  return {
    onRequest({ request, fetchAPI, endResponse }) {
      const origin = request.headers.get('origin')
      if (request.method !== 'OPTIONS' || origin === null) return
      const headers = options.origins.includes(origin)
        ? {
            'Access-Control-Allow-Methods': 'GET, POST',
            'Access-Control-Allow-Headers': REQUEST_HEADERS,
            'Access-Control-Max-Age': PREFLIGHT_SECONDS,
          }
        : {}
      endResponse(new fetchAPI.Response(null, { status: 204, headers }))
    },
    onResponse({ request, response }) {
      for (const [name, value] of corsHeaders(request.headers.get('origin'), options)) response.headers.set(name, value)
    },
  }
}
