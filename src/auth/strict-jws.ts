import { BadTokenError } from './bad-token.ts'

/** The two JSON parts of a signed token, not yet verified. */
export type UnverifiedJws = {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

/** Largest token that is looked at, in bytes. */
export const TOKEN_BYTES_MAX = 8192

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a compact JWS apart and refuses what lenient decoders accept: padding, white space, characters outside
 * base64url, unused trailing bits, a fourth part, invalid UTF-8, repeated JSON keys at any depth.
 * Says nothing about the signature.
 * @throws BadTokenError
 * @see RFC 7515 sections 3.1, 4 and 10.12
 */
export function parseJws(token: string): UnverifiedJws {
  if (token.length > TOKEN_BYTES_MAX) throw new BadTokenError('too_large')
  const parts = token.split('.').map(decodeBase64url)
  const [header, payload, signature] = parts
  if (!header || !payload || !signature || parts.length !== 3) throw new BadTokenError('malformed')
  return { header: parseObject(header), payload: parseObject(payload) }
}

/** The bytes of one part; refused unless encoding them again yields the same text. */
function decodeBase64url(part: string): Uint8Array {
  const bytes = Buffer.from(part, 'base64url')
  if (part === '' || bytes.toString('base64url') !== part) throw new BadTokenError('malformed')
  return bytes
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let text: string
  let value: unknown
  try {
    text = utf8.decode(bytes)
    value = JSON.parse(text)
  } catch {
    throw new BadTokenError('malformed')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadTokenError('malformed')
  if (hasDuplicateKey(text)) throw new BadTokenError('duplicate_key')
  return value as Record<string, unknown>
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g

/** Whether any object within valid JSON text repeats a key; keys are compared unescaped. */
function hasDuplicateKey(json: string): boolean {
  const open: Set<string>[] = []
  let string = ''
  for (const [token] of json.matchAll(JSON_TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const key: string = JSON.parse(string)
      const keys = open.at(-1)
      if (keys?.has(key)) return true
      keys?.add(key)
    } else string = token
  }
  return false
}
