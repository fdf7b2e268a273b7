import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Session, systemSession } from '../../src/auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { DEMO_GATEWAY_ID } from '../../src/demo/demo-data.ts'
import type { Deps } from '../../src/domains/deps.ts'
import { recordUsage } from '../../src/domains/usage/usage.service.ts'
import { readDatabaseEnv, readKeysEnv, readSettingsEnv } from '../../src/env.ts'
import { openResources } from '../../src/resources.ts'
import { SEEDED_ACCOUNT_ID, seedDatabase } from '../../test/kit/seeded.ts'
import { foreignLoad } from '../cpu.ts'
import { type BenchOptions, type BenchResult, measure, type Row, timed, type Workload } from '../frame.ts'
import { type BenchEvent, callsOf } from '../ingest/events.ts'
import { inParallel } from '../load.ts'
import { type BenchDatabase, openBenchPostgres } from '../postgres.ts'
import { BareDatabase } from './bare-database.ts'

const CONNECTIONS = 4
const PERSONS = 5_000
const DOOR = 'with the door'
const BARE = 'without the door'

/** Whom the events of a call belong to, and whether their items are there already. */
type Case = {
  readonly name: string
  readonly size: number
  readonly calls: number
  readonly persons: number
  readonly kept: boolean
}
const CASES: readonly Case[] = [
  { name: '100 events of nobody', size: 100, calls: 200, persons: 0, kept: true },
  { name: '100 events of 100 persons with items', size: 100, calls: 200, persons: 100, kept: true },
  { name: '100 events of 100 persons, all items new', size: 100, calls: 50, persons: PERSONS, kept: false },
  { name: '5,000 events of 5,000 persons with items', size: 5_000, calls: 8, persons: PERSONS, kept: true },
  { name: '5,000 events of 5,000 persons, all items new', size: 5_000, calls: 1, persons: PERSONS, kept: false },
]

/**
 * What it costs that every write of usage goes with its items: `recordUsage` beside the same call without the one
 * statement that writes items, on one PostgreSQL, without HTTP. No target is set for it.
 */
export async function benchDoor(options: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack()
  const postgres = await openBenchPostgres(options.postgresUrl)
  stack.defer(() => postgres.close())
  const database = await postgres.create()
  stack.defer(() => database.drop())
  const dataDir = await mkdtemp(join(tmpdir(), 'privacy-bench-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const env = { DATABASE_URL: database.appUrl, DATA_DIR: dataDir, DATABASE_POOL_MAX: String(CONNECTIONS) }
  await seedDatabase(env)
  const deps = await openResources({
    database: readDatabaseEnv(env),
    keys: readKeysEnv({}),
    settings: readSettingsEnv({}),
  })
  stack.defer(() => deps.close())
  const backend = await openPostgres({ ...deriveLoginUrls(database.appUrl), poolMax: CONNECTIONS })
  const bare = new BareDatabase(backend)
  stack.defer(() => bare.close())
  const persons = await addPersons(database)
  const foreign = foreignLoad(postgres.families)
  const results = []
  const items: Row[] = []
  for (const each of CASES) {
    const turn = (of: Deps) => () => runTurn(each, database, of, persons)
    const contenders = [
      { name: DOOR, turn: turn(deps) },
      { name: BARE, turn: turn({ ...deps, db: bare }) },
    ]
    results.push(await measure(workloadOf(each, contenders), options, foreign))
    const before = each.kept ? await countItems(database) : 0
    await runTurn(each, database, deps, persons)
    items.push(itemsPerCall(each, (await countItems(database)) - before))
  }
  return {
    name: 'door',
    backend: 'postgres',
    rounds: Math.min(...results.map(({ rounds }) => rounds)),
    rows: [...results.flatMap(({ rows }) => rows), ...items],
    targets: results.flatMap(({ targets }) => targets),
  }
}

function workloadOf({ name }: Case, contenders: Workload['contenders']): Workload {
  return { name, unit: 'events/s', raw: BARE, contenders, targets: [] }
}

/** Persons as the database's own statement makes them. @returns their ids */
async function addPersons({ owner }: BenchDatabase): Promise<string[]> {
  const { rows } = await owner.query<{ id: string }>(
    `insert into subject (account_id, id, kind, created_at, updated_at)
     select $1, gen_random_uuid(), 'END_USER', now(), now() from generate_series(1, ${PERSONS}) returning id::text as id`,
    [SEEDED_ACCOUNT_ID],
  )
  return rows.map(({ id }) => id)
}

const gateway: Session = {
  ...systemSession(PLATFORM_ACCOUNT_ID),
  principal: 'GATEWAY',
  callerId: DEMO_GATEWAY_ID,
  reach: 'NONE',
}

let turns = 0

/** A turn on an empty table of events; items are kept from turn to turn, or gone. */
async function runTurn(of: Case, { owner }: BenchDatabase, deps: Deps, persons: readonly string[]) {
  turns += 1
  await owner.query('truncate usage_event')
  if (!of.kept) await owner.query(`delete from inventory_item where system = 'usage'`)
  const batches = callsOf(`t${turns}`, of.calls, of.size).map((events, call) =>
    events.map((event, index) => inputOf(event, of.persons && persons[(call * of.size + index) % of.persons])),
  )
  return timed(process.pid, { units: of.calls * of.size, requests: of.calls }, () =>
    inParallel(batches, CONNECTIONS, async (events) => {
      const call = { caller: gateway, requestId: 'bench' }
      const { recorded } = await recordUsage(deps, call, { accountId: SEEDED_ACCOUNT_ID, events })
      if (recorded.events !== of.size) throw new Error('not every event was recorded')
    }),
  )
}

const inputOf = ({ occurredAt, ...rest }: BenchEvent, subjectId: string | undefined | 0) => ({
  ...rest,
  occurredAt: new Date(occurredAt),
  payloadBytes: BigInt(rest.payloadBytes),
  subjectId: subjectId || null,
})

async function countItems({ owner }: BenchDatabase): Promise<number> {
  const { rows } = await owner.query<{ items: number }>(
    `select count(*)::int as items from inventory_item where system = 'usage'`,
  )
  return rows[0]?.items ?? 0
}

/** How many items a call of a turn made. */
function itemsPerCall({ name, calls }: Case, made: number): Row {
  const row = { workload: name, contender: DOOR, unit: 'new items a call', ratioToRaw: null, cpuMsPerRequest: null }
  return { ...row, median: made / calls }
}
