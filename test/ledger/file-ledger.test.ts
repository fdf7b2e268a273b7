import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EnvKeyProvider } from '../../src/crypto/env-key-provider.ts'
import { FileLedger, ledgerKey } from '../../src/ledger/file-ledger.ts'
import type { LedgerLine } from '../../src/ledger/ledger-line.ts'
import { readLedger } from '../../src/ledger/read-ledger.ts'

const key = (fill: number) => Buffer.alloc(32, fill).toString('base64')
const provider = new EnvKeyProvider(`index=${key(1)},e1=${key(2)}`)
const AT = new Date('2026-03-01T08:00:00.000Z')
const effect = () => ({
  ...{ erasureId: randomUUID(), accountId: randomUUID(), system: 'usage', category: 'USAGE', action: 'DELETE' },
  itemIds: [randomUUID(), randomUUID()],
})

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ledger-'))
})
afterAll(() => rm(root, { recursive: true }))

const publicKey = async () => (await ledgerKey(provider)).publicKey

async function collect(lines: AsyncIterable<LedgerLine>): Promise<LedgerLine[]> {
  const all: LedgerLine[] = []
  for await (const line of lines) all.push(line)
  return all
}

async function linesOf(dir: string): Promise<LedgerLine[]> {
  return collect(readLedger(dir, await publicKey()))
}

/** A folder with one file of a head, three announcements and what became of two. */
async function written(name: string) {
  const dir = join(root, name)
  const ledger = new FileLedger(dir, provider)
  const ids = [randomUUID(), randomUUID(), randomUUID()] as const
  for (const id of ids) await ledger.intend(id, AT, [effect()])
  await ledger.done(ids[0], AT)
  await ledger.aborted(ids[1], AT)
  await ledger.close()
  const [file = ''] = await readdir(dir)
  return { dir, ids, path: join(dir, file), file }
}

test('what is announced reads back in order, with what became of it', async () => {
  const { dir, ids } = await written('order')
  const lines = await linesOf(dir)
  expect(lines.map(({ n, kind }) => `${n} ${kind}`)).toEqual([
    '1 FILE',
    '2 INTENT',
    '3 INTENT',
    '4 INTENT',
    '5 DONE',
    '6 ABORTED',
  ])
  expect(lines.slice(1).map(({ id }) => id)).toEqual([...ids, ids[0], ids[1]])
})

test('two that write at once, and many at once, each have their lines, and nobody else may read the files', async () => {
  const dir = join(root, 'many')
  const ledgers = [new FileLedger(dir, provider), new FileLedger(dir, provider)]
  const ids = Array.from({ length: 200 }, () => randomUUID())
  await Promise.all(ids.map((id, index) => ledgers[index % 2]?.intend(id, AT, [effect()])))
  await Promise.all(ledgers.map((ledger) => ledger.close()))
  const intents = (await linesOf(dir)).filter(({ kind }) => kind === 'INTENT')
  expect(new Set(intents.map(({ id }) => id))).toEqual(new Set(ids))
  const files = await readdir(dir)
  expect(files.length).toBe(2)
  expect((await stat(dir)).mode & 0o777).toBe(0o700)
  for (const file of files) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600)
})

test('a line is on disk when it is announced, also while the writer goes on', async () => {
  const dir = join(root, 'at-once')
  const ledger = new FileLedger(dir, provider)
  const id = randomUUID()
  await ledger.intend(id, AT, [effect()])
  expect((await linesOf(dir)).map((line) => line.id)).toContain(id)
  await ledger.close()
})

test('a folder that cannot be written refuses the announcement; a later one is made when it can', async () => {
  const path = join(root, 'in-the-way')
  await writeFile(path, 'a file, not a folder')
  const ledger = new FileLedger(path, provider)
  await expect(ledger.intend(randomUUID(), AT, [effect()])).rejects.toThrow()
  await rm(path)
  await ledger.intend(randomUUID(), AT, [effect()])
  await ledger.close()
  // What was refused may have been written all the same: what follows says first that it did not happen.
  expect((await linesOf(path)).map(({ kind }) => kind)).toEqual(['FILE', 'ABORTED', 'INTENT'])
})

test('a disk that is full refuses the announcement, and every line that is told to be there is', async () => {
  const dir = join(root, 'full')
  await mkdir(dir, { mode: 0o700 })
  const code = `
    import { FileLedger } from './src/ledger/file-ledger.ts'
    import { EnvKeyProvider } from './src/crypto/env-key-provider.ts'
    const ledger = new FileLedger(process.argv[1], new EnvKeyProvider(process.argv[2]))
    const effect = { erasureId: crypto.randomUUID(), accountId: crypto.randomUUID(), system: 'usage', category: 'USAGE',
      action: 'DELETE', itemIds: Array.from({ length: 500 }, () => crypto.randomUUID()) }
    for (let left = 20; left > 0; left -= 1) {
      const id = crypto.randomUUID()
      await ledger.intend(id, new Date(0), [effect]).then(() => console.log(id), (error) => console.log(error.code))
    }`
  // A limit of 100 KiB for a file stands in for a full disk: a line of 500 items has about 20.
  const shell = `ulimit -f 100; trap '' XFSZ; exec "$0" --input-type=module-typescript -e "$1" "$2" "$3"`
  const args = ['-c', shell, process.execPath, code, dir, `index=${key(1)},e1=${key(2)}`]
  const { stdout } = await promisify(execFile)('bash', args)
  const answers = stdout.trim().split('\n')
  const promised = answers.filter((answer) => answer.length === 36)
  expect(answers.filter((answer) => answer === 'EFBIG').length).toBeGreaterThan(2)
  expect(promised.length).toBeGreaterThan(8)
  const lines = await linesOf(dir)
  const there = lines.filter(({ kind }) => kind === 'INTENT').map(({ id }) => id)
  expect(promised.filter((id) => !there.includes(id))).toEqual([])
  const aborted = new Set(lines.filter(({ kind }) => kind === 'ABORTED').map(({ id }) => id))
  expect(there.filter((id) => !promised.includes(id) && !aborted.has(id))).toEqual([])
})

test('a folder that is not there has no lines', async () => {
  expect(await linesOf(join(root, 'nothing'))).toEqual([])
})

describe('what was tampered with is found', () => {
  const edits: readonly (readonly [name: string, change: (lines: string[]) => string[], line: number])[] = [
    ['a letter changed', (lines) => lines.with(2, (lines[2] ?? '').replace('usage', 'usagf')), 3],
    ['a line removed', (lines) => lines.toSpliced(2, 1), 3],
    ['the head removed', (lines) => lines.slice(1), 1],
    ['two lines swapped', (lines) => lines.with(2, lines[3] ?? '').with(3, lines[2] ?? ''), 3],
    ['a line twice', (lines) => lines.toSpliced(3, 0, lines[2] ?? ''), 4],
    ['a line cut in the middle', (lines) => lines.with(2, (lines[2] ?? '').slice(0, 40)), 3],
    ['an empty line', (lines) => lines.toSpliced(2, 0, ''), 3],
    ['the signature of another line', (lines) => lines.with(2, swapSignature(lines[2], lines[3])), 3],
  ]

  function swapSignature(line = '', other = ''): string {
    return `${line.slice(0, -86)}${other.slice(-86)}`
  }

  test.each(edits)('%s', async (_name, change, at) => {
    const { dir, path, file } = await written(randomUUID())
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
    await writeFile(path, `${change(lines).join('\n')}\n`)
    await expect(linesOf(dir)).rejects.toMatchObject({ code: 'LEDGER.NOT_WHOLE' })
    await expect(linesOf(dir)).rejects.toThrow(`${file}, line ${at}:`)
  })

  test('a file of another key', async () => {
    const { dir } = await written(randomUUID())
    const other = new EnvKeyProvider(`index=${key(3)},e1=${key(2)}`)
    const foreign = (await ledgerKey(other)).publicKey
    await expect(collect(readLedger(dir, foreign))).rejects.toMatchObject({ line: 1, fault: 'other_key' })
  })

  test('a file under the name of another', async () => {
    const { dir, path } = await written(randomUUID())
    await writeFile(join(dir, `${randomUUID()}.ledger`), await readFile(path))
    await expect(linesOf(dir)).rejects.toMatchObject({ line: 1, fault: 'head' })
  })
})

test('a last line whose writer was killed is passed over', async () => {
  const { dir, path } = await written('torn')
  const text = await readFile(path, 'utf8')
  await chmod(path, 0o600)
  await writeFile(path, text.slice(0, -30))
  expect((await linesOf(dir)).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5])
})
