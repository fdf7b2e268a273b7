import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { printForClient } from '../../src/cli/schema-files.ts'
import { buildSchema } from '../../src/schema/index.ts'

const FILES = printForClient(buildSchema())

test.each(Object.keys(FILES))('client/%s is as `npm run schema` prints it', async (name) => {
  const committed = await readFile(new URL(`../../client/${name}`, import.meta.url), 'utf8')
  expect(committed.length).toBeGreaterThan(300)
  expect(committed).toBe(FILES[name])
})

test('what is printed for the client is the schema, the catalogue of events and their fields', () => {
  expect(Object.keys(FILES)).toEqual(['schema.graphql', 'events.json', 'operations/event-fields.graphql'])
})
