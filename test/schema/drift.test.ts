import { readFile } from 'node:fs/promises'
import { printSchema } from 'graphql'
import { expect, test } from 'vitest'
import { buildSchema } from '../../src/schema/index.ts'

test('client/schema.graphql is the schema as `npm run schema` prints it', async () => {
  const committed = await readFile(new URL('../../client/schema.graphql', import.meta.url), 'utf8')
  const printed = `${printSchema(buildSchema())}\n`
  expect(printed.length).toBeGreaterThan(1_000)
  expect(committed).toBe(printed)
})
