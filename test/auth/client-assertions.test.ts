import { randomUUID } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Auth, startAuth } from './fixture.ts'
import { addKeyClient, oauthClientOf, outcome } from './oauth-client.ts'

let auth: Auth
let client: Awaited<ReturnType<typeof oauthClientOf>>

beforeAll(async () => {
  auth = await startAuth()
  client = await oauthClientOf(auth)
})
afterAll(() => auth.stop())

test('a client gets a token by an assertion signed with its key', async () => {
  const { id, key } = await addKeyClient(auth)
  expect(await outcome(client.fetchToken(id, oauth.PrivateKeyJwt(key), 'usage:read'))).toBe('token')
})

test('wrong assertions are refused', async () => {
  const { id, key } = await addKeyClient(auth)
  const other = await addKeyClient(auth)
  const now = Math.floor(Date.now() / 1000)
  const changed = (change: (header: Record<string, unknown>, claims: Record<string, unknown>) => void) =>
    outcome(
      client.fetchToken(
        id,
        oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: (header, claims) => change(header, claims) }),
      ),
    )
  const outcomes = await Promise.all([
    outcome(client.fetchToken(id, oauth.PrivateKeyJwt(other.key))),
    outcome(client.fetchToken(id, oauth.ClientSecretBasic('secret'))),
    changed((_, claims) => Object.assign(claims, { aud: `${auth.oauth.issuer}/token` })),
    changed((_, claims) => Object.assign(claims, { aud: [auth.oauth.issuer, 'https://other.example.test'] })),
    changed((_, claims) => Object.assign(claims, { aud: 'https://other.example.test' })),
    changed((_, claims) => Object.assign(claims, { aud: undefined })),
    changed((_, claims) => Object.assign(claims, { iss: other.id })),
    changed((_, claims) => Object.assign(claims, { sub: other.id })),
    changed((_, claims) => Object.assign(claims, { jti: undefined })),
    changed((_, claims) => Object.assign(claims, { exp: undefined })),
    changed((_, claims) => Object.assign(claims, { exp: now - 60 })),
    changed((_, claims) => Object.assign(claims, { exp: now + 3600 })),
    changed((_, claims) => Object.assign(claims, { nbf: now + 60 })),
    changed((header) => Object.assign(header, { crit: ['exp'] })),
    changed((header) => Object.assign(header, { kid: 'k2' })),
    changed((header) => Object.assign(header, { alg: 'none' })),
    changed((header) => Object.assign(header, { alg: 'HS256' })),
  ])
  expect({
    tried: outcomes.length,
    accepted: outcomes.filter((each) => !/^40[01] invalid_(client|request)$/.test(each)),
  }).toEqual({
    tried: 17,
    accepted: [],
  })
})

test('an assertion works once, also when it is sent 20 times at once', async () => {
  const { id, key } = await addKeyClient(auth)
  const jti = randomUUID()
  const same = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: (_, claims) => Object.assign(claims, { jti }) })
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(client.fetchToken(id, same))))
  expect(outcomes.filter((each) => each === 'token')).toHaveLength(1)
  expect(outcomes.filter((each) => each === '401 invalid_client')).toHaveLength(19)
  expect(await outcome(client.fetchToken(id, same))).toBe('401 invalid_client')
})

test('no unexpected error happened on the way', () => {
  expect(auth.errors).toEqual([])
})
