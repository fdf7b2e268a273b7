import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU in hundredths of a second. */
const TICKS_PER_SECOND = 100

/** Fields of /proc/PID/stat behind the name, which may itself hold blanks. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

const ticks = (stat: readonly string[], ...fields: number[]) =>
  fields.reduce((sum, field) => sum + Number(stat[field] ?? 0), 0)

/** CPU that a living process used so far, user and system, in seconds with a resolution of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  return ticks(statOf(pid) ?? [], 11, 12) / TICKS_PER_SECOND
}

/** The process that started `pid`; null when it runs on another machine. */
export function parentOf(pid: number, name: string): number | null {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== name) return null
  } catch {
    return null
  }
  return Number(statOf(pid)?.[1] ?? 0) || null
}

/** CPU of a process and of its children, also of those that have ended, in seconds. */
function cpuSecondsOfFamily(pid: number): number {
  let seconds = ticks(statOf(pid) ?? [], 11, 12, 13, 14) / TICKS_PER_SECOND
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : null
    if (stat && Number(stat[1]) === pid) seconds += ticks(stat, 11, 12) / TICKS_PER_SECOND
  }
  return seconds
}

/** CPU of the whole machine, without idling and waiting, in seconds. */
function cpuSecondsOfMachine(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const fields = line.trim().split(/\s+/)
  return ticks(fields, 1, 2, 3, 6, 7) / TICKS_PER_SECOND
}

/** Measures what processes that have no part in the bench use. */
export type Foreign = { start(): Promise<{ cores(): Promise<number> }> }

/** Everything counts as foreign but this process, its children and `families` with theirs. */
export function foreignLoad(families: readonly number[]): Foreign {
  const others = () =>
    cpuSecondsOfMachine() - [process.pid, ...families].reduce((sum, pid) => sum + cpuSecondsOfFamily(pid), 0)
  return {
    async start() {
      const before = others()
      const startedMs = performance.now()
      return {
        cores: async () => Math.max(0, others() - before) / ((performance.now() - startedMs) / 1000),
      }
    },
  }
}
