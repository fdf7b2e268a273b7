import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOAuthServer } from '../../src/auth/oauth/oauth-server.ts'
import { cleanExpiredOauthState } from '../../src/auth/oauth/oauth-state.ts'
import { type Auth, addClient, sessionOf, startAuth } from './fixture.ts'

let auth: Auth
beforeEach(async () => {
  auth = await startAuth()
})
afterEach(() => auth.stop())

async function clientToken() {
  const { id, secret } = await addClient(auth)
  const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const fetchToken = async (): Promise<string> => {
    const response = await fetch(`${auth.oauth.issuer}/token`, { method: 'POST', body, headers })
    return (await response.json()).access_token
  }
  return { id, fetchToken }
}

const publishedIds = async (): Promise<string[]> => {
  const { keys } = await (await fetch(`${auth.oauth.issuer}/jwks`)).json()
  return keys.map((key: { kid: string }) => key.kid)
}
const kidOf = (token: string) => decodeProtectedHeader(token).kid
const daysLater = (days: number) => new Date(auth.clock.now().getTime() + days * 86_400_000)

test('the published keys verify a token and hold no private part', async () => {
  const { fetchToken } = await clientToken()
  const keys = createRemoteJWKSet(new URL(`${auth.oauth.issuer}/jwks`))
  await expect(jwtVerify(await fetchToken(), keys, { typ: 'at+jwt' })).resolves.toBeDefined()
  const { keys: published } = await (await fetch(`${auth.oauth.issuer}/jwks`)).json()
  expect(published.map((key: object) => Object.keys(key).sort())).toEqual([
    ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  ])
})

test('the private half is stored wrapped, and dropped when the key retires', async () => {
  const [row] = await auth.seed((tx) => tx.signingKey.findMany())
  expect(row).toMatchObject({ algorithm: 'ES256', epoch: 'first', retiredAt: null, removeAt: null })
  const unwrapped = await auth.keyProvider.unwrap('first', row?.privateCipher ?? new Uint8Array())
  expect(Buffer.from(row?.privateCipher ?? []).includes(Buffer.from(unwrapped).subarray(36, 68))).toBe(false)
  await auth.oauth.rotateSigningKey()
  const retired = await auth.seed((tx) => tx.signingKey.findUnique({ where: { kid: row?.kid ?? '' } }))
  expect(retired?.privateCipher).toBeNull()
})

test('after a rotation the new key signs and older tokens stay good', async () => {
  const { id, fetchToken } = await clientToken()
  const before = await fetchToken()
  const kid = await auth.oauth.rotateSigningKey()
  const after = await fetchToken()
  expect(kidOf(after)).toBe(kid)
  expect(kidOf(before)).not.toBe(kid)
  expect(await publishedIds()).toEqual([kid, kidOf(before)])
  for (const token of [before, after]) expect(await sessionOf(auth, token)).toMatchObject({ callerId: id })
})

test('a retired key is published until the longest token signed with it has ended', async () => {
  const { id } = await clientToken()
  const longest = await auth.oauth.issueAccessToken(id, [], 86_400)
  const kid = await auth.oauth.rotateSigningKey()
  auth.clock.advance(86_390)
  expect(await publishedIds()).toEqual([kid, kidOf(longest)])
  expect(await sessionOf(auth, longest)).toMatchObject({ callerId: id })
  auth.clock.advance(400)
  expect(await publishedIds()).toEqual([kid])
})

test('another process sees a rotation at once when it verifies, and within a minute when it signs', async () => {
  const other = await createOAuthServer(auth)
  const { id, fetchToken } = await clientToken()
  const old = kidOf(await other.issueAccessToken(id, [], 600))
  expect(old).toBe(kidOf(await fetchToken()))
  auth.clock.advance(5)
  const kid = await other.rotateSigningKey()
  expect(await sessionOf(auth, await other.issueAccessToken(id, [], 600))).toMatchObject({ callerId: id })
  auth.clock.advance(60)
  expect(kidOf(await fetchToken())).toBe(kid)
})

test('servers that start at once on an empty database make one key', async () => {
  await auth.seed((tx) => tx.signingKey.deleteMany())
  await Promise.all(Array.from({ length: 5 }, () => createOAuthServer(auth)))
  expect(await auth.seed((tx) => tx.signingKey.count())).toBe(1)
})

test('cleaning up removes what has ended and nothing else', async () => {
  const { id, fetchToken } = await clientToken()
  await auth.oauth.rotateSigningKey()
  const now = auth.clock.now()
  await auth.seed(async (tx) => {
    const expiries = [new Date(now.getTime() - 120_000), new Date(now.getTime() + 120_000)]
    for (const [index, expiresAt] of expiries.entries()) {
      await tx.oauthState.create({ data: { kind: 'ReplayDetection', id: `used-${index}`, payload: {}, expiresAt } })
      await tx.revokedToken.create({ data: { jti: `jti-${index}`, clientId: id, revokedAt: now, expiresAt } })
    }
  })
  expect(await cleanExpiredOauthState(auth.db, now)).toEqual({ states: 1, revocations: 1, keys: 0 })
  expect(await cleanExpiredOauthState(auth.db, now)).toEqual({ states: 0, revocations: 0, keys: 0 })
  expect(await cleanExpiredOauthState(auth.db, daysLater(2))).toEqual({ states: 1, revocations: 1, keys: 1 })
  expect(await sessionOf(auth, await fetchToken())).toMatchObject({ callerId: id })
})
