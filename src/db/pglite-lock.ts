import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Who holds a lock. `startedAt` tells a process from a later one with the same id. */
type Holder = { readonly pid: number; readonly startedAt: string; readonly host: string; readonly token: string }

/** A held data folder; `release` gives it back. */
export type FolderLock = { release(): void }

const LOCK_FILE = 'privacy.lock'
const ATTEMPTS_MAX = 200
const ATTEMPT_PAUSE_MS = 5

/**
 * Takes the data folder for this process, because the embedded database itself lets several processes write into the
 * same files. Makes the folder when it is missing. The lock of a process that no longer lives is taken over, by one of
 * those that ask. A lock from another host counts as held: whether its process lives cannot be seen from here.
 * @throws Error naming process and folder when another process, or this one, already holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, LOCK_FILE)
  const own: Holder = { pid: process.pid, startedAt: startOf(process.pid), host: hostname(), token: randomUUID() }
  const holder = await acquire(path, own)
  if (holder)
    throw new Error(
      `process ${holder.pid} on ${holder.host} already uses the data folder ${folder}: ` +
        'stop it first, or set DATA_DIR to another folder',
    )
  return {
    release: () => {
      if (readHolder(path)?.token === own.token) rmSync(path, { force: true })
    },
  }
}

/** Takes the lock file; resolves with its living holder when that is another. */
async function acquire(path: string, own: Holder): Promise<Holder | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (created(path, own)) return undefined
    const holder = readHolder(path)
    if (holder && isAlive(holder)) return holder
    if (holder && (await tookOver(path, holder, own))) return undefined
    await delay(ATTEMPT_PAUSE_MS)
  }
  throw new Error(`the lock ${path} could not be taken: other processes keep taking it`)
}

/**
 * Replaces a dead holder's lock. Only the holder of a second lock, named after the dead one, may do so, and only while
 * the dead one is still there: of several processes one succeeds, and a living lock is never replaced.
 */
async function tookOver(path: string, dead: Holder, own: Holder): Promise<boolean> {
  const guard = `${path}.${dead.token}`
  if (await acquire(guard, own)) return false
  try {
    if (readHolder(path)?.token !== dead.token) return false
    const complete = written(path, own)
    renameSync(complete, path)
    return true
  } finally {
    rmSync(guard, { force: true })
  }
}

/** Creates the lock file with its content in one step, so that nobody ever reads half of it. */
function created(path: string, own: Holder): boolean {
  const complete = written(path, own)
  try {
    linkSync(complete, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(complete, { force: true })
  }
}

function written(path: string, own: Holder): string {
  const complete = `${path}.${randomUUID()}.new`
  writeFileSync(complete, JSON.stringify(own), { flag: 'wx', mode: 0o600 })
  return complete
}

/** The holder, or undefined when the file has just gone. */
function readHolder(path: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const found = parsed(text)
  if (found) return found
  throw new Error(`the lock ${path} cannot be read: remove it when no server runs on this folder`)
}

function parsed(text: string): Holder | undefined {
  try {
    const { pid, startedAt, host, token }: Partial<Holder> = JSON.parse(text)
    if (typeof pid !== 'number' || typeof startedAt !== 'string') return undefined
    return typeof host === 'string' && typeof token === 'string' ? { pid, startedAt, host, token } : undefined
  } catch {
    return undefined
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const startedAt = startOf(holder.pid)
  return startedAt === '' || holder.startedAt === '' || startedAt === holder.startedAt
}

/** When a process started, in the kernel's ticks since the machine's start; empty where that cannot be read. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return (
      stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .at(19) ?? ''
    )
  } catch {
    return ''
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
