import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foreignLoad } from '../cpu.ts'
import {
  type BenchOptions,
  type BenchResult,
  type Contender,
  measure,
  type Row,
  type Target,
  timed,
  type Workload,
} from '../frame.ts'
import { type BenchDatabase, type BenchPostgres, openBenchPostgres } from '../postgres.ts'
import { addFinished, assertEnded, dueBy, fillSql, ITEMS_OF_TURN, TURNS_MAX } from './data.ts'
import { type Engine, openEngine } from './engine.ts'
import { openPeer } from './peer.ts'
import { openRaw } from './raw.ts'

const OURS = 'sweepRetention, as the worker'
const ONE_LANE = 'sweepRetention, one lane'
const RAW = 'one statement'
const PEER = 'Prisma, item by item'
/** The peer takes so many of a turn's items: it is slow. */
const ITEMS_OF_PEER = 2_000
const IDLE_BLOCKS_MAX = 10

/**
 * Ends what is due of a million timers, 19,996 (2 %) a turn: by `sweepRetention` with everything that belongs to it, by one
 * raw statement on the same tables, and by Prisma item by item, each in a database of its own with the same content. Then
 * tells what an idle poll reads, and what the status with overdue timers reads without and with finished ones.
 */
export async function benchRetention(options: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack()
  const postgres = await openBenchPostgres(options.postgresUrl)
  stack.defer(() => postgres.close())
  const dataDir = await mkdtemp(join(tmpdir(), 'privacy-bench-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const databases = await makeDatabases(postgres, dataDir, options.say)
  for (const { drop } of Object.values(databases)) stack.defer(drop)
  const engine = await openEngine(databases.ours.appUrl, dataDir)
  stack.defer(engine.close)
  const oneLane = await openEngine(databases.oneLane.appUrl, dataDir)
  stack.defer(oneLane.close)
  const raw = await openRaw(databases.raw.ownerUrl)
  stack.defer(raw.close)
  const peer = openPeer(databases.peer.ownerUrl)
  stack.defer(peer.close)

  const idleBefore = await engine.idleBlocks(dueBy(0))
  const ours = turnOf(OURS, ITEMS_OF_TURN, (now) => engine.sweep(now))
  const statement = turnOf(RAW, ITEMS_OF_TURN, async (now) => {
    if ((await raw.sweep(now)) !== ITEMS_OF_TURN) throw new Error('not every timer was done')
  })
  const contenders = [
    ours,
    turnOf(ONE_LANE, ITEMS_OF_TURN, (now) => oneLane.sweep(now, 1)),
    statement,
    turnOf(PEER, ITEMS_OF_PEER, (now) => peer.sweep(now, ITEMS_OF_PEER)),
  ]
  const measured = await measure(workloadOf(contenders), options, foreignLoad(postgres.families))
  await assertEnded(databases.ours.owner, ours.turns())
  await assertEnded(databases.raw.owner, statement.turns())
  const reads = await measureReads(engine, databases.ours, ours.turns(), idleBefore, options)
  return {
    ...{ name: 'retention', backend: 'postgres', rounds: measured.rounds },
    rows: [...measured.rows, ...reads.rows],
    targets: [...measured.targets, ...reads.targets],
  }
}

/** A contender that counts its turns: each ends what became due since the one before. */
function turnOf(name: string, units: number, sweep: (now: Date) => Promise<void>): Contender & { turns(): number } {
  let turns = 0
  return {
    name,
    turns: () => turns,
    turn: () => {
      turns += 1
      if (turns > TURNS_MAX) throw new Error('too many rounds were disturbed: nothing is left that becomes due')
      return timed(process.pid, { units, requests: units }, () => sweep(dueBy(turns)))
    },
  }
}

function workloadOf(contenders: Workload['contenders']): Workload {
  return {
    name: `${ITEMS_OF_TURN} of a million timers`,
    unit: 'timers/s',
    raw: RAW,
    contenders,
    targets: [
      { target: 'at least 0.5 of one statement', contender: OURS, against: RAW, atLeast: 0.5 },
      { target: 'at least 5 times Prisma, item by item', contender: OURS, against: PEER, atLeast: 5 },
    ],
  }
}

/** What is read where nothing is due, and where something is overdue, before and after timers that are done are added. */
async function measureReads(
  engine: Engine,
  { owner }: BenchDatabase,
  turns: number,
  idleBefore: number,
  { finished, say }: BenchOptions,
): Promise<{ rows: readonly Row[]; targets: readonly Target[] }> {
  const swept = await engine.idleBlocks(dueBy(turns))
  await owner.query('vacuum (analyze) inventory_item')
  const vacuumed = await engine.idleBlocks(dueBy(turns))
  const overdue = await engine.statusBlocks(dueBy(turns + 1))
  await addFinished(owner, finished, say)
  const idleFinished = await engine.idleBlocks(dueBy(turns))
  const overdueFinished = await engine.statusBlocks(dueBy(turns + 1))
  const many = `${finished} more finished`
  const most = Math.max(idleBefore, vacuumed, idleFinished)
  return {
    rows: [
      blocks('idle poll', 'a million pending', idleBefore),
      blocks('idle poll', 'after the sweeps', swept),
      blocks('idle poll', 'after the sweeps and a vacuum', vacuumed),
      blocks('idle poll', many, idleFinished),
      blocks('status, a turn overdue', 'after the sweeps and a vacuum', overdue),
      blocks('status, a turn overdue', many, overdueFinished),
    ],
    targets: [
      {
        ...{ workload: 'idle poll', target: `at most ${IDLE_BLOCKS_MAX} blocks` },
        ...{ measured: most, met: most <= IDLE_BLOCKS_MAX },
      },
      {
        ...{ workload: 'status, a turn overdue', target: 'no more blocks with finished timers' },
        ...{ measured: overdueFinished, met: overdueFinished <= overdue },
      },
    ],
  }
}

const blocks = (workload: string, contender: string, median: number): Row => ({
  ...{ workload, contender, unit: 'blocks of 8 KiB', median, ratioToRaw: null, cpuMsPerRequest: null },
})

async function makeDatabases(postgres: BenchPostgres, dataDir: string, say: (line: string) => void) {
  const startedMs = performance.now()
  let filledMs = 0
  const [ours, oneLane, raw, peer] = await postgres.createAlike(4, async ({ owner, appUrl }) => {
    const engine = await openEngine(appUrl, dataDir)
    const epoch = await engine.begin()
    await engine.close()
    await owner.query(fillSql(epoch))
    await owner.query('vacuum (analyze)')
    filledMs = performance.now() - startedMs
    const { rows } = await owner.query<{ fsync: string }>('show fsync')
    say(`fsync of the database is ${rows[0]?.fsync}; that of the ledger outside is on`)
  })
  if (!ours || !oneLane || !raw || !peer) throw new Error('four databases were asked for')
  const seconds = (ms: number) => Math.round(ms / 1000)
  say(
    `a million timers in ${seconds(filledMs)} s, three copies of them in ${seconds(performance.now() - startedMs - filledMs)} s`,
  )
  return { ours, oneLane, raw, peer }
}
