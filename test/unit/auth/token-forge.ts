import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createLocalJWKSet } from 'jose'
import { createTokenVerifier, type TokenVerifier } from '../../../src/auth/token-verifier.ts'
import type { IssuerTrust } from '../../../src/auth/trusted-issuers.ts'

/** The frozen present of these tests, in seconds. */
export const NOW = 1_794_000_000
export const clock = { now: () => new Date(NOW * 1000) }

export const ISSUER = 'https://id.example.test'
export const RSA_ISSUER = 'https://rsa.example.test'
export const AUDIENCE = 'https://privacy.example.test/graphql'

export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const otherEc = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

export const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

export type Parts = Record<string, unknown>

export const header = (change: Parts = {}): Parts => ({ alg: 'ES256', typ: 'at+jwt', kid: 'ec-1', ...change })
export const claims = (change: Parts = {}): Parts => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'user-1',
  client_id: 'dashboard',
  jti: 'token-1',
  iat: NOW - 10,
  exp: NOW + 590,
  scope: 'usage:read',
  ...change,
})

/** Signs any header and payload text with ES256, as a broken or hostile issuer could. */
export function forge(
  headerText: string | Parts,
  payloadText: string | Uint8Array | Parts,
  key: KeyObject = ec.privateKey,
): string {
  const input = [headerText, payloadText]
    .map((part) => base64url(typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part)))
    .join('.')
  return `${input}.${base64url(sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))}`
}

/** Signs with RSASSA-PKCS1-v1_5 and SHA-256. */
export function forgeRsa(head: Parts, payload: Parts): string {
  const input = [head, payload].map((part) => base64url(JSON.stringify(part))).join('.')
  return `${input}.${base64url(sign('sha256', Buffer.from(input), rsa.privateKey))}`
}

/** Signs with HMAC over whatever bytes serve as the secret. */
export function forgeHmac(head: Parts, payload: Parts, secret: string | Uint8Array): string {
  const input = [head, payload].map((part) => base64url(JSON.stringify(part))).join('.')
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** A token that holds, but for what is changed. */
export const token = (headerChange: Parts = {}, claimsChange: Parts = {}) =>
  forge(header(headerChange), claims(claimsChange))

/** A verifier that trusts one issuer with an EC key and one with an RSA key. */
export function verifierUnderTest(): TokenVerifier {
  const base = {
    audience: AUDIENCE,
    principals: ['SUBJECT'],
    scopes: 'token',
    verifiesEmail: false,
    tokenAgeSecondsMax: 3600,
  } as const
  const ecTrust: IssuerTrust = {
    ...base,
    issuer: ISSUER,
    algorithms: ['ES256'],
    keys: createLocalJWKSet({ keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kty: 'EC', kid: 'ec-1' }] }),
  }
  const rsaTrust: IssuerTrust = {
    ...base,
    issuer: RSA_ISSUER,
    algorithms: ['RS256', 'ES256'],
    keys: createLocalJWKSet({ keys: [{ ...rsa.publicKey.export({ format: 'jwk' }), kty: 'RSA', kid: 'rsa-1' }] }),
  }
  return createTokenVerifier({ issuers: [ecTrust, rsaTrust], clock })
}
