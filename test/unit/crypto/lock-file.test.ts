import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withLockFile } from '../../../src/crypto/lock-file.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterAll(() => rm(root, { recursive: true }))

test('of many that want the lock, one at a time has it', async () => {
  const path = join(root, 'busy')
  let inside = 0
  let most = 0
  const done = await Promise.all(
    Array.from({ length: 60 }, () =>
      withLockFile(path, async (assertHeld) => {
        most = Math.max(most, ++inside)
        await assertHeld()
        inside--
        return 1
      }),
    ),
  )
  expect(done.length).toBe(60)
  expect(most).toBe(1)
  expect(await readdir(root)).toEqual([])
})

test('the lock of a living process is waited for, then refused with its path', async () => {
  const path = join(root, 'taken')
  await writeFile(path, `${process.ppid} a-living-process`)
  await expect(withLockFile(path, async () => 1, 60)).rejects.toMatchObject({
    code: 'KEYS.FILE_LOCKED',
    message: `Another process holds ${path}. When none is at work, remove that file.`,
  })
  await rm(path)
})

test('a lock is given back when its holder throws', async () => {
  const path = join(root, 'thrown')
  await expect(
    withLockFile(path, async () => {
      throw new Error('refused')
    }),
  ).rejects.toThrow('refused')
  expect(await withLockFile(path, async () => 1)).toBe(1)
})

test('a holder that lost its lock is told before its effect, and leaves the other lock alone', async () => {
  const path = join(root, 'lost')
  await expect(
    withLockFile(path, async (assertHeld) => {
      await writeFile(path, `${process.ppid} another`)
      await assertHeld()
    }),
  ).rejects.toMatchObject({ code: 'KEYS.FILE_LOCKED' })
  expect(await readdir(root)).toEqual(['lost'])
})

test('a lock of an earlier process with the same number is taken over', async () => {
  const path = join(root, 'earlier')
  await writeFile(path, `${process.pid} of-an-earlier-life`)
  expect(await withLockFile(path, async () => 1, 60)).toBe(1)
})
