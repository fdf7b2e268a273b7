import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cleanExpiredOauthState } from '../../src/auth/oauth/oauth-state.ts'
import type { RunningServer } from '../../src/server.ts'
import { openWorld, type World } from '../kit/world.ts'
import { ANSWERED, clientOf, fromElsewhere, listenOn, newClient, PROXIED_URL, prover, QUERY } from './dpop-client.ts'
import { sendRaw } from './oauth-client.ts'

let world: World
let server: RunningServer
let client: ReturnType<typeof clientOf>
let credentials: { id: string; secret: string }
let keys: oauth.CryptoKeyPair
let token: string
let bearer: string

beforeAll(async () => {
  world = await openWorld()
  server = await listenOn(world)
  client = clientOf(server)
  credentials = await newClient(world)
  keys = await oauth.generateKeyPair('ES256')
  token = (await client.fetchToken(credentials, prover(keys, null))).access_token
  bearer = (await client.fetchToken(credentials)).access_token
})
afterAll(async () => {
  await server.stop()
  await world.close()
})

const INVALID_PROOF = '401 dpop invalid_dpop_proof'
const INVALID_TOKEN = '401 dpop invalid_token'
const changed = (claims: Record<string, unknown>) => prover(keys, world, (_, all) => Object.assign(all, claims))

test('a client that sends a proof gets a token bound to its key, and reaches the API with it', async () => {
  for (const alg of ['ES256', 'Ed25519', 'RS256', 'PS256']) {
    const own = await oauth.generateKeyPair(alg)
    const answer = await client.fetchToken(credentials, prover(own, null))
    const jkt = await prover(own, null).calculateThumbprint()
    expect([answer.token_type, decodeJwt(answer.access_token)['cnf']]).toEqual(['dpop', { jkt }])
    expect(await client.call(answer.access_token, prover(own, world))).toBe(ANSWERED)
  }
})

test('a client that sends none gets a bearer token as before', async () => {
  const answer = await client.fetchToken(credentials)
  expect([answer.token_type, decodeJwt(answer.access_token)['cnf']]).toEqual(['bearer', undefined])
  expect(await client.call(answer.access_token, null)).toBe(ANSWERED)
})

test('behind a proxy that ends TLS and cuts a prefix off, proofs name the public address', async () => {
  const proxied = await listenOn(world, PROXIED_URL)
  const outside = clientOf(proxied, PROXIED_URL)
  const { access_token } = await outside.fetchToken(credentials, prover(keys, null))
  expect(await outside.call(access_token, prover(keys, world))).toBe(ANSWERED)
  const inside = prover(keys, world, (_, claims) => Object.assign(claims, { htu: `${proxied.url}/graphql` }))
  expect(await outside.call(access_token, inside)).toBe(INVALID_PROOF)
  await proxied.stop()
})

test('a bound token is no bearer token, and a bearer token proves nothing', async () => {
  expect(await client.call(token, null)).toBe(INVALID_TOKEN)
  expect(await client.call(bearer, prover(keys, world))).toBe(INVALID_TOKEN)
  const { dpop = '' } = await client.headersFor(token, prover(keys, world))
  const response = await post({ authorization: `Bearer ${token}`, dpop })
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([
    401,
    'DPoP error="invalid_token", algs="ES256 ES384 EdDSA Ed25519 RS256 PS256"',
  ])
})

test('another key, another token, another method or address, another minute are refused', async () => {
  const other = await oauth.generateKeyPair('ES256')
  const otherToken = (await client.fetchToken(credentials, prover(keys, null))).access_token
  const ath = (await headersAth(otherToken)) ?? ''
  const now = Math.floor(world.clock.now().getTime() / 1000)
  const handles = [
    prover(other, world),
    changed({ ath }),
    changed({ htm: 'GET' }),
    changed({ htu: `${server.url}/oauth/token` }),
    changed({ htu: 'https://evil.example.test/graphql' }),
    changed({ iat: now - 61 }),
    changed({ iat: now + 61 }),
    changed({ jti: undefined }),
    changed({ ath: undefined }),
  ]
  const outcomes = await Promise.all(handles.map((handle) => client.call(token, handle)))
  expect({ tried: outcomes.length, refused: outcomes.filter((each) => each === INVALID_PROOF).length }).toEqual({
    tried: 9,
    refused: 9,
  })
  expect(await client.call(otherToken, changed({ ath }))).toBe(ANSWERED)
})

test('a proof works once, also when it is sent 20 times at once', async () => {
  const headers = await client.headersFor(token, prover(keys, world))
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(headers)))
  expect({
    tried: answers.length,
    accepted: answers.filter(({ status }) => status === 200).length,
    refused: answers.filter((answer) => answer.headers.get('www-authenticate')?.includes('invalid_dpop_proof')).length,
  }).toEqual({ tried: 20, accepted: 1, refused: 19 })
  expect((await post(headers)).status).toBe(401)
})

test('a proof that a token request used is used up, and is told so', async () => {
  const used = prover(keys, null, (_, claims) => Object.assign(claims, { jti: 'the-same' }))
  const ask = () =>
    client.fetchToken(credentials, used).then(
      () => 'token',
      (error: unknown) => (error instanceof oauth.ResponseBodyError ? `${error.status} ${error.error}` : String(error)),
    )
  const outcomes = await Promise.all(Array.from({ length: 20 }, ask))
  expect(outcomes.filter((each) => each === 'token')).toHaveLength(1)
  expect(outcomes.filter((each) => each === '400 invalid_dpop_proof')).toHaveLength(19)
})

test('a token request with a bad proof gets no token', async () => {
  const now = Math.floor(Date.now() / 1000)
  const bad = [
    { iat: now - 90 },
    { iat: now + 90 },
    { htm: 'GET' },
    { htu: `${server.url}/graphql` },
    { htu: `${server.url}/oauth/token?a=1` },
    { jti: '' },
  ]
  const outcomes = await Promise.all(
    bad.map((claims) =>
      client
        .fetchToken(
          credentials,
          prover(keys, null, (_, all) => Object.assign(all, claims)),
        )
        .then(
          () => 'token',
          (error: { error?: string }) => error.error ?? String(error),
        ),
    ),
  )
  expect(outcomes).toEqual(bad.map(() => 'invalid_dpop_proof'))
})

test('without exactly one proof a bound token is refused, whoever reads the request', async () => {
  const [first, second] = [
    await client.headersFor(token, prover(keys, world), 'GET'),
    await client.headersFor(token, prover(keys, world), 'GET'),
  ]
  const authorization = first['authorization'] ?? ''
  const path = `/jobs/${crypto.randomUUID()}/${crypto.randomUUID()}/result`
  const url = `${server.url}/graphql?query=${encodeURIComponent(QUERY)}`
  const code = async (to: string, headers: Record<string, string | string[]>) => {
    const body = (await sendRaw(to, { headers: { ...headers, ...fromElsewhere(), 'x-graphql-csrf': '1' } })) as {
      errors?: { extensions: { code: string } }[]
    }
    return body.errors?.[0]?.extensions.code ?? 'ok'
  }
  const dpop = [first['dpop'] ?? '', second['dpop'] ?? '']
  expect([
    await code(url, { authorization }),
    await code(url, { authorization, dpop: '' }),
    await code(url, { authorization, dpop }),
    await code(server.url + path, { authorization }),
    await code(server.url + path, { authorization, dpop }),
    await code(url, { authorization, dpop: first['dpop'] ?? '' }),
  ]).toEqual([...Array(5).fill('UNAUTHENTICATED'), 'ok'])
})

test('results of jobs are fetched with a proof of their own address', async () => {
  const path = `/jobs/${crypto.randomUUID()}/${crypto.randomUUID()}/result`
  expect(await client.call(token, prover(keys, world), path)).toMatch(/^404 .*"NOT_FOUND"/)
  expect(await client.call(token, changed({ htu: `${server.url}/graphql` }), path)).toBe(INVALID_PROOF)
  expect(await client.call(token, changed({ htu: server.url + path.slice('/jobs'.length) }), path)).toBe(INVALID_PROOF)
  expect(await client.call(token, null, path)).toBe(INVALID_TOKEN)
})

test('introspection tells the key, and revocation ends a bound token', async () => {
  const { access_token } = await client.fetchToken(credentials, prover(keys, null))
  const [as, how] = [{ client_id: credentials.id }, oauth.ClientSecretBasic(credentials.secret)]
  const ask = async () => {
    const response = await oauth.introspectionRequest(client.as, as, how, access_token, client.http)
    return oauth.processIntrospectionResponse(client.as, as, response)
  }
  const cnf = { jkt: await prover(keys, null).calculateThumbprint() }
  expect(await ask()).toMatchObject({ active: true, token_type: 'DPoP', cnf })
  await oauth.revocationRequest(client.as, as, how, access_token, client.http)
  expect(await ask()).toEqual({ active: false })
  expect(await client.call(access_token, prover(keys, world))).toBe(INVALID_TOKEN)
})

test('used proofs are kept without their content, and only until they would be too old', async () => {
  const { db } = world.resources
  const rows = () => db.auth((tx) => tx.oauthState.findMany({ where: { kind: 'DPoP' } }))
  const now = world.clock.now()
  const kept = (await rows()).filter(({ expiresAt }) => expiresAt && expiresAt <= new Date(now.getTime() + 125_000))
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.every(({ id, payload }) => /^[\w-]{43}$/.test(id) && JSON.stringify(payload) === '{}')).toBe(true)
  await cleanExpiredOauthState(db, new Date(now.getTime() + 190_000))
  const ids = new Set((await rows()).map(({ id }) => id))
  expect(kept.filter(({ id }) => ids.has(id))).toEqual([])
})

function post(headers: Record<string, string>): Promise<Response> {
  const body = JSON.stringify({ query: QUERY })
  return fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { ...headers, ...fromElsewhere(), 'content-type': 'application/json' },
    body,
  })
}

/** The hash of a token as the independent library makes it. */
async function headersAth(of: string): Promise<unknown> {
  const { dpop = '' } = await client.headersFor(of, prover(keys, world))
  return decodeJwt(dpop)['ath']
}
