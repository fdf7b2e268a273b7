import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { KeyFileError } from './errors.ts'

/** Tells this process from an earlier one with the same number. */
const LIFE = randomUUID()

const PAUSE_MS = 20

/** Whether the holder is gone: killed, or this process's number in an earlier life. */
function isStale(text: string): boolean {
  const [number, life] = text.split(' ')
  const pid = Number(number)
  if (!Number.isInteger(pid) || pid < 1) return false
  // Of this process none is ever stale: whoever holds it gives it back, and may have done so since it was read.
  if (pid === process.pid) return life !== LIFE
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

const readText = (path: string) => readFile(path, 'utf8').catch(() => null)

/** Moves a stale lock away; puts it back when another process took the lock in between. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  )
  if (!moved) return
  if ((await readText(aside)) !== stale) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

/** Puts the token in place together with its content, so that no half-made lock is ever seen. */
async function place(path: string, token: string): Promise<boolean> {
  const beside = `${path}.${randomUUID()}`
  try {
    await writeFile(beside, token, { flag: 'wx', mode: 0o600 })
    await link(beside, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(beside, { force: true })
  }
}

async function acquire(path: string, attempts: number): Promise<string> {
  const token = `${process.pid} ${LIFE} ${randomUUID()}`
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await place(path, token)) return token
    const text = await readText(path)
    if (text !== null && isStale(text)) await removeStale(path, text)
    else await pause(PAUSE_MS)
  }
  throw new KeyFileError('KEYS.FILE_LOCKED', `Another process holds ${path}. When none is at work, remove that file.`)
}

/**
 * Runs `fn` while no other process runs one under the same lock file. The lock of a killed process is taken over.
 * `fn` gets a check to make right before its effect: it rejects when the lock was lost.
 * @param waitMsMax how long to wait for the lock, in milliseconds.
 * @throws KeyFileError KEYS.FILE_LOCKED when the lock is not free in time, or was lost.
 */
export async function withLockFile<T>(
  path: string,
  fn: (assertHeld: () => Promise<void>) => Promise<T>,
  waitMsMax = 10_000,
): Promise<T> {
  const token = await acquire(path, Math.ceil(waitMsMax / PAUSE_MS))
  const assertHeld = async () => {
    if ((await readText(path)) !== token) throw new KeyFileError('KEYS.FILE_LOCKED', `The lock ${path} was lost.`)
  }
  try {
    return await fn(assertHeld)
  } finally {
    if ((await readText(path)) === token) await rm(path, { force: true })
  }
}
