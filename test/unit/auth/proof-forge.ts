import { createHash, type KeyObject } from 'node:crypto'
import type { ProvenRequest } from '../../../src/auth/dpop-proof.ts'
import { ec, forge, NOW, type Parts } from './token-forge.ts'

/** An access token, as far as a proof is concerned. */
export const TOKEN = 'header.payload.signature'
export const URL_OF_API = 'https://privacy.example.test/graphql'

export const request: ProvenRequest = { method: 'POST', url: URL_OF_API, token: TOKEN, now: new Date(NOW * 1000) }

export const publicJwk = (key: KeyObject): Parts => ({ ...key.export({ format: 'jwk' }) })
export const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url')

export const proofHeader = (change: Parts = {}): Parts => ({
  typ: 'dpop+jwt',
  alg: 'ES256',
  jwk: publicJwk(ec.publicKey),
  ...change,
})

export const proofClaims = (change: Parts = {}): Parts => ({
  jti: 'proof-1',
  htm: 'POST',
  htu: URL_OF_API,
  iat: NOW,
  ath: hashOf(TOKEN),
  ...change,
})

/** A proof that holds, but for what is changed. */
export const proof = (headerChange: Parts = {}, claimsChange: Parts = {}, key?: KeyObject) =>
  forge(proofHeader(headerChange), proofClaims(claimsChange), key)
