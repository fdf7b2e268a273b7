import { writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { deriveLoginUrls } from '../../src/db/postgres.ts'
import type { Place } from './place.ts'

/** At which passing of which place a process is ended, and how. */
export type Kill = {
  readonly place: string
  /** 1: the first. */
  readonly passing: number
  /** KILL: the process, by SIGKILL. TERMINATE: its sessions in the database. */
  readonly how: 'KILL' | 'TERMINATE'
}

/** What a process prints when its sessions were ended. */
export const TERMINATED = 'sessions ended'

/** A failpoint that does so. */
export async function killingFailpoint(place: Place, kill: Kill | null): Promise<(passed: string) => void> {
  if (kill === null) return () => undefined
  const terminate = kill.how === 'TERMINATE' ? await readyTerminator(place) : null
  let passings = 0
  return (passed) => {
    if (passed !== kill.place || ++passings !== kill.passing) return
    if (terminate === null) process.kill(process.pid, 'SIGKILL')
    else terminate()
  }
}

/** A thread that ends the sessions of this process while it stands still at a failpoint. */
async function readyTerminator({ url }: Place): Promise<() => void> {
  if (url === null) throw new Error('the embedded database has no sessions to end')
  const flags = new Int32Array(new SharedArrayBuffer(8))
  const { workerUrl } = deriveLoginUrls(url)
  const worker = new Worker(new URL('./terminator.ts', import.meta.url), { workerData: { url: workerUrl, flags } })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  worker.unref()
  return () => {
    Atomics.store(flags, 0, 1)
    Atomics.notify(flags, 0)
    if (Atomics.wait(flags, 1, 0, 20_000) === 'timed-out') throw new Error('the sessions were not ended')
    writeSync(1, `${TERMINATED}\n`)
  }
}
