import { expect, test } from 'vitest'
import { BadTokenError } from '../../../src/auth/bad-token.ts'
import {
  type CallerHeaders,
  callerHeadersOf,
  callerHeadersOfFetch,
  presentedTokenOf,
} from '../../../src/auth/caller-headers.ts'

const headers = (change: Partial<CallerHeaders> = {}): CallerHeaders => ({
  authorization: [],
  dpop: [],
  accountId: [],
  tokenInQuery: false,
  method: 'GET',
  path: '/graphql',
  address: null,
  ...change,
})

const refusalOf = (change: Partial<CallerHeaders>) => {
  try {
    return presentedTokenOf(headers(change))
  } catch (error) {
    return error instanceof BadTokenError ? `${error.status} ${error.scheme} ${error.reason}` : error
  }
}

test('no Authorization header is no token', () => {
  expect(presentedTokenOf(headers())).toBeNull()
})

test('the scheme is read in any case', () => {
  const read = (authorization: string) => presentedTokenOf(headers({ authorization: [authorization] }))
  expect(read('Bearer a.b.c')).toEqual({ scheme: 'Bearer', token: 'a.b.c' })
  expect(read('bEARER a.b.c')).toEqual({ scheme: 'Bearer', token: 'a.b.c' })
  expect(read('DPoP a.b.c')).toEqual({ scheme: 'DPoP', token: 'a.b.c' })
  expect(read('dpop  a.b.c')).toEqual({ scheme: 'DPoP', token: 'a.b.c' })
})

test('credentials presented in any other way are refused, never overlooked', () => {
  expect([
    refusalOf({ authorization: ['Bearer a', 'Bearer a'] }),
    refusalOf({ authorization: ['Bearer a'], tokenInQuery: true }),
    refusalOf({ tokenInQuery: true }),
    refusalOf({ authorization: [''] }),
    refusalOf({ authorization: ['Basic dTpw'] }),
    refusalOf({ authorization: ['DPoPtoken'] }),
    refusalOf({ authorization: ['Bearer a', 'DPoP a'] }),
    refusalOf({ authorization: ['DPoP'] }),
    refusalOf({ authorization: ['DPoP a b'] }),
    refusalOf({ authorization: ['Bearertoken'] }),
    refusalOf({ authorization: ['Bearer'] }),
    refusalOf({ authorization: ['Bearer '] }),
    refusalOf({ authorization: ['Bearer a b'] }),
    refusalOf({ authorization: ['Bearer a,b'] }),
    refusalOf({ authorization: ['Bearer "a"'] }),
    refusalOf({ authorization: ['Bearer ä'] }),
  ]).toEqual([
    '400 Bearer several_tokens',
    '400 Bearer token_in_query',
    '400 Bearer token_in_query',
    '401 Bearer unknown_scheme',
    '401 Bearer unknown_scheme',
    '401 Bearer unknown_scheme',
    '400 Bearer several_tokens',
    '401 DPoP malformed',
    '401 DPoP malformed',
    '401 Bearer unknown_scheme',
    '401 Bearer malformed',
    '401 Bearer malformed',
    '401 Bearer malformed',
    '401 Bearer malformed',
    '401 Bearer malformed',
    '401 Bearer malformed',
  ])
})

test('repeated headers and a token in the query are seen in requests of node:http', () => {
  const read = callerHeadersOf({
    url: '/graphql?a=1&access%5Ftoken=x',
    method: 'POST',
    headersDistinct: { authorization: ['Bearer a', 'Bearer b'], dpop: ['p', 'q'], 'x-account-id': ['1', '2'] },
  })
  expect(read).toEqual({
    authorization: ['Bearer a', 'Bearer b'],
    dpop: ['p', 'q'],
    accountId: ['1', '2'],
    tokenInQuery: true,
    method: 'POST',
    path: '/graphql',
    address: null,
  })
  expect(callerHeadersOf({ url: '//', headersDistinct: {} })).toEqual(headers({ path: '//' }))
})

test('a path is the whole that was addressed, also where a route cut its prefix off', () => {
  const request = { url: '/a/b/result?x', originalUrl: '/jobs/a/b/result?access_token=x', headersDistinct: {} }
  expect(callerHeadersOf(request)).toEqual(headers({ path: '/jobs/a/b/result', tokenInQuery: true }))
})

test('repeated headers and a token in the query are seen in requests of fetch', () => {
  const request = new Request('https://privacy.example.test/graphql?Access_Token=x')
  request.headers.append('authorization', 'Bearer a')
  request.headers.append('authorization', 'Bearer b')
  request.headers.append('dpop', 'p')
  request.headers.append('dpop', 'q')
  expect(callerHeadersOfFetch(request, '192.0.2.1')).toEqual({
    authorization: ['Bearer a', 'Bearer b'],
    dpop: ['p', 'q'],
    accountId: [],
    tokenInQuery: true,
    method: 'GET',
    path: '/graphql',
    address: '192.0.2.1',
  })
})
