import { readFile } from 'node:fs/promises'
import { printSchema } from 'graphql'
import { expect, test } from 'vitest'
import { EVENTS } from '../../src/domains/events/events.rules.ts'
import { buildSchema } from '../../src/schema/index.ts'

test('client/schema.graphql is the schema as `npm run schema` prints it', async () => {
  const committed = await readFile(new URL('../../client/schema.graphql', import.meta.url), 'utf8')
  const printed = `${printSchema(buildSchema())}\n`
  expect(printed.length).toBeGreaterThan(1_000)
  expect(committed).toBe(printed)
})

test('client/events.json is the catalogue of events as `npm run schema` prints it', async () => {
  const committed = await readFile(new URL('../../client/events.json', import.meta.url), 'utf8')
  expect(Object.keys(EVENTS).length).toBeGreaterThan(5)
  expect(committed).toBe(`${JSON.stringify(EVENTS, null, 2)}\n`)
})
