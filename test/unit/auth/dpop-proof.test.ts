import { generateKeyPairSync, sign } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { expect, test } from 'vitest'
import { BadTokenError } from '../../../src/auth/bad-token.ts'
import { verifyProof } from '../../../src/auth/dpop-proof.ts'
import { hostileProofs } from './hostile-proofs.ts'
import { proof, proofClaims, proofHeader, publicJwk, request } from './proof-forge.ts'
import { base64url, ec, forgeRsa, NOW, rsa } from './token-forge.ts'

test('a good proof yields the thumbprint of its key', async () => {
  const read = await verifyProof([proof()], request)
  expect(read).toEqual({
    thumbprint: await calculateJwkThumbprint({ ...publicJwk(ec.publicKey), kty: 'EC' }),
    id: expect.stringMatching(/^[\w-]{43}$/),
    expiresAt: new Date((NOW + 61) * 1000),
  })
})

test('a proof is named by its key and its jti alone', async () => {
  const idOf = async (...change: Parameters<typeof proof>) => (await verifyProof([proof(...change)], request)).id
  const id = await idOf()
  expect(await idOf({}, { iat: NOW - 5 })).toBe(id)
  expect(await idOf({}, { jti: 'proof-2' })).not.toBe(id)
})

test('what the standard allows is accepted', async () => {
  const ed = generateKeyPairSync('ed25519')
  const eddsa = (alg: string) => {
    const input = [proofHeader({ alg, jwk: publicJwk(ed.publicKey) }), proofClaims()]
      .map((part) => base64url(JSON.stringify(part)))
      .join('.')
    return `${input}.${base64url(sign(null, Buffer.from(input), ed.privateKey))}`
  }
  const good = [
    eddsa('EdDSA'),
    eddsa('Ed25519'),
    forgeRsa(proofHeader({ alg: 'RS256', jwk: publicJwk(rsa.publicKey) }), proofClaims()),
    proof({ jwk: { ...publicJwk(ec.publicKey), key_ops: ['verify'], ext: true } }),
    proof({ jwk: { ...publicJwk(ec.publicKey), kid: 'k', use: 'sig', alg: 'ES256' } }),
    proof({}, { htu: 'HTTPS://Privacy.Example.Test:443/graphql' }),
    proof({}, { iat: NOW - 60 }),
    proof({}, { iat: NOW + 60 }),
    proof({}, { iat: NOW - 0.5, nonce: 'not asked for' }),
  ]
  const accepted = await Promise.all(good.map((each) => verifyProof([each], request)))
  expect(accepted).toHaveLength(9)
})

test('every hostile proof is refused as a proof', async () => {
  const hostile = hostileProofs()
  const accepted: string[] = []
  for (const [name, headers] of hostile) {
    const outcome = await verifyProof(headers, request).then(
      () => 'accepted',
      (error: unknown) =>
        error instanceof BadTokenError && error.wwwAuthenticate.startsWith('DPoP error="invalid_dpop_proof", algs=')
          ? 'refused'
          : String(error),
    )
    if (outcome !== 'refused') accepted.push(`${name}: ${outcome}`)
  }
  expect(accepted).toEqual([])
  expect(new Set(hostile.map(([name]) => name)).size).toBe(hostile.length)
  expect({ tried: hostile.length, accepted: accepted.length }).toEqual({ tried: 97, accepted: 0 })
})

test('each altered character of a good proof makes it bad', async () => {
  const good = proof()
  let accepted = 0
  for (let index = 0; index < good.length; index++) {
    const altered = `${good.slice(0, index)}${good[index] === 'A' ? 'B' : 'A'}${good.slice(index + 1)}`
    await verifyProof([altered], request).then(
      () => accepted++,
      (error: unknown) => expect(error).toBeInstanceOf(BadTokenError),
    )
  }
  expect({ accepted }).toEqual({ accepted: 0 })
})

test('a refusal says to the log what was wrong', async () => {
  const reasonOf = (headers: readonly string[]) =>
    verifyProof(headers, request).then(
      () => 'accepted',
      (error: { reason?: string }) => error.reason,
    )
  expect([
    await reasonOf([]),
    await reasonOf(['garbage']),
    await reasonOf([proof({ jwk: publicJwk(ec.privateKey) })]),
    await reasonOf([proof({ jwk: publicJwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey) })]),
    await reasonOf([proof({}, { htm: 'GET' })]),
    await reasonOf([proof({}, { iat: NOW - 61 })]),
  ]).toEqual(['proof_count', 'proof_malformed', 'proof_key', 'proof_signature', 'proof_request', 'proof_time'])
})
