import { expect, test } from 'vitest'
import { BadTokenError } from '../../../src/auth/bad-token.ts'
import {
  bearerTokenOf,
  type CallerHeaders,
  callerHeadersOf,
  callerHeadersOfFetch,
} from '../../../src/auth/caller-headers.ts'

const headers = (change: Partial<CallerHeaders> = {}): CallerHeaders => ({
  authorization: [],
  accountId: [],
  tokenInQuery: false,
  ...change,
})

const refusalOf = (change: Partial<CallerHeaders>) => {
  try {
    return bearerTokenOf(headers(change))
  } catch (error) {
    return error instanceof BadTokenError ? `${error.status} ${error.reason}` : error
  }
}

test('no Authorization header is no token', () => {
  expect(bearerTokenOf(headers())).toBeNull()
})

test('the scheme is read in any case', () => {
  expect(bearerTokenOf(headers({ authorization: ['Bearer a.b.c'] }))).toBe('a.b.c')
  expect(bearerTokenOf(headers({ authorization: ['bEARER a.b.c'] }))).toBe('a.b.c')
})

test('credentials presented in any other way are refused, never overlooked', () => {
  expect([
    refusalOf({ authorization: ['Bearer a', 'Bearer a'] }),
    refusalOf({ authorization: ['Bearer a'], tokenInQuery: true }),
    refusalOf({ tokenInQuery: true }),
    refusalOf({ authorization: [''] }),
    refusalOf({ authorization: ['Basic dTpw'] }),
    refusalOf({ authorization: ['DPoP a.b.c'] }),
    refusalOf({ authorization: ['Bearertoken'] }),
    refusalOf({ authorization: ['Bearer'] }),
    refusalOf({ authorization: ['Bearer '] }),
    refusalOf({ authorization: ['Bearer a b'] }),
    refusalOf({ authorization: ['Bearer a,b'] }),
    refusalOf({ authorization: ['Bearer "a"'] }),
    refusalOf({ authorization: ['Bearer ä'] }),
  ]).toEqual([
    '400 several_tokens',
    '400 token_in_query',
    '400 token_in_query',
    '401 not_bearer',
    '401 not_bearer',
    '401 not_bearer',
    '401 not_bearer',
    '401 malformed',
    '401 malformed',
    '401 malformed',
    '401 malformed',
    '401 malformed',
    '401 malformed',
  ])
})

test('repeated headers and a token in the query are seen in requests of node:http', () => {
  const read = callerHeadersOf({
    url: '/graphql?a=1&access%5Ftoken=x',
    headersDistinct: { authorization: ['Bearer a', 'Bearer b'], 'x-account-id': ['1', '2'] },
  })
  expect(read).toEqual({ authorization: ['Bearer a', 'Bearer b'], accountId: ['1', '2'], tokenInQuery: true })
  expect(callerHeadersOf({ url: '//', headersDistinct: {} })).toEqual(headers())
})

test('repeated headers and a token in the query are seen in requests of fetch', () => {
  const request = new Request('https://privacy.example.test/graphql?Access_Token=x')
  request.headers.append('authorization', 'Bearer a')
  request.headers.append('authorization', 'Bearer b')
  expect(callerHeadersOfFetch(request)).toEqual({
    authorization: ['Bearer a', 'Bearer b'],
    accountId: [],
    tokenInQuery: true,
  })
})
