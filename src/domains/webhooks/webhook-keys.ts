import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

/** What signs: a secret for HMAC (`whsec_`) and an Ed25519 key (`whsk_`), with its public half (`whpk_`). */
export type WebhookKeyPair = { readonly secret: string; readonly privateKey: string; readonly publicKey: string }

const SECRET_BYTES = 32
const fromBase64Url = (text: string | undefined) => Buffer.from(text ?? '', 'base64url')

/** Makes a secret of 32 bytes and an Ed25519 pair, each with its prefix and in base64. @see Standard Webhooks 1.0.0 */
export function newWebhookKeyPair(): WebhookKeyPair {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return {
    secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`,
    privateKey: `whsk_${fromBase64Url(d).toString('base64')}`,
    publicKey: `whpk_${fromBase64Url(x).toString('base64')}`,
  }
}

const bytesOf = (text: string, prefix: string) => Buffer.from(text.slice(prefix.length), 'base64')

/** A pair ready to sign. */
export type SigningPair = { readonly secret: Buffer; readonly privateKey: KeyObject }

/** Reads a pair as it was made. */
export function signingPairOf({ secret, privateKey, publicKey }: WebhookKeyPair): SigningPair {
  const d = bytesOf(privateKey, 'whsk_').toString('base64url')
  const x = bytesOf(publicKey, 'whpk_').toString('base64url')
  return {
    secret: bytesOf(secret, 'whsec_'),
    privateKey: createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' }),
  }
}
