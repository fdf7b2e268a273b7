import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isObjectType } from 'graphql'
import { expect, test } from 'vitest'
import { authorizationPage } from '../../src/cli/docs/authorization-page.ts'
import { errorsPage } from '../../src/cli/docs/errors-page.ts'
import { eventsPage } from '../../src/cli/docs/events-page.ts'
import { table } from '../../src/cli/docs/table.ts'
import { KEY_ERROR_CODES } from '../../src/crypto/errors.ts'
import { Problem } from '../../src/domains/problem.ts'
import { REQUEST_CODES } from '../../src/http/request-codes.ts'
import { buildSchema } from '../../src/schema/index.ts'
import { problemCodes } from '../../src/schema/problems.ts'
import { notEmpty } from './schema-walk.ts'

const schema = buildSchema()
const root = new URL('../../', import.meta.url)
const CODE = /^[A-Z]+(_[A-Z]+)*(\.[A-Z]+(_[A-Z]+)*)?$/

/** Every problem class of the domains' files, one instance each. */
async function problemsOfFiles(): Promise<Problem[]> {
  const found: Problem[] = []
  for await (const file of glob('src/domains/**/*.problems.ts', { cwd: fileURLToPath(root) })) {
    const exported: Record<string, unknown> = await import(new URL(file, root).href)
    for (const value of Object.values(exported))
      if (typeof value === 'function' && value.prototype instanceof Problem)
        found.push(new (value as new () => Problem)())
  }
  return notEmpty(found)
}

test('every problem class of the domains is in the schema, and some mutation can answer it', async () => {
  const inUnions = new Set(
    Object.keys(schema.getTypeMap()).filter((name) => {
      const type = schema.getType(name)
      return (
        isObjectType(type) &&
        Object.values(schema.getTypeMap()).some((each) => 'getTypes' in each && each.getTypes().includes(type))
      )
    }),
  )
  const problems = await problemsOfFiles()
  expect(problems.filter(({ name, code }) => problemCodes.get(name)?.code !== code)).toEqual([])
  expect(problems.filter(({ name }) => !inUnions.has(name)).map(({ name }) => name)).toEqual([])
  expect([...problemCodes.keys()].sort()).toEqual(problems.map(({ name }) => name).sort())
})

test('codes are unique and have one form', async () => {
  const codes = [
    ...(await problemsOfFiles()).map(({ code }) => code),
    ...Object.keys(REQUEST_CODES),
    ...Object.keys(KEY_ERROR_CODES),
  ]
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([])
  expect(codes.filter((code) => !CODE.test(code))).toEqual([])
})

test('every code that the sources write is one of the lists', async () => {
  const listed = new Set([...Object.keys(REQUEST_CODES), ...Object.keys(KEY_ERROR_CODES)])
  const unlisted: string[] = []
  let seen = 0
  for await (const file of glob('src/**/*.ts', { cwd: fileURLToPath(root) })) {
    if (file.includes('generated') || file.endsWith('.problems.ts')) continue
    const text = await readFile(new URL(file, root), 'utf8')
    for (const [, code = ''] of text.matchAll(/(?:refused\(|extensions: \{ code: |super\()'([A-Z][A-Z_.]+)'/g)) {
      seen += 1
      if (!listed.has(code)) unlisted.push(`${file}: ${code}`)
    }
  }
  expect(seen).toBeGreaterThan(10)
  expect(unlisted).toEqual([])
})

test('docs/errors.md lists every code, as `npm run docs` writes it', async () => {
  const text = await readFile(new URL('docs/errors.md', root), 'utf8')
  expect(text).toBe(errorsPage())
  const codes = [
    ...(await problemsOfFiles()).map(({ code }) => code),
    ...Object.keys(REQUEST_CODES),
    ...Object.keys(KEY_ERROR_CODES),
  ]
  expect(codes.filter((code) => !text.includes(`\n| \`${code}\` |`))).toEqual([])
})

test('docs/events.md is what `npm run docs` writes', async () => {
  expect(await readFile(new URL('docs/events.md', root), 'utf8')).toBe(eventsPage())
})

test('docs/authorization.md is what `npm run docs` writes', async () => {
  expect(await readFile(new URL('docs/authorization.md', root), 'utf8')).toBe(authorizationPage())
})

test('a document with an empty table is not written', () => {
  expect(() => table(['a'], [])).toThrow('no rows')
})
