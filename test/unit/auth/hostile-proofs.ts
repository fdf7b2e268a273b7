import { generateKeyPairSync } from 'node:crypto'
import { hashOf, proof, proofClaims, proofHeader, publicJwk, TOKEN, URL_OF_API } from './proof-forge.ts'
import { base64url, ec, forge, forgeHmac, forgeRsa, NOW, otherEc, type Parts, rsa } from './token-forge.ts'

type Hostile = readonly [name: string, headers: readonly string[]]

const without = (parts: Parts, name: string) =>
  Object.fromEntries(Object.entries(parts).filter(([key]) => key !== name))

const one = (cases: readonly (readonly [name: string, proof: string])[]): Hostile[] =>
  cases.map(([name, each]) => [name, [each]])

/** `DPoP` headers that must all be refused beside the access token `TOKEN`, with what is wrong with each. */
export function hostileProofs(): Hostile[] {
  return [
    ['no header', []],
    ['two headers', [proof(), proof({}, { jti: 'proof-2' })]],
    ['the same header twice', [proof(), proof()]],
    ...one([...encodings(), ...headers(), ...keys(), ...claims(), ...requests(), ...times()]),
  ]
}

function encodings(): [string, string][] {
  const good = proof()
  const [head = '', body = '', signature = ''] = good.split('.')
  const headText = JSON.stringify(proofHeader())
  const bodyText = JSON.stringify(proofClaims())
  return [
    ['an empty header', ''],
    ['no JWT', 'garbage'],
    ['no signature', `${head}.${body}.`],
    ['two proofs joined', `${good}, ${good}`],
    ['padding', `${good}==`],
    ['white space behind', `${good} `],
    ['plain base64', `${head}.${body}.+/${signature.slice(2)}`],
    ['the JSON serialization', JSON.stringify({ protected: head, payload: body, signature })],
    ['too large', proof({}, { padding: 'x'.repeat(8192) })],
    ['htu twice', forge(headText, bodyText.replace('{', '{"htu":"https://evil.example.test/",'))],
    ['jwk twice', forge(headText.replace('{', '{"jwk":{},'), bodyText)],
    ['payload a list', forge(headText, '[]')],
    ['the access token itself', TOKEN],
  ]
}

function headers(): [string, string][] {
  const pem = ec.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  return [
    ['typ missing', forge(without(proofHeader(), 'typ'), proofClaims())],
    ['typ JWT', proof({ typ: 'JWT' })],
    ['typ at+jwt', proof({ typ: 'at+jwt' })],
    ['typ in capitals', proof({ typ: 'DPOP+JWT' })],
    ['alg none', `${base64url(JSON.stringify(proofHeader({ alg: 'none' })))}.${base64url('{}')}.`],
    ['alg none, signed', proof({ alg: 'none' })],
    ['alg missing', forge(without(proofHeader(), 'alg'), proofClaims())],
    ['alg HS256 with the public key', forgeHmac(proofHeader({ alg: 'HS256' }), proofClaims(), pem)],
    [
      'alg HS256 with a key of its own',
      forgeHmac(proofHeader({ alg: 'HS256', jwk: { kty: 'oct', k: 'c2VjcmV0' } }), proofClaims(), 'secret'),
    ],
    ['alg ES384 said, ES256 made', proof({ alg: 'ES384' })],
    ['alg RS256 said, ES256 made', proof({ alg: 'RS256' })],
    [
      'alg PS256 said, RS256 made',
      forgeRsa(proofHeader({ alg: 'PS256', jwk: publicJwk(rsa.publicKey) }), proofClaims()),
    ],
    ['crit', proof({ crit: ['exp'], exp: NOW + 60 })],
    ['crit empty', proof({ crit: [] })],
    ['b64 false', proof({ b64: false, crit: ['b64'] })],
    ['jku', proof({ jku: 'https://evil.example.test/keys' })],
    ['x5c', proof({ x5c: ['MIIB'] })],
  ]
}

function keys(): [string, string][] {
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const own = publicJwk(ec.publicKey)
  return [
    ['jwk missing', forge(without(proofHeader(), 'jwk'), proofClaims())],
    ['jwk a text', proof({ jwk: JSON.stringify(own) })],
    ['jwk empty', proof({ jwk: {} })],
    ['jwk with its private part', proof({ jwk: publicJwk(ec.privateKey) })],
    ['jwk with an empty private part', proof({ jwk: { ...own, d: '' } })],
    ['jwk of an RSA key with its private part', proof({ jwk: publicJwk(rsa.privateKey), alg: 'RS256' })],
    ['jwk with a symmetric part', proof({ jwk: { ...own, k: 'c2VjcmV0' } })],
    ['jwk symmetric', proof({ jwk: { kty: 'oct', k: 'c2VjcmV0' } })],
    ['jwk with a certificate', proof({ jwk: { ...own, x5c: ['MIIB'] } })],
    ['jwk off the curve', proof({ jwk: { ...own, x: own['y'] } })],
    ['jwk of another curve', proof({ jwk: publicJwk(p384.publicKey) }, {}, p384.privateKey)],
    ['jwk too short', proof({ jwk: publicJwk(short.publicKey), alg: 'RS256' })],
    ['jwk for another algorithm', proof({ jwk: { ...own, alg: 'ES384' } })],
    ['jwk for encryption', proof({ jwk: { ...own, use: 'enc' } })],
    ["signed with another's key", proof({}, {}, otherEc.privateKey)],
    ["another's key beside a good signature", proof({ jwk: publicJwk(otherEc.publicKey) })],
  ]
}

function claims(): [string, string][] {
  const required = ['jti', 'htm', 'htu', 'iat', 'ath']
  return [
    ...required.map((name): [string, string] => [
      `${name} missing`,
      forge(proofHeader(), without(proofClaims(), name)),
    ]),
    ...required.map((name): [string, string] => [`${name} null`, proof({}, { [name]: null })]),
    ['jti empty', proof({}, { jti: '' })],
    ['jti a number', proof({}, { jti: 1 })],
    ['jti very long', proof({}, { jti: 'x'.repeat(256) })],
    ['ath of another token', proof({}, { ath: hashOf('another.access.token') })],
    ['ath padded', proof({}, { ath: `${hashOf(TOKEN)}=` })],
    ['ath the token itself', proof({}, { ath: TOKEN })],
    ['ath empty', proof({}, { ath: '' })],
  ]
}

function requests(): [string, string][] {
  const htus = [
    'https://evil.example.test/graphql',
    'https://privacy.example.test/oauth/token',
    'https://privacy.example.test/graphql/',
    'https://privacy.example.test/GraphQL',
    'https://privacy.example.test',
    'https://privacy.example.test:8443/graphql',
    'http://privacy.example.test/graphql',
    `${URL_OF_API}?access_token=x`,
    `${URL_OF_API}?`,
    `${URL_OF_API}#fragment`,
    ` ${URL_OF_API}`,
    'https://privacy.example.test/gra\tphql',
    'https:\\\\privacy.example.test\\graphql',
    'https://user@privacy.example.test/graphql',
    'https://privacy.example.test@evil.example.test/graphql',
    '/graphql',
    '',
  ]
  return [
    ...['GET', 'post', 'POST ', '', ['POST']].map((htm): [string, string] => [
      `htm ${JSON.stringify(htm)}`,
      proof({}, { htm }),
    ]),
    ...htus.map((htu): [string, string] => [`htu ${JSON.stringify(htu)}`, proof({}, { htu })]),
    ['htu a list', proof({}, { htu: [URL_OF_API] })],
  ]
}

function times(): [string, string][] {
  return [
    ['61 seconds old', proof({}, { iat: NOW - 61 })],
    ['an hour old', proof({}, { iat: NOW - 3600 })],
    ['61 seconds ahead', proof({}, { iat: NOW + 61 })],
    ['iat in milliseconds', proof({}, { iat: NOW * 1000 })],
    ['iat a text', proof({}, { iat: String(NOW) })],
    ['iat beyond all numbers', forge(proofHeader(), JSON.stringify(proofClaims()).replace(`${NOW}`, '1e999'))],
    ['exp has passed', proof({}, { exp: NOW - 1 })],
    ['nbf not yet reached', proof({}, { nbf: NOW + 10 })],
  ]
}
