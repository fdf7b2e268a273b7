import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { buildSchema } from '../schema/index.ts'
import { printForClient } from './schema-files.ts'

const files = printForClient(buildSchema())
for (const [name, text] of Object.entries(files))
  await writeFile(fileURLToPath(new URL(`../../client/${name}`, import.meta.url)), text)
console.log(`client: ${Object.keys(files).join(', ')} are up to date`)
