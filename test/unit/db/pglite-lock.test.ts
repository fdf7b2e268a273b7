import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from '../../../src/db/pglite-lock.ts'

const LOCK_MODULE = fileURLToPath(new URL('../../../src/db/pglite-lock.ts', import.meta.url))

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterEach(() => rm(folder, { recursive: true }))

const leave = (holder: object) => writeFile(join(folder, 'privacy.lock'), JSON.stringify(holder))

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

/** A process that takes the folder, says whether it could, and holds it until it is killed. */
function contender() {
  const script = `
    import { lockFolder } from ${JSON.stringify(LOCK_MODULE)}
    try { await lockFolder(${JSON.stringify(folder)}); console.log('held') } catch (error) { console.log(error.message) }
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const said = once(child.stdout, 'data').then(([chunk]) => String(chunk).trim())
  const kill = async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return { pid: child.pid, said, kill }
}

test('a second opener is refused with process and folder, until the first gives the folder back', async () => {
  const first = await lockFolder(folder)
  await expect(lockFolder(folder)).rejects.toThrow(
    `process ${process.pid} on ${hostname()} already uses the data folder ${folder}`,
  )
  first.release()
  const second = await lockFolder(folder)
  first.release()
  await expect(lockFolder(folder)).rejects.toThrow('already uses')
  second.release()
  expect(await readdir(folder)).toEqual([])
})

test('the folder is made for its owner alone', async () => {
  const inner = join(folder, 'a', 'b')
  const lock = await lockFolder(inner)
  expect((await stat(inner)).mode & 0o777).toBe(0o700)
  lock.release()
})

test('the lock of a process that has ended is taken over', async () => {
  await leave({ pid: await deadPid(), startedAt: '1', host: hostname(), token: 'dead' })
  const lock = await lockFolder(folder)
  expect(await readdir(folder)).toEqual(['privacy.lock'])
  lock.release()
})

test.runIf(process.platform === 'linux')('the lock of an ended process whose id lives on is taken over', async () => {
  await leave({ pid: process.pid, startedAt: '1', host: hostname(), token: 'dead' })
  const lock = await lockFolder(folder)
  lock.release()
})

test('the lock of another host is respected', async () => {
  await leave({ pid: await deadPid(), startedAt: '1', host: 'elsewhere.example', token: 'far' })
  await expect(lockFolder(folder)).rejects.toThrow('on elsewhere.example already uses')
})

test('a lock that cannot be read is left alone', async () => {
  await writeFile(join(folder, 'privacy.lock'), '{"pid":')
  await expect(lockFolder(folder)).rejects.toThrow('cannot be read')
})

test("of processes that ask at once for a killed process's folder, one gets it", async () => {
  let tried = 0
  for (; tried < 3; tried++) {
    const killed = contender()
    expect(await killed.said).toBe('held')
    await killed.kill()
    const contenders = Array.from({ length: 6 }, contender)
    const said = await Promise.all(contenders.map((one) => one.said))
    expect(said.filter((words) => words === 'held')).toHaveLength(1)
    expect(said.filter((words) => words.includes('already uses the data folder'))).toHaveLength(5)
    await Promise.all(contenders.map((one) => one.kill()))
  }
  expect(tried).toBe(3)
})
