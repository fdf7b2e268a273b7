import { expect, test } from 'vitest'
import { ensureRoles, quoteLiteral } from '../../../src/db/roles.ts'

const failure = (code: string, message = 'no') => Object.assign(new Error(message), { code })

test.each([
  ['plain', `'plain'`],
  [`it's`, `'it''s'`],
  ['back\\slash', ` E'back\\\\slash'`],
  [`\\'; drop role x; --`, ` E'\\\\''; drop role x; --'`],
  ['', `''`],
])('%j becomes the literal %s', (value, literal) => {
  expect(quoteLiteral(value)).toBe(literal)
})

test('a zero character is refused in a literal', () => {
  expect(() => quoteLiteral('a\0b')).toThrow('zero character')
})

test('a concurrent change of the same role is tried again', async () => {
  const errors = [failure('23505'), failure('42710'), failure('XX000', 'tuple concurrently updated')]
  let statements = 0
  const query = async () => {
    statements++
    const error = errors.shift()
    if (error) throw error
  }
  await ensureRoles({ kind: 'postgres', query })
  expect(errors).toEqual([])
  expect(statements).toBe(12)
})

test('an owner who may not grant BYPASSRLS is told what to do', async () => {
  const query = async (sql: string) => {
    if (sql.includes('alter role privacy_backup')) throw failure('42501', 'must be superuser')
  }
  await expect(ensureRoles({ kind: 'postgres', query })).rejects.toThrow('let a superuser run `npm run db:roles` once')
})

test('a failure shows no password, also where the driver repeats the statement', async () => {
  const query = async (sql: string) => {
    if (sql.includes('password')) throw Object.assign(failure('0A000', 'refused'), { query: sql })
  }
  const error = await ensureRoles({ kind: 'postgres', query }, { passwords: { privacy_app: 'hunter2' } }).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ message: 'refused', code: '0A000' })
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2')
})
