import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KeyFileError, UnknownEpochError } from '../../../src/crypto/errors.ts'
import { LocalKeyProvider } from '../../../src/crypto/local-key-provider.ts'

const at = new Date('2026-11-23T18:00:00.000Z')
const clock = { now: () => at }
const run = promisify(execFile)
const inProcess = (path: string, epochs: number) =>
  run(process.execPath, [join(import.meta.dirname, 'make-key-file.ts'), path, String(epochs)])

let root = ''
let made = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keys-'))
})
afterAll(() => rm(root, { recursive: true }))
const freshPath = () => join(root, `${made++}`, 'keys.json')
const open = (path: string, mayCreate = true) => LocalKeyProvider.open({ path, clock, mayCreate })

type Stored = { index: string; epochs: { id: string; createdAt: string; key: string }[] }
const stored = async (path: string): Promise<Stored> => JSON.parse(await readFile(path, 'utf8'))

test('the first start makes a key file that its owner alone can read', async () => {
  const path = freshPath()
  expect(await LocalKeyProvider.exists(path)).toBe(false)
  const provider = await open(path)
  expect(await LocalKeyProvider.exists(path)).toBe(true)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
  const { epochs } = await stored(path)
  expect(epochs.map(({ createdAt }) => createdAt)).toEqual(['2026-11-23T18:00:00.000Z'])
  expect(await provider.currentEpoch()).toBe(epochs[0]?.id)
  expect(epochs[0]?.id).toMatch(/^20261123T180000Z-[0-9a-f]{8}$/)
  expect(await readdir(join(path, '..'))).toEqual(['keys.json'])
})

test('what one opening wrapped and hashed, the next one opens and hashes alike', async () => {
  const path = freshPath()
  const first = await open(path)
  const { epoch, wrapped } = await first.wrap(Uint8Array.of(1, 2, 3))
  const second = await open(path, false)
  expect(await second.unwrap(epoch, wrapped)).toEqual(Uint8Array.of(1, 2, 3))
  expect(await second.mac('email', ['a'])).toEqual(await first.mac('email', ['a']))
})

test('twenty openings at once in one process make one key file', async () => {
  const path = freshPath()
  const epochs = await Promise.all(Array.from({ length: 20 }, async () => (await open(path)).currentEpoch()))
  expect(new Set(epochs).size).toBe(1)
  expect(await readdir(join(path, '..'))).toEqual(['keys.json'])
})

test('processes that start at once make one key file', async () => {
  const path = freshPath()
  const outputs = await Promise.all(Array.from({ length: 4 }, () => inProcess(path, 0)))
  expect(new Set(outputs.map(({ stdout }) => stdout)).size).toBe(1)
})

test('epochs that several processes make at once are all kept', async () => {
  const path = freshPath()
  await Promise.all(Array.from({ length: 3 }, () => inProcess(path, 10)))
  expect((await stored(path)).epochs.length).toBe(31)
  expect(await readdir(join(path, '..'))).toEqual(['keys.json'])
})

test('a missing key file is not made anew when the database holds keys', async () => {
  const path = freshPath()
  await expect(open(path, false)).rejects.toMatchObject({
    code: 'KEYS.FILE_MISSING',
    message: expect.stringContaining('is missing, and the database holds data that only it can open'),
  })
  expect(await LocalKeyProvider.exists(path)).toBe(false)
})

test('a key file that others can read or write is refused, and the error names the remedy', async () => {
  let tried = 0
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o777]) {
    const path = freshPath()
    await open(path)
    await chmod(path, mode)
    await expect(open(path)).rejects.toThrow(`can be read or written by others. Run: chmod 600 ${path}`)
    tried++
  }
  expect(tried).toBe(6)
})

test('a damaged or truncated key file is refused without showing content', async () => {
  const path = freshPath()
  await open(path)
  const whole = await readFile(path, 'utf8')
  const key = (await stored(path)).epochs[0]?.key ?? 'none'
  const damaged = [
    ...Array.from({ length: whole.length - 1 }, (_, length) => whole.slice(0, length)),
    'null',
    '{}',
    whole.replace('"format": 1', '"format": 2'),
    whole.replace(key, key.slice(4)),
    whole.replace(/"epochs": \[[^\]]*\]/, '"epochs": []'),
    whole.replace('"index"', '"other"'),
  ]
  let refused = 0
  for (const text of damaged) {
    await truncate(path)
    await writeFile(path, text)
    const error: unknown = await open(path).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(KeyFileError)
    expect(String(error)).toBe(`KeyFileError: The key file ${path} is damaged. Restore it from your copy.`)
    refused++
  }
  expect(refused).toBe(whole.length + 5)
})

test('another opening wraps under a new epoch at once, and opens what it wrapped', async () => {
  const path = freshPath()
  const [one, other] = [await open(path), await open(path)]
  const old = await other.wrap(Uint8Array.of(1))
  const epoch = await one.createEpoch(at)
  const fresh = await one.wrap(Uint8Array.of(2))
  expect(fresh.epoch).toBe(epoch)
  expect(await other.unwrap(epoch, fresh.wrapped)).toEqual(Uint8Array.of(2))
  expect((await other.wrap(Uint8Array.of(3))).epoch).toBe(epoch)
  expect(await other.unwrap(old.epoch, old.wrapped)).toEqual(Uint8Array.of(1))
})

test('a destroyed epoch is gone from the file, opens nothing, and can be destroyed again', async () => {
  const path = freshPath()
  const provider = await open(path)
  const { epoch, wrapped } = await provider.wrap(Uint8Array.of(1))
  const key = (await stored(path)).epochs[0]?.key ?? 'none'
  const current = await provider.createEpoch(at)
  await provider.destroyEpoch(epoch)
  await expect(provider.unwrap(epoch, wrapped)).rejects.toBeInstanceOf(UnknownEpochError)
  expect(await readFile(path, 'utf8')).not.toContain(key)
  await provider.destroyEpoch(epoch)
  expect((await stored(path)).epochs.map(({ id }) => id)).toEqual([current])
})

test('the current epoch cannot be destroyed', async () => {
  const provider = await open(freshPath())
  const epoch = await provider.currentEpoch()
  await expect(provider.destroyEpoch(epoch)).rejects.toThrow('is the current one: make a new one first')
  expect(await provider.currentEpoch()).toBe(epoch)
})

test('readers see a whole file while epochs are made and destroyed', async () => {
  const path = freshPath()
  const writer = await open(path)
  let writing = true
  let read = 0
  const reading = (async () => {
    while (writing) {
      await open(path, false)
      read++
    }
  })()
  for (let round = 0; round < 40; round++) {
    const old = await writer.currentEpoch()
    await writer.createEpoch(at)
    await writer.destroyEpoch(old)
  }
  writing = false
  await reading
  expect(read).toBeGreaterThan(0)
  expect((await stored(path)).epochs.length).toBe(1)
})

test('the lock of a killed process does not stand in the way', async () => {
  const path = freshPath()
  const provider = await open(path)
  await writeFile(`${path}.lock`, `${process.pid} left-by-an-earlier-process-of-this-number`)
  await provider.createEpoch(at)
  await writeFile(`${path}.lock`, '4194305 left-by-a-killed-process')
  await provider.createEpoch(at)
  expect((await stored(path)).epochs.length).toBe(3)
})

test('what a killed process left half written is removed with the next change, because it holds keys', async () => {
  const path = freshPath()
  const provider = await open(path)
  await writeFile(`${path}.0f3c.tmp`, 'half written')
  await provider.createEpoch(at)
  expect(await readdir(join(path, '..'))).toEqual(['keys.json'])
})
