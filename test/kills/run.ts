import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import type { Deps } from '../../src/domains/deps.ts'
import { FAILPOINTS } from '../../src/domains/retention/failpoints.rules.ts'
import { replayErasures } from '../../src/domains/retention/replay.service.ts'
import { ledgerKey } from '../../src/ledger/file-ledger.ts'
import { readLedger } from '../../src/ledger/read-ledger.ts'
import { keyFileOf } from '../../src/resources.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { TestClock } from '../kit/clock.ts'
import { spawnProgram } from '../kit/server-process.ts'
import { chances } from '../webhooks/unreliable.ts'
import type { ChildOrder } from './child.ts'
import { type Kill, TERMINATED } from './failpoint.ts'
import { type Fault, judge } from './judge.ts'
import { ledgerDirOf, type MadePlace, makePlace, openPlace, type Place } from './place.ts'
import { SEEDED_AT, type Seed, seed } from './seed.ts'

export type KillOptions = {
  readonly backend: 'pglite' | 'postgres'
  /** Of a migrated, empty database. @see ProvidedContext */
  readonly template: string
  readonly kills: number
  /** Where and when is drawn from it: the same seed gives the same kills. */
  readonly seed: number
  /** Persons of each of five accounts; 3 at least. */
  readonly persons: number
  readonly batch: number
  /** Which places; default: all in turn, in an order that is drawn. */
  readonly places?: readonly string[]
  /** Whether the engine is one that does it wrong. */
  readonly broken?: boolean
  readonly say?: (line: string) => void
}

export type KillResult = {
  /** How many processes, or their sessions, were ended in the middle. */
  readonly kills: number
  /** Processes that were started. */
  readonly starts: number
  readonly databases: number
  /** How often at each place. */
  readonly places: Readonly<Record<string, number>>
  readonly faults: readonly Fault[]
}

/** All is due at the first start; each further one is an hour later, so that what was put off is taken up again. */
const FIRST_START = Date.parse('2026-03-15T12:00:00.000Z')
const HOUR_MS = 3_600_000
/** Starts of one database after which something is not getting done. */
const STARTS_MAX = 200
/** The last passing of a place that is drawn. */
const PASSING_MAX = 3
/** Of so many kills on PostgreSQL one ends sessions, and not the process. */
const TERMINATE_EVERY = 4

/**
 * Fills databases and lets processes of the engine work on them, each of which is ended at a place that was drawn, until
 * so many were; then without, until nothing is due. Each database is compared with what must have become of it.
 */
export async function runKills(options: KillOptions): Promise<KillResult> {
  const waiting = drawKills(options)
  const done: Kill[] = []
  const faults: Fault[] = []
  let [starts, databases] = [0, 0]
  while (waiting.length > 0) {
    databases += 1
    const before = done.length
    const { drop, ...made } = await makePlace(options.backend, options.template)
    const { place } = made
    try {
      const seeded = await fill(made, options.persons)
      starts += await workOff({ options, place, seeded, waiting, done, faults })
      faults.push(...(await check(place, seeded)))
    } finally {
      await drop()
    }
    if (done.length === before) throw new Error('the engine passed none of the places that were drawn')
  }
  const places: Record<string, number> = {}
  for (const { place } of done) places[place] = (places[place] ?? 0) + 1
  return { kills: done.length, starts, databases, places, faults }
}

/** Every place in turn, each time in another order; each at its first, second or third passing. */
function drawKills({ kills, seed: from, places = FAILPOINTS, backend }: KillOptions): Kill[] {
  const chance = chances(from)
  const drawn: Kill[] = []
  while (drawn.length < kills) {
    const shuffled = places.map((place) => ({ place, by: chance() })).sort((a, b) => a.by - b.by)
    for (const { place } of shuffled) {
      const passing = 1 + Math.floor(chance() * PASSING_MAX)
      const terminates = backend === 'postgres' && drawn.length % TERMINATE_EVERY === 0
      drawn.push({ place, passing, how: terminates ? 'TERMINATE' : 'KILL' })
    }
  }
  return drawn.slice(0, kills)
}

async function fill({ place, loadDataDir }: Omit<MadePlace, 'drop'>, persons: number): Promise<Seed> {
  const { deps, close } = await openPlace({ ...place, ...(loadDataDir ? { loadDataDir } : {}) }, SEEDED_AT)
  const seeded = await seed(deps, persons)
  await close()
  return seeded
}

type Work = {
  readonly options: KillOptions
  readonly place: Place
  readonly seeded: Seed
  readonly waiting: Kill[]
  readonly done: Kill[]
  readonly faults: Fault[]
}

/** Starts one process after the other until one comes to its end with nothing due. @returns how many */
async function workOff({ options, place, seeded, waiting, done, faults }: Work): Promise<number> {
  let openLines = 0
  for (let starts = 1; starts <= STARTS_MAX; starts += 1) {
    const kill = waiting[0] ?? null
    const order: ChildOrder = {
      ...{ place, kill, seed: options.seed + starts, batch: options.batch, requests: seeded.requests },
      now: new Date(FIRST_START + starts * HOUR_MS).toISOString(),
      broken: options.broken ?? false,
    }
    const child = spawnProgram('test/kills/child.ts', {}, [JSON.stringify(order)])
    const { code, signal, output } = await child.ended
    const isKilled = signal === 'SIGKILL' || output.includes(TERMINATED)
    if (kill !== null && isKilled) {
      done.push(kill)
      waiting.shift()
      options.say?.(`${done.length}: ${kill.how} at ${kill.place}, passing ${kill.passing}`)
      const open = await countOpenLines(place)
      if (signal === 'SIGKILL') faults.push(...judgeOpenLines(kill, open - openLines))
      openLines = open
    } else if (code !== 0) throw new Error(`the engine ended with ${code ?? signal}:\n${output}`)
    else if (/^due 0$/m.test(output)) return starts
  }
  throw new Error(`after ${STARTS_MAX} starts something is still due`)
}

const PLACES: readonly string[] = FAILPOINTS
const ANNOUNCED_FROM = PLACES.indexOf('announced')

/** What was announced in the ledger outside, and of which it does not say how it went. */
async function countOpenLines(place: Place): Promise<number> {
  const path = keyFileOf(place.dataDir)
  const keys = await LocalKeyProvider.open({ path, clock: new TestClock(), mayCreate: false })
  const { publicKey } = await ledgerKey(keys)
  const open = new Set<string>()
  for await (const { kind, id } of readLedger(ledgerDirOf(place), publicKey)) {
    if (kind === 'INTENT') open.add(id)
    else if (kind !== 'FILE') open.delete(id)
  }
  return open.size
}

/** A process that was killed behind the announcement of an effect left its line on disk; before it, it left none. */
function judgeOpenLines({ place }: Kill, left: number): Fault[] {
  const due = PLACES.indexOf(place) >= ANNOUNCED_FROM ? 1 : 0
  return left === due ? [] : [{ kind: 'TORN', what: `killed at ${place}, ${left} lines are open and not ${due}` }]
}

async function check(place: Place, seeded: Seed): Promise<readonly Fault[]> {
  const { deps, close } = await openPlace(place, new Date(FIRST_START + (STARTS_MAX + 1) * HOUR_MS).toISOString())
  const faults = [...(await judge(place, deps, seeded)), ...(await judgeReplay(place, deps))]
  await close()
  return faults
}

/** Of lines that do not say how it went, a replay finds nothing that is left to do. */
async function judgeReplay(place: Place, deps: Deps): Promise<readonly Fault[]> {
  const { publicKey } = await ledgerKey(deps.keyProvider)
  const lines = () => readLedger(ledgerDirOf(place), publicKey)
  const { items, rows, keysDestroyed, held, unannounced } = await replayErasures(deps, SYSTEMS, { lines })
  const found = { items, rows, keysDestroyed, held, unannounced }
  if (Object.values(found).every((count) => count === 0)) return []
  return [{ kind: 'TORN', what: `a replay found ${JSON.stringify(found)}` }]
}
