import { expect, test } from 'vitest'
import { connectionConfig, deriveLoginUrls, parseUrl } from '../../../src/db/postgres.ts'
import { isPostgresError, sqlStateOf, toDriverError } from '../../../src/db/postgres-errors.ts'

test('worker and look-ups sign in with their own names and the same password', () => {
  expect(deriveLoginUrls('postgres://privacy_app:p%40ss@db.example:5433/privacy?sslmode=require')).toEqual({
    appUrl: 'postgres://privacy_app:p%40ss@db.example:5433/privacy?sslmode=require',
    workerUrl: 'postgres://privacy_worker:p%40ss@db.example:5433/privacy?sslmode=require',
    authUrl: 'postgres://privacy_auth:p%40ss@db.example:5433/privacy?sslmode=require',
  })
})

test('URLs that are given are used as they are', () => {
  const given = { workerUrl: 'postgres://w@h/d', authUrl: 'postgres://a@h/d' }
  expect(deriveLoginUrls('postgres://p@h/d', given)).toEqual({ appUrl: 'postgres://p@h/d', ...given })
})

test.each(['', 'nonsense', 'mysql://u:secret@h/d', 'http://u:secret@h'])('%j is refused and not repeated', (url) => {
  expect(() => parseUrl(url)).toThrow(/^a database URL must have the form postgres:/)
})

test('every connection is in UTC', () => {
  expect(connectionConfig('postgres://p@h/d').options).toBe('-c timezone=UTC')
})

test('an answer of PostgreSQL is told from an error of Prisma and from any other', () => {
  expect(
    ['23505', 'P0001', '55P03', 'P2010', 'EPIPE', 'ENOENT'].map((code) => isPostgresError(withCode(code))),
  ).toEqual([true, true, true, false, false, false])
  expect(sqlStateOf(toDriverError(withCode('55P03')))).toBe('55P03')
  expect(sqlStateOf(new Error('other'))).toBeUndefined()
  const other = new Error('other')
  expect(toDriverError(other)).toBe(other)
})

const withCode = (code: string) => Object.assign(new Error('no'), { code })
