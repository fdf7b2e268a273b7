import { cpuSecondsOf, type Foreign } from './cpu.ts'

/** What one contender did in one turn. */
export type Turn = {
  /** Things done: events, requests. */
  readonly units: number
  readonly requests: number
  readonly seconds: number
  /** CPU of the contender's own process, in milliseconds; not that of the load or the database. */
  readonly cpuMs: number
}

/** One of those that do the same work in turn. `turn` throws when any answer is not the expected one. */
export type Contender = { readonly name: string; turn(): Promise<Turn> }

/** A work and who does it. */
export type Workload = {
  readonly name: string
  readonly unit: string
  /** The contender that the others are divided by. */
  readonly raw: string
  readonly contenders: readonly Contender[]
  readonly targets: readonly TargetRule[]
}

/** `contender` must reach `atLeast` times the speed of `against`. */
export type TargetRule = {
  readonly target: string
  readonly contender: string
  readonly against: string
  readonly atLeast: number
}

/** A line of the result. `ratioToRaw` is the median of the ratios paired by round. */
export type Row = {
  readonly workload: string
  readonly contender: string
  readonly unit: string
  readonly median: number
  readonly ratioToRaw: number | null
  readonly cpuMsPerRequest: number | null
}

/** `measured` is the lower quartile of the paired ratios; `met` also asks for nine rounds. */
export type Target = {
  readonly workload: string
  readonly target: string
  readonly measured: number
  readonly met: boolean
}

/** What a bench found; with `--json` printed as the last line. */
export type BenchResult = {
  readonly name: string
  readonly backend: 'pglite' | 'postgres'
  /** Rounds that counted, the least of all workloads. */
  readonly rounds: number
  readonly rows: readonly Row[]
  readonly targets: readonly Target[]
}

/** How a bench is run. */
export type BenchOptions = {
  readonly rounds: number
  /** How many events the bench of webhooks sends. */
  readonly events: number
  /** How many finished timers the bench of retention adds before it looks for overdue ones again. */
  readonly finished: number
  /** A login that owns a PostgreSQL, or undefined where none is named. */
  readonly postgresUrl: string | undefined
  /** Other processes may use this much of one core before a round is dropped; 0.25 where figures are reported. */
  readonly foreignCoresMax: number
  /** Told in words how it goes. */
  readonly say: (line: string) => void
}

/** Rounds that judge a target. */
const ROUNDS_TO_JUDGE = 9
/** Rounds disturbed by others are repeated, up to this many times the number asked for. */
const ATTEMPTS_PER_ROUND = 4

type Round = ReadonlyMap<string, Turn>

const speed = ({ units, seconds }: Turn) => units / seconds

/** The value below which `share` of the values lie, by linear interpolation. @throws Error when there is none */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const low = sorted[Math.floor(place)]
  const high = sorted[Math.ceil(place)]
  if (low === undefined || high === undefined) throw new Error('there is nothing to take a quantile of')
  return low + (high - low) * (place - Math.floor(place))
}

/**
 * Runs a workload: in each round every contender once, the order turning by one, after one round that does not count.
 * A round in which other processes used more than `foreignCoresMax` is dropped and repeated.
 * @throws Error when not one round was undisturbed
 */
export async function measure(
  workload: Workload,
  options: BenchOptions,
  foreign: Foreign,
): Promise<{ rounds: number; rows: Row[]; targets: Target[] }> {
  const { contenders } = workload
  const kept: Round[] = []
  let dropped = 0
  for (const contender of contenders) await contender.turn()
  for (let attempt = 0; kept.length < options.rounds && attempt < options.rounds * ATTEMPTS_PER_ROUND; attempt++) {
    const load = await foreign.start()
    const round = new Map<string, Turn>()
    for (let index = 0; index < contenders.length; index++) {
      const contender = contenders[(index + attempt) % contenders.length]
      if (contender) round.set(contender.name, await contender.turn())
    }
    if ((await load.cores()) <= options.foreignCoresMax) kept.push(round)
    else dropped += 1
  }
  if (kept.length === 0) throw new Error(`${workload.name}: other processes disturbed every round`)
  options.say(`${workload.name}: ${kept.length} rounds, ${dropped} dropped for the load of other processes`)
  return { rounds: kept.length, rows: rowsOf(workload, kept), targets: targetsOf(workload, kept) }
}

function turnsOf(rounds: readonly Round[], name: string): Turn[] {
  return rounds.map((round) => {
    const turn = round.get(name)
    if (!turn) throw new Error(`there is no contender ${name}`)
    return turn
  })
}

function ratios(rounds: readonly Round[], name: string, against: string): number[] {
  const base = turnsOf(rounds, against)
  return turnsOf(rounds, name).map((turn, index) => speed(turn) / speed(base[index] as Turn))
}

function rowsOf(workload: Workload, rounds: readonly Round[]): Row[] {
  return workload.contenders.map(({ name }) => {
    const turns = turnsOf(rounds, name)
    return {
      workload: workload.name,
      contender: name,
      unit: workload.unit,
      median: rounded(quantile(turns.map(speed), 0.5)),
      ratioToRaw: rounded(quantile(ratios(rounds, name, workload.raw), 0.5)),
      cpuMsPerRequest: rounded(
        quantile(
          turns.map((turn) => turn.cpuMs / turn.requests),
          0.5,
        ),
      ),
    }
  })
}

function targetsOf(workload: Workload, rounds: readonly Round[]): Target[] {
  return workload.targets.map(({ target, contender, against, atLeast }) => {
    const measured = quantile(ratios(rounds, contender, against), 0.25)
    const met = rounds.length >= ROUNDS_TO_JUDGE && measured >= atLeast
    return { workload: workload.name, target, measured: rounded(measured), met }
  })
}

/** Three significant digits, integers whole. */
export const rounded = (value: number) => (value >= 1_000 ? Math.round(value) : Number(value.toPrecision(3)))

/** Runs `work` and measures time, and the CPU of process `pid`. */
export async function timed(
  pid: number,
  count: { readonly units: number; readonly requests: number },
  work: () => Promise<void>,
): Promise<Turn> {
  const cpuBefore = cpuSecondsOf(pid)
  const startedMs = performance.now()
  await work()
  const seconds = (performance.now() - startedMs) / 1000
  return { ...count, seconds, cpuMs: (cpuSecondsOf(pid) - cpuBefore) * 1000 }
}
