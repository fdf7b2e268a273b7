import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { printSchema } from 'graphql'
import { buildSchema } from '../schema/index.ts'

const target = fileURLToPath(new URL('../../client/schema.graphql', import.meta.url))
await writeFile(target, `${printSchema(buildSchema())}\n`)
console.log('client/schema.graphql is up to date')
