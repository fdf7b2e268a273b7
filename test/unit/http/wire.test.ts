import { describe, expect, test } from 'vitest'
import { addressKeyOf, isLocal } from '../../../src/http/address.ts'
import { isOrigin } from '../../../src/http/cors.ts'
import { assertPreflighted } from '../../../src/http/csrf.ts'
import { syntaxText, withoutSuggestion } from '../../../src/http/error-text.ts'
import { securityHeaders } from '../../../src/http/headers.ts'
import { assertDocumentLength } from '../../../src/http/limits.ts'
import { quotaHeaders } from '../../../src/http/rate-limit.ts'
import { REQUEST_CODES } from '../../../src/http/request-codes.ts'
import { refused, unauthenticated } from '../../../src/http/request-error.ts'
import { requestIdOf } from '../../../src/http/request-id.ts'
import { assertVariables } from '../../../src/http/variables.ts'

const from = (remoteAddress: string, forwarded?: string) => ({
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  socket: { remoteAddress },
})

describe('the address that is counted', () => {
  test.each([
    ['198.51.100.7', undefined, 0, '198.51.100.7'],
    ['::ffff:198.51.100.7', undefined, 0, '198.51.100.7'],
    ['10.0.0.1', '203.0.113.9', 0, '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9', 1, '203.0.113.9'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.9', 1, '203.0.113.9'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.9, 10.0.0.2', 2, '203.0.113.9'],
    ['10.0.0.1', 'nonsense', 1, '10.0.0.1'],
    ['10.0.0.1', undefined, 1, '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', undefined, 0, '32.1.13.184.0.1.0.2'],
    ['2001:db8:1:2:ffff::1', undefined, 0, '32.1.13.184.0.1.0.2'],
  ])('socket %s, forwarded %s, %i proxies: %s', (socket, forwarded, proxies, key) => {
    expect(addressKeyOf(from(socket, forwarded), proxies)).toBe(key)
  })

  test('is this machine only without a proxy', () => {
    expect([from('127.0.0.1'), from('::1'), from('127.0.0.1', '127.0.0.1'), from('10.0.0.1')].map(isLocal)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})

test.each([
  ['abcd1234', 'abcd1234'],
  ['a'.repeat(64), 'a'.repeat(64)],
  ['short', 'new'],
  ['a'.repeat(65), 'new'],
  ['jane doe 1', 'new'],
  ['line\nbreak', 'new'],
  [null, 'new'],
])('the request id %j becomes %j', (sent, id) => {
  expect(requestIdOf(sent, () => 'new')).toBe(id)
})

test.each([
  ['https://app.example', true],
  ['http://localhost:3000', true],
  ['https://app.example:443', false],
  ['https://APP.example', false],
  ['https://app.example/path', false],
  ['*', false],
  ['', false],
])('the origin %s is exact: %s', (origin, exact) => {
  expect(isOrigin(origin)).toBe(exact)
})

test.each([
  ['application/json', null, true],
  ['application/json; charset=utf-8', null, true],
  ['application/jsonx', null, false],
  ['text/plain;application/json', null, false],
  [null, '1', true],
  ['text/plain', '1', true],
  [null, '', false],
])('the type %s with the header %s is preflighted: %s', (type, header, passes) => {
  const headers = new Headers()
  if (type !== null) headers.set('content-type', type)
  if (header !== null) headers.set('x-graphql-csrf', header)
  if (passes) assertPreflighted(headers)
  else expect(() => assertPreflighted(headers)).toThrow(REQUEST_CODES.CSRF_HEADER_REQUIRED.message)
})

test('HSTS is sent only for https', () => {
  expect(securityHeaders('https://api.example')).toHaveProperty('Strict-Transport-Security')
  expect(securityHeaders('http://localhost:4000')).not.toHaveProperty('Strict-Transport-Security')
})

test('quota headers follow the draft', () => {
  const quota = { limiter: 'caller', limit: 600, remaining: -1, resetSeconds: 7, exceeded: true } as const
  expect(quotaHeaders(quota)).toEqual({
    'RateLimit-Policy': '"caller";q=600;w=60',
    RateLimit: '"caller";r=0;t=7',
    'Retry-After': '7',
  })
})

test('every code has a sentence, and those to retry are these', () => {
  const entries = Object.entries(REQUEST_CODES)
  expect(entries.length).toBe(24)
  for (const [code, { message }] of entries) {
    expect(code).toMatch(/^[A-Z_]+$/)
    expect(message.length).toBeGreaterThan(10)
  }
  expect(entries.filter(([, { retry }]) => retry).map(([code]) => code)).toEqual([
    'IDEMPOTENCY_KEY_IN_PROGRESS',
    'RATE_LIMITED',
    'TOO_MANY_STREAMS',
    'ISSUER_UNAVAILABLE',
    'INTERNAL',
  ])
})

test('a refusal carries its code, status and typed details', () => {
  expect(refused('LIMIT_EXCEEDED', 'text', { limit: 'depth', maximum: 12 }).extensions).toEqual({
    code: 'LIMIT_EXCEEDED',
    limit: 'depth',
    maximum: 12,
    http: { status: 400 },
  })
  expect(refused('FORBIDDEN').extensions).toEqual({ code: 'FORBIDDEN' })
  expect(unauthenticated().extensions).toEqual({
    code: 'UNAUTHENTICATED',
    http: { status: 401, headers: { 'WWW-Authenticate': 'Bearer, DPoP algs="ES256 ES384 EdDSA Ed25519 RS256 PS256"' } },
  })
})

test('suggestions and found text are cut', () => {
  expect(withoutSuggestion('Cannot query field "a". Did you mean "b" or "c"?')).toBe('Cannot query field "a".')
  expect(syntaxText('Syntax Error: Expected ":", found String "jane".')).toBe(
    'Syntax error: expected ":", found String.',
  )
  expect(syntaxText('Syntax Error: Unexpected character: "ä".')).toBe('The document has a syntax error.')
})

test('lengths are inclusive and bytes are UTF-8', () => {
  const limits = { documentBytes: 10, tokens: 3 }
  expect(() => assertDocumentLength('{ a }', limits)).not.toThrow()
  expect(() => assertDocumentLength('{ a b }', limits)).toThrow('The limit tokens allows 3 at most.')
  expect(() => assertDocumentLength('#äääää', limits)).toThrow('The limit documentBytes allows 10 at most.')
})

test('variables stop at the first excess, at any depth', () => {
  let deep: unknown = 1
  for (let level = 0; level < 100_000; level += 1) deep = [deep]
  const limits = { variablesBytes: 100, variablesDepth: 3 }
  expect(() => assertVariables({ a: deep }, limits)).toThrow('variablesDepth')
  expect(() => assertVariables({ a: [[1]] }, limits)).not.toThrow()
  expect(() => assertVariables({ a: 'x'.repeat(100) }, limits)).toThrow('variablesBytes')
})
