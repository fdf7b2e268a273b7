import type { JWTVerifyGetKey } from 'jose'
import { z } from 'zod'

/** Algorithms an issuer may sign with: asymmetric ones only, never `none` or HMAC. */
export const TOKEN_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as const

/** An issuer whose tokens are believed, and how far. */
export type IssuerTrust = {
  readonly issuer: string
  /** What the token's `aud` must name. */
  readonly audience: string
  readonly algorithms: readonly (typeof TOKEN_ALGORITHMS)[number][]
  /** Whom the issuer may speak for. CLIENT is the embedded OAuth server alone. */
  readonly principals: readonly ('SUBJECT' | 'STAFF' | 'CLIENT')[]
  /** `token`: the scopes in force are those of the token that the role allows. `role`: all that the role allows. */
  readonly scopes: 'token' | 'role'
  /** Whether the claim `email_verified` is believed. */
  readonly verifiesEmail: boolean
  /** Greatest age of a token by its `iat`, in seconds. */
  readonly tokenAgeSecondsMax: number
  /** Finds the public key of a token's header. */
  readonly keys: JWTVerifyGetKey
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

const secureUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const url = new URL(text)
  const secure = url.protocol === 'https:' || LOOPBACK.test(url.hostname)
  return secure && url.username === '' && url.password === '' && url.hash === ''
}, 'must be https (http only on a loopback address), without credentials and fragment')

const trustedIssuer = z.strictObject({
  issuer: secureUrl,
  audience: z.string().min(1).max(512),
  jwksUri: secureUrl,
  algorithms: z.array(z.enum(TOKEN_ALGORITHMS)).min(1),
  principals: z.array(z.enum(['SUBJECT', 'STAFF'])).min(1),
  scopes: z.enum(['token', 'role']).default('token'),
  verifiesEmail: z.boolean().default(false),
  tokenAgeSecondsMax: z.int().min(60).max(86_400).default(3600),
})

/** One entry of the trust list as it is configured. */
export type TrustedIssuer = z.infer<typeof trustedIssuer>

const trustList = z
  .array(trustedIssuer)
  .refine((list) => new Set(list.map((entry) => entry.issuer)).size === list.length, 'an issuer is listed twice')

/**
 * Reads the trust list: a JSON array of issuers. Empty text is an empty list.
 * `scopes` defaults to `token`, `verifiesEmail` to false, `tokenAgeSecondsMax` to 3600 (60 to 86,400).
 * @throws Error naming the entry and field that is wrong, never its value.
 */
export function parseTrustedIssuers(text: string): readonly TrustedIssuer[] {
  if (text.trim() === '') return []
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error('TRUSTED_ISSUERS is not JSON')
  }
  const parsed = trustList.safeParse(json)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'list'} (${issue.code})`)
  throw new Error(`TRUSTED_ISSUERS is wrong at: ${faults.join(', ')}`)
}
