import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runCommand } from './db-command.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = join(ROOT, 'dist', 'reference', 'index.html')

/** Anything that a browser would fetch: the page must work from a file, without a network. */
const FETCHES = /<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]*\shref=|@import|url\(\s*["']?(?!["']?data:)/i

/** Settings of the generator; JSON is YAML. */
const settings = {
  spectaql: {},
  introspection: {
    schemaFile: join(ROOT, 'client', 'schema.graphql'),
    queryNameStrategy: 'none',
    fieldExpansionDepth: 1,
    spectaqlDirective: { enable: false },
  },
  info: {
    title: 'Pipelet Privacy: schema reference',
    description:
      'Every query, mutation and type of the API. The text of a root field names the scope that it needs. ' +
      'Identifiers are opaque, instants are in UTC, and a mutation answers its success or a problem with a stable code.',
  },
  servers: [{ url: 'http://127.0.0.1:4000/graphql', description: 'A server started with npm start', production: true }],
}

// Writes dist/reference/index.html: the schema's reference as one page that needs nothing else.
await runCommand(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-reference-'))
  try {
    const config = join(folder, 'spectaql.yml')
    await writeFile(config, JSON.stringify(settings))
    const generator = join(ROOT, 'node_modules', 'spectaql', 'bin', 'spectaql.js')
    const flags = ['--one-file', '--quiet', '--target-dir', folder, '--target-file', 'index.html']
    await promisify(execFile)(process.execPath, [generator, ...flags, config], { cwd: ROOT })
    const page = await readFile(join(folder, 'index.html'), 'utf8')
    if (FETCHES.test(page)) throw new Error('the reference page would fetch something from outside')
    if (!page.includes('recordUsage')) throw new Error('the reference page does not hold the schema')
    await mkdir(join(ROOT, 'dist', 'reference'), { recursive: true })
    await writeFile(PAGE, page)
    return `Wrote dist/reference/index.html, ${Math.round(Buffer.byteLength(page) / 1024)} kB.`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
