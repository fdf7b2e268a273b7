import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { printSchema } from 'graphql'
import { EVENTS } from '../domains/events/events.rules.ts'
import { buildSchema } from '../schema/index.ts'

const pathOf = (name: string) => fileURLToPath(new URL(`../../client/${name}`, import.meta.url))
await writeFile(pathOf('schema.graphql'), `${printSchema(buildSchema())}\n`)
await writeFile(pathOf('events.json'), `${JSON.stringify(EVENTS, null, 2)}\n`)
console.log('client/schema.graphql and client/events.json are up to date')
