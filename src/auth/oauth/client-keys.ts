import { createPublicKey } from 'node:crypto'
import { z } from 'zod'
import { TOKEN_ALGORITHMS } from '../trusted-issuers.ts'

/** Public keys of a client that signs its assertions (`private_key_jwt`), as they are stored. */
export type SigningKeySet = { keys: Record<string, string>[] }

const part = z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/)
const common = {
  kid: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional(),
  alg: z.enum(TOKEN_ALGORITHMS).optional(),
  use: z.literal('sig').optional(),
}
const publicKey = z
  .discriminatedUnion('kty', [
    z.strictObject({ kty: z.literal('EC'), crv: z.enum(['P-256', 'P-384']), x: part, y: part, ...common }),
    z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: part, ...common }),
    z.strictObject({ kty: z.literal('RSA'), n: part, e: part, ...common }),
  ])
  .refine(isUsableKey)

const keySet = z
  .strictObject({ keys: z.array(publicKey).min(1).max(10) })
  .refine(({ keys }) => keys.length === 1 || new Set(keys.map((key) => key.kid ?? '')).size === keys.length)

/** Whether `value` is one such key; see `isSigningKeySet`. */
export function isSigningKey(value: unknown): value is Record<string, string> {
  return publicKey.safeParse(value).success
}

/**
 * Whether `value` is a set of 1 to 10 public keys that a client may sign with: EC P-256 or P-384, Ed25519, or RSA of
 * 2048 to 4096 bits. Several keys need different `kid`s. Private halves, symmetric keys and unknown members are refused.
 * @see RFC 7517
 */
export function isSigningKeySet(value: unknown): value is SigningKeySet {
  return keySet.safeParse(value).success
}

/** Whether the key can be read (its point lies on the curve) and an RSA modulus is of a safe length. */
function isUsableKey(jwk: { readonly kty: string }): boolean {
  try {
    const { modulusLength = 2048 } = createPublicKey({ key: { ...jwk }, format: 'jwk' }).asymmetricKeyDetails ?? {}
    return modulusLength >= 2048 && modulusLength <= 4096
  } catch {
    return false
  }
}
