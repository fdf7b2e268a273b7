import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServerProcess } from '../test/kit/server-process.ts'
import { type BenchOptions, type BenchResult, quantile, type Row, rounded } from './frame.ts'

type Start = { readonly readyMs: number; readonly memoryMb: number }

/**
 * Times the server's start on the embedded database until it is ready, and reads its memory then: the first start in
 * an empty folder (migrations, keys, demo data), and the next one in the same folder. No target is set for it.
 */
export async function benchStart({ rounds, say }: BenchOptions): Promise<BenchResult> {
  const first: Start[] = []
  const next: Start[] = []
  for (let round = 0; round < rounds; round++) {
    const dataDir = await mkdtemp(join(tmpdir(), 'privacy-bench-'))
    try {
      first.push(await start(dataDir))
      next.push(await start(dataDir))
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
    say(`round ${round + 1} of ${rounds}`)
  }
  const rows = [...rowsOf('empty folder', first), ...rowsOf('next start', next)]
  return { name: 'start', backend: 'pglite', rounds, rows, targets: [] }
}

async function start(dataDir: string): Promise<Start> {
  const startedMs = performance.now()
  const server = await startServerProcess({ DATA_DIR: dataDir })
  const readyMs = performance.now() - startedMs
  const memoryMb = residentMb(server.child.pid)
  const { code, output } = await server.stop()
  if (code !== 0) throw new Error(`the server did not stop cleanly:\n${output}`)
  return { readyMs, memoryMb }
}

/** Resident memory of a process in MB (10^6 bytes). */
function residentMb(pid: number | undefined): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return (Number(found?.[1]) * 1024) / 1e6
}

function rowsOf(contender: string, starts: readonly Start[]): Row[] {
  const row = (workload: string, unit: string, values: readonly number[]): Row => ({
    workload,
    contender,
    unit,
    median: rounded(quantile(values, 0.5)),
    ratioToRaw: null,
    cpuMsPerRequest: null,
  })
  return [
    row(
      'start until ready',
      'ms',
      starts.map(({ readyMs }) => readyMs),
    ),
    row(
      'resident memory when ready',
      'MB',
      starts.map(({ memoryMb }) => memoryMb),
    ),
  ]
}
