import { expect, test } from 'vitest'
import { parseTrustedIssuers } from '../../../src/auth/trusted-issuers.ts'

const entry = {
  issuer: 'https://id.example.test',
  audience: 'https://privacy.example.test/graphql',
  jwksUri: 'https://id.example.test/keys',
  algorithms: ['ES256'],
  principals: ['SUBJECT'],
}

const parse = (...changes: object[]) =>
  parseTrustedIssuers(JSON.stringify(changes.map((each) => ({ ...entry, ...each }))))

test('what is not said takes the narrow default', () => {
  expect(parse({})).toEqual([{ ...entry, scopes: 'token', verifiesEmail: false, tokenAgeSecondsMax: 3600 }])
})

test('no text is an empty list', () => {
  expect(parseTrustedIssuers('')).toEqual([])
  expect(parseTrustedIssuers(' \n')).toEqual([])
  expect(parseTrustedIssuers('[]')).toEqual([])
})

test('http is allowed on a loopback address', () => {
  const loopback = ['http://localhost:8080/', 'http://127.0.0.1:8080', 'http://[::1]:8080/a']
  for (const url of loopback) expect(parse({ issuer: url, jwksUri: url })).toHaveLength(1)
})

test('each wrong entry is refused', () => {
  const wrong: object[][] = [
    [{ issuer: 'http://id.example.test' }],
    [{ issuer: 'id.example.test' }],
    [{ issuer: '' }],
    [{ issuer: 'https://user:secret@id.example.test' }],
    [{ issuer: 'https://id.example.test#a' }],
    [{ jwksUri: 'http://id.example.test/keys' }],
    [{ jwksUri: 'http://localhost.example.test/keys' }],
    [{ jwksUri: 'http://127.0.0.1.example.test/keys' }],
    [{ jwksUri: 'file:///etc/keys' }],
    [{ jwksUri: 'data:application/json,{}' }],
    [{ audience: '' }],
    [{ audience: ['a'] }],
    [{ algorithms: [] }],
    [{ algorithms: ['none'] }],
    [{ algorithms: ['HS256'] }],
    [{ algorithms: ['ES256', 'HS512'] }],
    [{ algorithms: 'ES256' }],
    [{ principals: [] }],
    [{ principals: ['CLIENT'] }],
    [{ principals: ['INTEGRATION'] }],
    [{ scopes: 'all' }],
    [{ verifiesEmail: 'true' }],
    [{ tokenAgeSecondsMax: 0 }],
    [{ tokenAgeSecondsMax: 86_401 }],
    [{ unknown: true }],
    [{}, {}],
  ]
  const accepted = wrong.filter((changes) => {
    try {
      parse(...changes)
      return true
    } catch {
      return false
    }
  })
  expect({ tried: wrong.length, accepted }).toEqual({ tried: 26, accepted: [] })
})

test('a fault names the place and never the value', () => {
  expect(() => parse({}, { issuer: 'http://secret.example.test' })).toThrow(
    'TRUSTED_ISSUERS is wrong at: 1.issuer (custom)',
  )
  expect(() => parseTrustedIssuers('[{"issuer": secret')).toThrow(/^TRUSTED_ISSUERS is not JSON$/)
})
