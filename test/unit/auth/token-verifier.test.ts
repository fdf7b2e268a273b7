import { expect, test } from 'vitest'
import { BadTokenError } from '../../../src/auth/bad-token.ts'
import { createTokenVerifier } from '../../../src/auth/token-verifier.ts'
import { hostileTokens } from './hostile-tokens.ts'
import { claims, clock, forgeRsa, header, ISSUER, NOW, RSA_ISSUER, token, verifierUnderTest } from './token-forge.ts'

const verifier = verifierUnderTest()

test('a good token yields its claims and the issuer that vouches for it', async () => {
  const { trust, claims: read } = await verifier.verify(token({}, { auth_time: NOW - 60, extra: 'dropped' }))
  expect(trust.issuer).toBe(ISSUER)
  expect(read).toEqual({
    iss: ISSUER,
    sub: 'user-1',
    client_id: 'dashboard',
    jti: 'token-1',
    iat: NOW - 10,
    exp: NOW + 590,
    scope: 'usage:read',
    auth_time: NOW - 60,
  })
})

test('what the standards allow is accepted', async () => {
  const good = [
    token({ typ: 'AT+JWT' }),
    token({ typ: 'application/at+jwt' }),
    token({ kid: undefined }),
    token({}, { aud: ['https://other.example.test', 'https://privacy.example.test/graphql'] }),
    token({}, { scope: undefined }),
    token({}, { iat: NOW + 4 }),
    token({}, { iat: NOW - 600, exp: NOW - 4 }),
    forgeRsa(header({ alg: 'RS256', kid: 'rsa-1' }), claims({ iss: RSA_ISSUER })),
  ]
  const accepted = await Promise.all(good.map((each) => verifier.verify(each)))
  expect(accepted).toHaveLength(8)
})

test('every hostile token is refused as a bad token', async () => {
  const hostile = hostileTokens()
  const accepted: string[] = []
  for (const [name, each] of hostile) {
    const outcome = await verifier.verify(each).then(
      () => 'accepted',
      (error: unknown) => (error instanceof BadTokenError && error.status === 401 ? 'refused' : String(error)),
    )
    if (outcome !== 'refused') accepted.push(`${name}: ${outcome}`)
  }
  expect(accepted).toEqual([])
  expect(new Set(hostile.map(([name]) => name)).size).toBe(hostile.length)
  expect({ tried: hostile.length, accepted: accepted.length }).toEqual({ tried: 140, accepted: 0 })
})

test('each altered character of a good token makes it bad', async () => {
  const good = token()
  let accepted = 0
  for (let index = 0; index < good.length; index++) {
    const altered = `${good.slice(0, index)}${good[index] === 'A' ? 'B' : 'A'}${good.slice(index + 1)}`
    await verifier.verify(altered).then(
      () => accepted++,
      (error: unknown) => expect(error).toBeInstanceOf(BadTokenError),
    )
  }
  expect({ accepted }).toEqual({ accepted: 0 })
})

test('a refusal says which kind of fault it was to the log, and nothing to the caller', async () => {
  const error = await verifier.verify(token({ alg: 'none' })).catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    reason: 'algorithm',
    status: 401,
    wwwAuthenticate: 'Bearer error="invalid_token"',
    message: 'The access token is missing, malformed, expired or not valid here.',
  })
})

test('an issuer cannot be trusted twice', async () => {
  const { trust } = await verifier.verify(token())
  expect(() => createTokenVerifier({ issuers: [trust, trust], clock })).toThrow('an issuer is trusted twice')
})
