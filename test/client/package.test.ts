import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { listen } from './kit.ts'

const exec = promisify(execFile)
const BIN = resolve('node_modules/.bin')

let folder: string
let world: World
let server: Awaited<ReturnType<typeof listen>>
let packed: string[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'privacy-consumer-'))
  world = await openWorld()
  server = await listen((request, response) => void world.serving.app(request, response))
  packed = await installPackage()
})
afterAll(async () => {
  await server.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

/** Packs the client as for a registry and unpacks it where a consumer has it. @returns the files of the package */
async function installPackage(): Promise<string[]> {
  await cp('test/client/consumer', folder, { recursive: true })
  const { stdout } = await exec('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: 'client',
  })
  const [pack] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
  const target = join(folder, 'node_modules/@pipelet/privacy')
  await mkdir(target, { recursive: true })
  await exec('tar', ['-xzf', join(folder, pack?.filename ?? ''), '-C', target, '--strip-components=1'])
  const readme = await readFile(join(target, 'README.md'), 'utf8')
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? '')
  expect(examples.length).toBe(8)
  for (const [index, code] of examples.entries()) await writeFile(join(folder, `readme-${index}.ts`), code)
  await mkdir(join(folder, 'node_modules/@types'))
  for (const name of ['@types/node', 'undici-types'])
    await symlink(resolve('node_modules', name), join(folder, 'node_modules', name))
  return pack?.files.map(({ path }) => path) ?? []
}

test('the package holds the built client, its types, the schema, and nothing of the sources', async () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      'README.md',
      'package.json',
      'schema.graphql',
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'dist/src/webhooks.js',
      'dist/src/webhooks-testing.js',
    ]),
  )
  expect(packed.filter((path) => /\.ts$/.test(path) && !/\.d\.ts$/.test(path))).toEqual([])
  const manifest = JSON.parse(await readFile(join(folder, 'node_modules/@pipelet/privacy/package.json'), 'utf8'))
  expect(manifest.dependencies ?? {}).toEqual({})
})

test.each(['nodenext', 'bundler'])(
  'a consumer and the README compile with module resolution %s, and mistakes do not',
  async (kind) => {
    const { stdout } = await exec(join(BIN, 'tsc'), ['-p', `tsconfig.${kind}.json`], { cwd: folder }).catch(
      ({ stdout }: { stdout: string }) => ({ stdout }),
    )
    expect(stdout).toBe('')
  },
)

test('the compiled consumer works against a server that listens', async () => {
  const settings = {
    url: server.url,
    token: world.demo.tokens.subject,
    gatewayToken: world.demo.tokens.gateway,
    accountId: world.ids.account,
    subjectId: world.ids.owner,
  }
  const program = `import { run } from './main.ts'; console.log(JSON.stringify(await run(${JSON.stringify(settings)})))`
  const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', program], { cwd: folder })
  expect(JSON.parse(stdout)).toEqual({
    events: 1,
    rows: [['2026-03-15T11:00:00.000Z', 'm/consumer', 1]],
    name: 'Alma Olsen',
    region: 'eu-central',
    refused: 'FORBIDDEN',
    event: true,
    tampered: 'NO_MATCHING_SIGNATURE',
    problem: 'ACCOUNT.LAST_OWNER',
  })
})

test.runIf(inject('backend') === 'pglite')('publint and attw find nothing', async () => {
  const { stdout } = await exec('npm', ['run', 'check'], { cwd: 'client' })
  expect(stdout).toContain('All good!')
  expect(stdout).not.toMatch(/\bfailed\b.*(?:bundler|ESM\))/)
})

test.each([
  ['what everyone loads', (name: string) => !/^(follow|sse|stream|webhook)/.test(name), 8_500],
  ['following events', (name: string) => /^(follow|sse|stream)/.test(name), 4_500],
  ['webhooks', (name: string) => /^webhook/.test(name), 4_000],
])('%s is small beside the documents, without a bundler', async (_what, isPart, gzipBytesMax) => {
  const root = join(folder, 'node_modules/@pipelet/privacy/dist/src')
  const sources = packed.filter(
    (path) => path.startsWith('dist/src/') && path.endsWith('.js') && isPart(basename(path)),
  )
  const texts = await Promise.all(sources.map((path) => readFile(join(root, basename(path)), 'utf8')))
  expect(sources.length).toBeGreaterThan(2)
  expect(gzipSync(texts.join('\n')).length).toBeLessThan(gzipBytesMax)
})
