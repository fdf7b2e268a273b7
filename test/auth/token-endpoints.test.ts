import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Auth, addClient, disableClient, sessionOf, startAuth } from './fixture.ts'
import { http, oauthClientOf, refusal } from './oauth-client.ts'

let auth: Auth
let client: Awaited<ReturnType<typeof oauthClientOf>>

beforeAll(async () => {
  auth = await startAuth()
  client = await oauthClientOf(auth)
})
afterAll(() => auth.stop())

test('a revoked token is refused at once, and no other', async () => {
  const { id, secret } = await addClient(auth)
  const how = oauth.ClientSecretBasic(secret)
  const [token, kept] = [await client.fetchToken(id, how), await client.fetchToken(id, how)]
  expect(await sessionOf(auth, token)).toMatchObject({ callerId: id })
  const response = await oauth.revocationRequest(client.server, { client_id: id }, how, token, http)
  expect(await oauth.processRevocationResponse(response)).toBeUndefined()
  expect(await refusal(sessionOf(auth, token))).toBe('revoked')
  expect(await sessionOf(auth, kept)).toMatchObject({ callerId: id })
  const again = await oauth.revocationRequest(client.server, { client_id: id }, how, token, http)
  expect(again.status).toBe(200)
})

test('a client cannot revoke the token of another', async () => {
  const [owner, other] = [await addClient(auth), await addClient(auth)]
  const token = await client.fetchToken(owner.id, oauth.ClientSecretBasic(owner.secret))
  const how = oauth.ClientSecretBasic(other.secret)
  const response = await oauth.revocationRequest(client.server, { client_id: other.id }, how, token, http)
  expect(response.status).toBe(400)
  expect(await sessionOf(auth, token)).toMatchObject({ callerId: owner.id })
})

test('revoking what is no token of this server changes nothing and is no error', async () => {
  const { id, secret } = await addClient(auth)
  const stored = () => auth.seed((tx) => tx.revokedToken.count())
  const before = await stored()
  const demo = await auth.demo.issue({ sub: 'someone', scope: '' })
  for (const token of ['garbage', 'a.b.c', demo, `${demo}x`]) {
    const response = await oauth.revocationRequest(
      client.server,
      { client_id: id },
      oauth.ClientSecretBasic(secret),
      token,
      http,
    )
    expect(response.status).toBe(200)
  }
  expect(await stored()).toBe(before)
})

test('introspection tells a client about its own living tokens only', async () => {
  const [owner, other] = [await addClient(auth), await addClient(auth)]
  const token = await client.fetchToken(owner.id, oauth.ClientSecretBasic(owner.secret), 'usage:read')
  const ask = async (by: typeof owner, about: string) => {
    const as = { client_id: by.id }
    const response = await oauth.introspectionRequest(
      client.server,
      as,
      oauth.ClientSecretBasic(by.secret),
      about,
      http,
    )
    return oauth.processIntrospectionResponse(client.server, as, response)
  }
  expect(await ask(owner, token)).toMatchObject({
    active: true,
    client_id: owner.id,
    scope: 'usage:read',
    token_type: 'Bearer',
  })
  expect(await ask(other, token)).toEqual({ active: false })
  expect(await ask(owner, 'garbage')).toEqual({ active: false })
  await oauth.revocationRequest(
    client.server,
    { client_id: owner.id },
    oauth.ClientSecretBasic(owner.secret),
    token,
    http,
  )
  expect(await ask(owner, token)).toEqual({ active: false })
})

test('disabling a client ends its tokens at once', async () => {
  const { id, secret } = await addClient(auth)
  const token = await client.fetchToken(id, oauth.ClientSecretBasic(secret))
  expect(await sessionOf(auth, token)).toMatchObject({ callerId: id })
  await disableClient(auth, id)
  expect(await refusal(sessionOf(auth, token))).toBe('client')
})

test('a token ends after ten minutes', async () => {
  const { id, secret } = await addClient(auth)
  const token = await client.fetchToken(id, oauth.ClientSecretBasic(secret))
  auth.clock.advance(599)
  expect(await sessionOf(auth, token)).toMatchObject({ callerId: id })
  auth.clock.advance(10)
  expect(await refusal(sessionOf(auth, token))).toBe('expired')
})

test('no unexpected error happened on the way', () => {
  expect(auth.errors).toEqual([])
})
