import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { IssuerUnavailableError } from '../../../src/auth/bad-token.ts'
import { createTokenVerifier, trustRemote } from '../../../src/auth/token-verifier.ts'
import { AUDIENCE, claims, ec, forge, header, ISSUER, NOW, otherEc, token } from './token-forge.ts'

const jwk = (key: typeof ec, kid: string) => ({ ...key.publicKey.export({ format: 'jwk' }), kid })

/** A verifier over a real key server whose answer can be changed, with a clock that is moved by hand. */
async function issuerOverHttp(answer: { body: string; status?: number }) {
  let fetches = 0
  const listener: RequestListener = (_request, response) => {
    fetches++
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', location: '/elsewhere' })
    response.end(answer.body)
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  let seconds = NOW
  const clock = { now: () => new Date(seconds * 1000) }
  const { port } = server.address() as AddressInfo
  const entry = {
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUri: `http://127.0.0.1:${port}/keys`,
    algorithms: ['ES256' as const],
    principals: ['SUBJECT' as const],
    scopes: 'token' as const,
    verifiesEmail: false,
    tokenAgeSecondsMax: 3600,
  }
  const verifier = createTokenVerifier({ issuers: [trustRemote(entry, clock, fetch)], clock })
  return {
    verify: (text: string) =>
      verifier.verify(text).then(
        () => 'good',
        (error: Error & { reason?: string }) => error.reason ?? error,
      ),
    advance: (by: number) => {
      seconds += by
    },
    fetches: () => fetches,
  }
}

const keySet = (...keys: object[]) => JSON.stringify({ keys })

test('500 unknown key ids cause one fetch in 30 seconds', async () => {
  const issuer = await issuerOverHttp({ body: keySet(jwk(ec, 'ec-1')) })
  expect(await issuer.verify(token())).toBe('good')
  const unknown = Array.from({ length: 500 }, (_, index) => issuer.verify(token({ kid: `unknown-${index}` })))
  expect(new Set(await Promise.all(unknown))).toEqual(new Set(['key']))
  expect(issuer.fetches()).toBe(1)
  issuer.advance(29)
  for (let index = 0; index < 500; index++) await issuer.verify(token({ kid: `again-${index}` }))
  expect(issuer.fetches()).toBe(1)
  issuer.advance(2)
  await Promise.all(Array.from({ length: 500 }, (_, index) => issuer.verify(token({ kid: `later-${index}` }))))
  expect(issuer.fetches()).toBe(2)
})

test('a new key of the issuer is found once the cooldown is over', async () => {
  const answer = { body: keySet(jwk(ec, 'ec-1')) }
  const issuer = await issuerOverHttp(answer)
  const fresh = forge(header({ kid: 'ec-2' }), claims(), otherEc.privateKey)
  expect(await issuer.verify(token())).toBe('good')
  answer.body = keySet(jwk(ec, 'ec-1'), jwk(otherEc, 'ec-2'))
  expect(await issuer.verify(fresh)).toBe('key')
  issuer.advance(30)
  expect(await issuer.verify(fresh)).toBe('good')
})

test('a key that the issuer withdraws is refused after ten minutes', async () => {
  const answer = { body: keySet(jwk(ec, 'ec-1')) }
  const issuer = await issuerOverHttp(answer)
  const long = token({}, { exp: NOW + 3000 })
  expect(await issuer.verify(long)).toBe('good')
  answer.body = keySet(jwk(otherEc, 'ec-2'))
  issuer.advance(601)
  expect(await issuer.verify(long)).toBe('key')
})

test('while the issuer fails its keys are used for an hour, and it is asked once in 30 seconds', async () => {
  const answer = { body: keySet(jwk(ec, 'ec-1')), status: 200 }
  const issuer = await issuerOverHttp(answer)
  const at = (later: number) => token({}, { iat: NOW + later, exp: NOW + later + 600 })
  expect(await issuer.verify(token())).toBe('good')
  answer.status = 503
  issuer.advance(601)
  expect(await Promise.all([at(601), at(601), at(601)].map(issuer.verify))).toEqual(['good', 'good', 'good'])
  expect(issuer.fetches()).toBe(2)
  issuer.advance(3000)
  expect(await issuer.verify(at(3601))).toBeInstanceOf(IssuerUnavailableError)
})

test('an issuer without usable keys is unavailable, not a reason to believe or to blame the token', async () => {
  const answers = [
    { body: 'not JSON' },
    { body: '{}' },
    { body: keySet({ kty: 'oct', k: 'c2VjcmV0' }) },
    { body: keySet(jwk(ec, 'ec-1')), status: 500 },
    { body: keySet(jwk(ec, 'ec-1')), status: 302 },
  ]
  let unavailable = 0
  for (const answer of answers) {
    const issuer = await issuerOverHttp(answer)
    if ((await issuer.verify(token())) instanceof IssuerUnavailableError) unavailable++
  }
  expect({ tried: answers.length, unavailable }).toEqual({ tried: 5, unavailable: 5 })
})
