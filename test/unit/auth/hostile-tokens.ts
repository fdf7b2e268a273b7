import {
  base64url,
  claims,
  ec,
  forge,
  forgeHmac,
  forgeRsa,
  header,
  ISSUER,
  NOW,
  otherEc,
  type Parts,
  RSA_ISSUER,
  rsa,
  token,
} from './token-forge.ts'

type Hostile = readonly [name: string, token: string]

const without = (parts: Parts, name: string) =>
  Object.fromEntries(Object.entries(parts).filter(([key]) => key !== name))

/** Tokens that must all be refused, with what is wrong with each. */
export function hostileTokens(): Hostile[] {
  return [...algorithms(), ...headers(), ...claimValues(), ...times(), ...encodings(), ...json()]
}

function algorithms(): Hostile[] {
  const pem = ec.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const der = ec.publicKey.export({ format: 'der', type: 'spki' })
  const rsaPem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const jwk = JSON.stringify(ec.publicKey.export({ format: 'jwk' }))
  const hs = header({ alg: 'HS256' })
  const unsigned = (alg: string) =>
    `${base64url(JSON.stringify(header({ alg })))}.${base64url(JSON.stringify(claims()))}`
  return [
    ['alg none, no signature', `${unsigned('none')}.`],
    ['alg none, signed', token({ alg: 'none' })],
    ['alg None', `${unsigned('None')}.AAAA`],
    ['alg NONE', `${unsigned('NONE')}.AAAA`],
    ['alg empty', token({ alg: '' })],
    ['alg missing', forge(without(header(), 'alg'), claims())],
    ['alg a list', token({ alg: ['ES256'] })],
    ['alg lower case', token({ alg: 'es256' })],
    ['HS256 with the public key as PEM', forgeHmac(hs, claims(), pem)],
    ['HS256 with the public key as DER', forgeHmac(hs, claims(), der)],
    ['HS256 with the public key as JWK', forgeHmac(hs, claims(), jwk)],
    ['HS256 with an empty secret', forgeHmac(hs, claims(), '')],
    ['HS256 with the RSA public key', forgeHmac({ ...hs, kid: 'rsa-1' }, claims({ iss: RSA_ISSUER }), rsaPem)],
    ['ES256 said, HMAC made', forgeHmac(header(), claims(), pem)],
    ['RS256 at an issuer of ES256', forgeRsa(header({ alg: 'RS256' }), claims())],
    ['ES256 said, RSA made', forgeRsa(header({ alg: 'ES256', kid: 'rsa-1' }), claims({ iss: RSA_ISSUER }))],
    ['RS256 said, EC made', forge(header({ alg: 'RS256', kid: 'rsa-1' }), claims({ iss: RSA_ISSUER }))],
    ['RS512 said, RS256 made', forgeRsa(header({ alg: 'RS512', kid: 'rsa-1' }), claims({ iss: RSA_ISSUER }))],
    ['PS256 said, RS256 made', forgeRsa(header({ alg: 'PS256', kid: 'rsa-1' }), claims({ iss: RSA_ISSUER }))],
    ['ES384 said, ES256 made', token({ alg: 'ES384' })],
    ['EdDSA said, ES256 made', token({ alg: 'EdDSA' })],
    ["signed with another's key", forge(header(), claims(), otherEc.privateKey)],
    ['signature of zeros', `${token().split('.').slice(0, 2).join('.')}.${base64url(new Uint8Array(64))}`],
    ['signature cut short', `${token().split('.').slice(0, 2).join('.')}.${base64url(new Uint8Array(32))}`],
    [
      'signature of another token',
      [...token().split('.').slice(0, 2), token({}, { sub: 'x' }).split('.')[2]].join('.'),
    ],
  ]
}

function headers(): Hostile[] {
  const jwk = otherEc.publicKey.export({ format: 'jwk' })
  const own = (change: Parts) => forge(header(change), claims(), otherEc.privateKey)
  return [
    ['brings its own key in jwk', own({ jwk })],
    ['brings its own key in jwk, no kid', own({ jwk, kid: undefined })],
    ['names its own keys in jku', own({ jku: 'https://evil.example.test/keys' })],
    ['names its own certificate in x5u', own({ x5u: 'https://evil.example.test/cert' })],
    ['brings its own certificate in x5c', own({ x5c: ['MIIB'] })],
    ['a good signature beside a jwk', token({ jwk })],
    ['a good signature beside a jku', token({ jku: 'https://id.example.test/keys' })],
    ['crit empty', token({ crit: [] })],
    ['crit naming exp', token({ crit: ['exp'], exp: NOW + 60 })],
    ['crit naming b64', token({ crit: ['b64'], b64: false })],
    ['b64 true', token({ b64: true })],
    ['zip', token({ zip: 'DEF' })],
    ['an encrypted token', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwidHlwIjoiYXQrand0In0..AAAA.AAAA.AAAA'],
    ['typ JWT', token({ typ: 'JWT' })],
    ['typ id_token', token({ typ: 'id_token' })],
    ['typ logout+jwt', token({ typ: 'logout+jwt' })],
    ['typ dpop+jwt', token({ typ: 'dpop+jwt' })],
    ['typ client-authentication+jwt', token({ typ: 'client-authentication+jwt' })],
    ['typ with a suffix', token({ typ: 'at+jwt; v=2' })],
    ['typ with a space', token({ typ: ' at+jwt' })],
    ['typ a number', token({ typ: 1 })],
    ['typ missing', forge(without(header(), 'typ'), claims())],
    ['cty JWT', token({ cty: 'JWT' })],
    ['kid unknown', token({ kid: 'ec-2' })],
    ['kid a path', token({ kid: '../../../../dev/null' })],
    ['kid a statement', token({ kid: "ec-1' or '1'='1" })],
    ['kid a number', token({ kid: 1 })],
    ['kid an object', token({ kid: {} })],
    ['kid very long', token({ kid: 'x'.repeat(256) })],
    ["kid of another issuer's key", token({ kid: 'rsa-1' })],
  ]
}

function claimValues(): Hostile[] {
  const required = ['iss', 'aud', 'sub', 'client_id', 'jti', 'iat', 'exp']
  return [
    ...required.map((name): Hostile => [`${name} missing`, forge(header(), without(claims(), name))]),
    ...required.map((name): Hostile => [`${name} null`, token({}, { [name]: null })]),
    ['iss unknown', token({}, { iss: 'https://evil.example.test' })],
    ['iss with a slash more', token({}, { iss: `${ISSUER}/` })],
    ['iss in capitals', token({}, { iss: ISSUER.toUpperCase() })],
    ['iss a list', token({}, { iss: [ISSUER] })],
    ['iss of another trusted issuer', token({}, { iss: RSA_ISSUER })],
    ['iss __proto__', token({}, { iss: '__proto__' })],
    ['aud of another', token({}, { aud: 'https://other.example.test' })],
    ['aud with a slash more', token({}, { aud: 'https://privacy.example.test/graphql/' })],
    ['aud an empty list', token({}, { aud: [] })],
    ['aud an object', token({}, { aud: { 0: 'https://privacy.example.test/graphql' } })],
    ['sub empty', token({}, { sub: '' })],
    ['sub white space', token({}, { sub: ' \t' })],
    ['sub a number', token({}, { sub: 1 })],
    ['sub a list', token({}, { sub: ['user-1'] })],
    ['sub an object', token({}, { sub: {} })],
    ['sub very long', token({}, { sub: 'x'.repeat(256) })],
    ['client_id empty', token({}, { client_id: '' })],
    ['client_id a list', token({}, { client_id: ['dashboard'] })],
    ['jti empty', token({}, { jti: '' })],
    ['jti a number', token({}, { jti: 7 })],
    ['scope a list', token({}, { scope: ['usage:read'] })],
    ['bound to a key it does not prove', token({}, { cnf: { jkt: 'abc' } })],
    ['bound to a certificate it does not prove', token({}, { cnf: { 'x5t#S256': 'abc' } })],
  ]
}

function times(): Hostile[] {
  return [
    ['expired', token({}, { iat: NOW - 700, exp: NOW - 100 })],
    ['expired this second but for the tolerance', token({}, { exp: NOW - 5 })],
    ['exp a text', token({}, { exp: String(NOW + 590) })],
    ['exp 0', token({}, { exp: 0 })],
    ['exp beyond all numbers', forge(header(), JSON.stringify(claims()).replace(`"exp":${NOW + 590}`, '"exp":1e999'))],
    ['iat in the future', token({}, { iat: NOW + 60, exp: NOW + 600 })],
    ['iat a text', token({}, { iat: String(NOW) })],
    ['iat negative', token({}, { iat: -1 })],
    ['iat too long ago', token({}, { iat: NOW - 3606, exp: NOW + 60 })],
    ['lives longer than a day', token({}, { iat: NOW - 10, exp: NOW + 86_391 })],
    ['ends before it begins', token({}, { iat: NOW + 4, exp: NOW + 4 })],
    ['nbf in the future', token({}, { nbf: NOW + 60 })],
    ['nbf a text', token({}, { nbf: '0' })],
  ]
}

function encodings(): Hostile[] {
  const good = token()
  const [head = '', body = '', signature = ''] = good.split('.')
  const last = signature.at(-1) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const sameBytes = alphabet[alphabet.indexOf(last) ^ 1]
  return [
    ['nothing', ''],
    ['dots', '..'],
    ['one part', head],
    ['two parts', `${head}.${body}`],
    ['four parts', `${good}.AAAA`],
    ['five parts', `${good}.AAAA.AAAA`],
    ['a dot before', `.${good}`],
    ['a dot behind', `${good}.`],
    ['padding', `${good}==`],
    ['padding in the payload', `${head}.${body}=.${signature}`],
    ['a newline behind', `${good}\n`],
    ['a newline within', `${head}.\n${body}.${signature}`],
    ['a space behind', `${good} `],
    ['a tab within', `${head}\t.${body}.${signature}`],
    ['a null behind', `${good}\0`],
    ['a character outside base64url', `${head}.${body}.*${signature.slice(1)}`],
    ['plain base64', `${head}.${body}.+/${signature.slice(2)}`],
    ['other unused bits, same bytes', `${head}.${body}.${signature.slice(0, -1)}${sameBytes}`],
    ['a part of impossible length', `${head}.${body}.${signature}AAA`],
    ['too large', token({}, { padding: 'x'.repeat(8192) })],
    ['the JSON serialization', JSON.stringify({ protected: head, payload: body, signature })],
  ]
}

function json(): Hostile[] {
  const head = JSON.stringify(header())
  const body = JSON.stringify(claims())
  const bom = '\uFEFF'
  return [
    ['sub twice', forge(head, body.replace('{', '{"sub":"admin",'))],
    ['sub twice, once escaped', forge(head, body.replace('{', '{"\\u0073ub":"admin",'))],
    ['a key twice, deeper down', forge(head, body.replace('{', '{"address":{"a":1,"b":[{"c":1,"c":2}]},'))],
    ['alg twice', forge(head.replace('{', '{"alg":"none",'), body)],
    ['header a list', forge('[]', body)],
    ['header null', forge('null', body)],
    ['payload a list', forge(head, '[]')],
    ['payload a text', forge(head, '"sub"')],
    ['payload null', forge(head, 'null')],
    ['payload empty', forge(head, '{}')],
    ['payload not JSON', forge(head, `${body},`)],
    ['payload with a byte order mark', forge(head, bom + body)],
    ['payload with a trailing comma', forge(head, body.replace(/}$/, ',}'))],
    ['payload not UTF-8', forgeBytes(head, body)],
  ]
}

/** A payload whose subject holds a byte that is no UTF-8. */
function forgeBytes(head: string, body: string): string {
  const [first = '', second = ''] = body.split('user-1')
  return forge(head, Buffer.concat([Buffer.from(first), Buffer.from([0xff]), Buffer.from(second)]))
}
