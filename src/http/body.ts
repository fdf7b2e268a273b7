import type { GraphQLParams, Plugin } from 'graphql-yoga'
import { refused } from './request-error.ts'

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/**
 * Refuses a body that is not declared as JSON in UTF-8: forms, multipart and plain text among them.
 * @throws UNSUPPORTED_MEDIA_TYPE
 */
export function assertJsonType(contentType: string | null): void {
  if (!JSON_TYPE.test(contentType ?? '')) throw refused('UNSUPPORTED_MEDIA_TYPE')
}

/**
 * Reads a JSON object from bytes. Stricter than `Response.json()`: no byte order mark, no broken UTF-8, no array.
 * @throws BAD_REQUEST without a word of the body.
 * @see RFC 8259 section 8.1
 */
export function parseJsonObject(bytes: Uint8Array | ArrayBuffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    throw refused('BAD_REQUEST', 'The body is not valid JSON in UTF-8.')
  }
  if (Array.isArray(value)) throw refused('BAD_REQUEST', 'Batching is not supported.')
  if (typeof value !== 'object' || value === null) throw refused('BAD_REQUEST', 'The body is not a JSON object.')
  return value as Record<string, unknown>
}

/**
 * Refuses an operation name that is no string. Yoga checks the other parameters.
 * @throws BAD_REQUEST
 */
export function assertOperationName(params: Readonly<Record<string, unknown>>): void {
  const { operationName } = params
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string')
    throw refused('BAD_REQUEST', 'The parameter operationName is not a string.')
}

/**
 * Reads the parameters of a GET from its query string.
 * @throws BAD_REQUEST when `variables` or `extensions` is not a JSON object, or a parameter stands there twice.
 */
export function parseQueryString(search: URLSearchParams): GraphQLParams {
  const params: Record<string, unknown> = {}
  for (const name of ['query', 'operationName', 'variables', 'extensions']) {
    const [value, ...more] = search.getAll(name)
    if (more.length > 0) throw refused('BAD_REQUEST', 'A parameter stands in the query string twice.')
    if (!value) continue
    const json = name === 'variables' || name === 'extensions'
    params[name] = json ? parseJsonObject(new TextEncoder().encode(value)) : value
  }
  return params
}

/** Reads requests strictly: JSON bodies of POST, query strings of GET, nothing else. */
export function useStrictParsing(): Plugin {
  return {
    onRequestParse({ request, url, setRequestParser }) {
      if (request.method === 'POST') {
        assertJsonType(request.headers.get('content-type'))
        setRequestParser(async (body): Promise<GraphQLParams> => {
          const params = parseJsonObject(await body.arrayBuffer())
          assertOperationName(params)
          return params
        })
      } else if (request.method === 'GET') setRequestParser(() => parseQueryString(url.searchParams))
      else throw refused('METHOD_NOT_ALLOWED', undefined, { http: { headers: { Allow: 'GET, POST' } } })
    },
  }
}
