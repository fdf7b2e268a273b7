import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SEEDED_ACCOUNT_ID } from '../../test/kit/seeded.ts'
import { foreignLoad } from '../cpu.ts'
import { type BenchOptions, type BenchResult, type Contender, measure, timed, type Workload } from '../frame.ts'
import { createClient, inParallel } from '../load.ts'
import { type BenchDatabase, openBenchPostgres } from '../postgres.ts'
import type { DirectOrder } from './direct.ts'
import { callsOf, monthsOfEvents } from './events.ts'
import { type Ours, startOurs } from './ours.ts'

/** How many events a call carries, and how many calls a turn has; `createMany` gets fewer, for it takes far longer. */
const SIZES = [
  { size: 100, calls: 600, slowCalls: 60, width: 8 },
  { size: 5_000, calls: 16, slowCalls: 2, width: 4 },
] as const
type Size = (typeof SIZES)[number]

const CONNECTIONS = 8
const RECORD = `mutation Record($input: RecordUsageInput!) { recordUsage(input: $input) { __typename
  ... on RecordUsageSuccess { recorded { events } duplicates { events } } ... on Problem { code } } }`

/**
 * Recording usage, W3: the API over HTTP with a gateway's token, protections, audit and row-level security; node:http
 * with one `unnest` statement and none of them; the same statement without HTTP; Prisma's `createMany`. Same tables,
 * keys and indexes, in two databases of one PostgreSQL.
 */
export async function benchIngest(options: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack()
  const postgres = await openBenchPostgres(options.postgresUrl)
  stack.defer(() => postgres.close())
  const database = async () => {
    const made = await postgres.create()
    stack.defer(() => made.drop())
    return made
  }
  const [own, bare] = [await database(), await database()]
  for (const month of monthsOfEvents()) await bare.owner.query('select app.ensure_usage_partition($1)', [month])
  const dataDir = await mkdtemp(join(tmpdir(), 'privacy-bench-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const ours = await startOurs(own.appUrl, dataDir, CONNECTIONS)
  stack.defer(async () => void (await ours.server.stop()))
  const child = async (script: string, ...args: string[]) => {
    const made = await forkChild(script, ...args, bare.ownerUrl, SEEDED_ACCOUNT_ID, String(CONNECTIONS))
    stack.defer(() => void made.process.kill())
    return made
  }
  const rawServer = await child('raw-server.ts')
  const [unnest, createMany] = [await child('direct.ts', 'unnest'), await child('direct.ts', 'createMany')]
  const foreign = foreignLoad(postgres.families)
  const results = []
  for (const size of SIZES)
    results.push(
      await measure(
        workloadOf(size, [
          viaApi(size, own, ours),
          viaHttp(size, bare, rawServer.process, `http://127.0.0.1:${rawServer.said}/`),
          direct('unnest without HTTP', size, bare, unnest.process, size.calls),
          direct('Prisma createMany', size, bare, createMany.process, size.slowCalls),
        ]),
        options,
        foreign,
      ),
    )
  return {
    name: 'ingest',
    backend: 'postgres',
    rounds: Math.min(...results.map(({ rounds }) => rounds)),
    rows: results.flatMap(({ rows }) => rows),
    targets: results.flatMap(({ targets }) => targets),
  }
}

const API = 'API over HTTP'
const RAW = 'raw: http and unnest'

function workloadOf({ size }: Size, contenders: readonly Contender[]): Workload {
  const target = (against: string, atLeast: number) => ({
    target: `W3: at least ${atLeast} of ${against}`,
    contender: API,
    against,
    atLeast,
  })
  return {
    name: `ingest, ${size} events a call`,
    unit: 'events/s',
    raw: RAW,
    contenders,
    targets: [target(RAW, 0.6), target('Prisma createMany', 8)],
  }
}

let turns = 0
/** A fresh turn: an empty table and the name of its events. */
async function newTurn(database: BenchDatabase): Promise<string> {
  await database.owner.query('truncate usage_event')
  turns += 1
  return `t${turns}`
}

function viaApi({ size, calls, width }: Size, database: BenchDatabase, { server, token, account }: Ours): Contender {
  return {
    name: API,
    async turn() {
      const batches = callsOf(await newTurn(database), calls, size)
      const bodies = batches.map((events) => {
        const input = {
          accountId: account,
          events: events.map((each) => ({ ...each, payloadBytes: String(each.payloadBytes) })),
        }
        return Buffer.from(JSON.stringify({ query: RECORD, variables: { input } }))
      })
      const headers = { authorization: `Bearer ${token}` }
      return postAll(server.child, `${server.url}/graphql`, { bodies, width, size, headers }, (answer) => {
        return JSON.parse(answer).data?.recordUsage?.recorded?.events
      })
    },
  }
}

function viaHttp({ size, calls, width }: Size, database: BenchDatabase, process: ChildProcess, url: string): Contender {
  return {
    name: RAW,
    async turn() {
      const batches = callsOf(await newTurn(database), calls, size)
      const bodies = batches.map((events) => Buffer.from(JSON.stringify({ events })))
      return postAll(process, url, { bodies, width, size, headers: {} }, (answer) => JSON.parse(answer).recorded)
    },
  }
}

type Posts = {
  readonly bodies: readonly Buffer[]
  readonly width: number
  readonly size: number
  readonly headers: Readonly<Record<string, string>>
}

async function postAll(
  { pid = 0 }: ChildProcess,
  url: string,
  { bodies, width, size, headers }: Posts,
  recordedIn: (answer: string) => unknown,
) {
  const client = createClient(width)
  try {
    return await timed(pid, { units: bodies.length * size, requests: bodies.length }, () =>
      inParallel(bodies, width, async (body) => {
        const answer = await client.post(url, body, headers)
        if (recordedIn(answer) !== size) throw new Error(`not every event was recorded: ${answer.slice(0, 300)}`)
      }),
    )
  } finally {
    client.close()
  }
}

function direct(
  name: string,
  { size }: Size,
  database: BenchDatabase,
  process: ChildProcess,
  calls: number,
): Contender {
  return {
    name,
    async turn() {
      const turn = await newTurn(database)
      process.send({ turn, calls, size } satisfies DirectOrder)
      const [answer] = await once(process, 'message')
      if (answer.failed) throw new Error(`${name}: ${answer.failed}`)
      return { units: calls * size, requests: calls, seconds: answer.seconds, cpuMs: answer.cpuMs }
    },
  }
}

/** Starts a contender of its own process and waits for its first word. */
async function forkChild(script: string, ...args: string[]): Promise<{ process: ChildProcess; said: unknown }> {
  const process = fork(fileURLToPath(new URL(script, import.meta.url)), args)
  const [said] = await Promise.race([
    once(process, 'message'),
    once(process, 'exit').then(() => Promise.reject(new Error(`${script} did not start`))),
  ])
  return { process, said }
}
