import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { isSigningKeySet } from '../../../src/auth/oauth/client-keys.ts'
import { hashClientSecret, isClientSecret, newClientSecret } from '../../../src/auth/oauth/client-secret.ts'
import { ec, otherEc, rsa } from './token-forge.ts'

test('a secret is 256 random bits, and its hash has the documented form', async () => {
  const secrets = Array.from({ length: 100 }, newClientSecret)
  expect(new Set(secrets).size).toBe(100)
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/)
  expect(await hashClientSecret('secret')).toMatch(/^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
  expect(await hashClientSecret('secret')).not.toBe(await hashClientSecret('secret'))
})

test('only the secret itself matches its hash', async () => {
  const stored = await hashClientSecret('correct')
  expect(await isClientSecret('correct', stored)).toBe(true)
  const wrong = ['', 'Correct', 'correct ', 'correct\0', stored]
  const matching = await Promise.all(wrong.map((secret) => isClientSecret(secret, stored)))
  expect(matching).toEqual([false, false, false, false, false])
})

test('a hash made elsewhere by scrypt with the same parameters matches', async () => {
  const salt = Buffer.alloc(16, 1).toString('base64url')
  const hash = 'btNaE1m0-gydKDrCN5m7zlCHmn1_3UDycW-EiVeZ8jI'
  expect(await isClientSecret('secret', `scrypt$16384$8$1$${salt}$${hash}`)).toBe(true)
})

test('a stored value of another form matches nothing', async () => {
  const stored = ['', 'secret', 'scrypt$1$1$1$$', 'scrypt$16384$8$1$AAAA$AAAA', '$2b$12$abc']
  const matching = await Promise.all(stored.map((value) => isClientSecret('secret', value)))
  expect(matching).toEqual([false, false, false, false, false])
})

const publicJwk = (key: { publicKey: typeof ec.publicKey }, more: object = {}) => ({
  ...key.publicKey.export({ format: 'jwk' }),
  ...more,
})

test('key sets of public signing keys are accepted', () => {
  const ed = generateKeyPairSync('ed25519')
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const sets = [
    { keys: [publicJwk(ec)] },
    { keys: [publicJwk(rsa, { alg: 'PS256', use: 'sig' })] },
    { keys: [publicJwk(ed, { kid: 'a' }), publicJwk(p384, { kid: 'b' })] },
  ]
  expect(sets.map(isSigningKeySet)).toEqual([true, true, true])
})

test('key sets that are unsafe or unusable are refused', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const x25519 = generateKeyPairSync('x25519')
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const sets: unknown[] = [
    null,
    [],
    'keys',
    {},
    { keys: [] },
    { keys: [publicJwk(ec)], more: 1 },
    { keys: [ec.privateKey.export({ format: 'jwk' })] },
    { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] },
    { keys: [publicJwk(small)] },
    { keys: [publicJwk(x25519)] },
    { keys: [publicJwk(k1)] },
    { keys: [publicJwk(ec, { x: 'AAAA' })] },
    { keys: [publicJwk(ec, { alg: 'HS256' })] },
    { keys: [publicJwk(ec, { use: 'enc' })] },
    { keys: [publicJwk(ec, { x5u: 'https://evil.example.test' })] },
    { keys: [publicJwk(ec), publicJwk(otherEc)] },
    { keys: [publicJwk(ec, { kid: 'a' }), publicJwk(otherEc, { kid: 'a' })] },
    { keys: Array.from({ length: 11 }, (_, index) => publicJwk(ec, { kid: String(index) })) },
  ]
  const accepted = sets.filter(isSigningKeySet)
  expect({ tried: sets.length, accepted }).toEqual({ tried: 18, accepted: [] })
})
