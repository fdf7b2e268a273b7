import { randomUUID } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Auth, addClient, addPlatform, disableClient, sessionOf, startAuth } from './fixture.ts'
import { oauthClientOf, outcome, sendRaw } from './oauth-client.ts'

let auth: Auth
let client: Awaited<ReturnType<typeof oauthClientOf>>

beforeAll(async () => {
  auth = await startAuth()
  client = await oauthClientOf(auth)
})
afterAll(() => auth.stop())

test('the metadata names what works, by the public name whatever Host says', async () => {
  const paths = [
    '/oauth/.well-known/oauth-authorization-server',
    '/oauth/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/oauth',
  ]
  for (const path of paths) {
    const headers = { host: 'evil.example.test', 'x-forwarded-host': 'evil.example.test' }
    expect(await sendRaw(`${auth.publicUrl}${path}`, { headers })).toMatchObject({
      issuer: `${auth.publicUrl}/oauth`,
      token_endpoint: `${auth.publicUrl}/oauth/token`,
      jwks_uri: `${auth.publicUrl}/oauth/jwks`,
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      dpop_signing_alg_values_supported: ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'],
    })
    expect(auth.oauth.owns(path)).toBe(true)
  }
  expect(auth.oauth.owns('/oauthx')).toBe(false)
})

test('a client gets a token of RFC 9068 by its secret, in either way', async () => {
  const { id, secret } = await addClient(auth)
  for (const how of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
    const token = await client.fetchToken(id, how, 'usage:read')
    const { jti, iat = 0, exp = 0, ...claims } = decodeJwt(token)
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    expect(claims).toEqual({
      iss: auth.oauth.issuer,
      aud: `${auth.publicUrl}/graphql`,
      sub: id,
      client_id: id,
      scope: 'usage:read',
    })
    expect(jti).toMatch(/^[\w-]{16,}$/)
    expect(exp - iat).toBe(600)
    expect(await sessionOf(auth, token)).toMatchObject({ principal: 'INTEGRATION', callerId: id })
  }
})

test('asking for no scope means all scopes of the client', async () => {
  const { id, secret } = await addClient(auth)
  const token = await client.fetchToken(id, oauth.ClientSecretBasic(secret))
  expect(decodeJwt<{ scope?: string }>(token).scope).toBe('usage:read subjects:read')
})

test('a processor without scopes gets a token without any', async () => {
  const accountId = await addPlatform(auth)
  const processorId = randomUUID()
  const { id, secret } = await addClient(auth, { accountId, kind: 'PROCESSOR', processorId, scopes: [] })
  const token = await client.fetchToken(id, oauth.ClientSecretBasic(secret))
  expect(decodeJwt<{ scope?: string }>(token).scope).toBeUndefined()
  expect(await outcome(client.fetchToken(id, oauth.ClientSecretBasic(secret), 'usage:read'))).toBe('400 invalid_scope')
  expect(await sessionOf(auth, token)).toMatchObject({ principal: 'PROCESSOR', processorId, accountId: null })
})

test('a scope that is unknown, not granted, or not of the kind is refused, also beside a good one', async () => {
  const { id, secret } = await addClient(auth, { scopes: ['usage:read', 'usage:write'] })
  const wrong = [
    'subjects:read',
    'nonsense',
    'openid',
    'offline_access',
    'usage:write',
    'usage:read nonsense',
    'public',
  ]
  const outcomes = await Promise.all(
    wrong.map((scope) => outcome(client.fetchToken(id, oauth.ClientSecretBasic(secret), scope))),
  )
  expect(outcomes).toEqual(wrong.map(() => '400 invalid_scope'))
})

test('wrong credentials are refused', async () => {
  const { id, secret } = await addClient(auth)
  const disabled = await addClient(auth)
  await disableClient(auth, disabled.id)
  const { secretHash } = await auth.seed((tx) => tx.apiClient.findFirstOrThrow({ where: { id } }))
  const outcomes = await Promise.all([
    outcome(client.fetchToken(id, oauth.ClientSecretBasic('wrong'))),
    outcome(client.fetchToken(id, oauth.ClientSecretBasic(`${secret} `))),
    outcome(client.fetchToken(id, oauth.ClientSecretPost(secretHash ?? ''))),
    outcome(client.fetchToken(randomUUID(), oauth.ClientSecretBasic(secret))),
    outcome(client.fetchToken("' or 1=1 --", oauth.ClientSecretBasic(secret))),
    outcome(client.fetchToken(disabled.id, oauth.ClientSecretBasic(secret))),
  ])
  expect(outcomes).toEqual(outcomes.map(() => '401 invalid_client'))
  expect(await outcome(client.fetchToken(id, oauth.None()))).toBe('401 invalid_client')
})

test('every other grant, flow and path is off', async () => {
  const { id, secret } = await addClient(auth)
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const grants = [
    'authorization_code',
    'refresh_token',
    'implicit',
    'password',
    'urn:ietf:params:oauth:grant-type:device_code',
  ]
  const bodies = await Promise.all(
    grants.map(async (grant_type) => {
      const body = new URLSearchParams({ grant_type, code: 'x', refresh_token: 'x', device_code: 'x' })
      const response = await fetch(`${auth.oauth.issuer}/token`, { method: 'POST', body, headers: { authorization } })
      return `${response.status} ${(await response.json()).error}`
    }),
  )
  expect(bodies).toEqual(grants.map(() => '400 unsupported_grant_type'))
  const paths = [
    '',
    '/auth',
    '/auth/x',
    '/device',
    '/me',
    '/session/end',
    '/session/end/confirm',
    '/request',
    '/reg',
    '/interaction/x',
  ]
  const statuses = await Promise.all(
    paths.flatMap((path) =>
      ['GET', 'POST'].map(async (method) => (await fetch(auth.oauth.issuer + path, { method })).status),
    ),
  )
  expect({ tried: statuses.length, open: statuses.filter((status) => status !== 404).length }).toEqual({
    tried: 20,
    open: 0,
  })
})

test('another resource, repeated credentials and a bad DPoP proof get no token', async () => {
  const { id, secret } = await addClient(auth)
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const ask = (form: Record<string, string>, headers: OutgoingHttpHeaders) =>
    sendRaw(`${auth.oauth.issuer}/token`, { form: { grant_type: 'client_credentials', ...form }, headers })
  const resource = 'https://other.example.test'
  expect(await ask({ resource }, { authorization })).toMatchObject({ error: 'invalid_target' })
  expect(await ask({}, { Authorization: [authorization, authorization] })).toMatchObject({ error: 'invalid_request' })
  expect(await ask({ client_secret: secret }, { authorization })).toMatchObject({ error: 'invalid_request' })
  for (const dpop of ['a.b.c', '', ['a.b.c', 'a.b.c']])
    expect(await ask({}, { authorization, dpop })).toMatchObject({ error: 'invalid_dpop_proof' })
  expect(await ask({}, { authorization })).toMatchObject({ token_type: 'Bearer' })
})

test('no unexpected error happened on the way', () => {
  expect(auth.errors).toEqual([])
})
