import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PLATFORM_ACCOUNT_ID } from '../src/db/caller.ts'
import { Database } from '../src/db/database.ts'
import { deriveLoginUrls, openPostgres } from '../src/db/postgres.ts'
import {
  INVENTORY_RECONCILE,
  reconcileHandler,
  reconcilePayload,
} from '../src/domains/processing/reconciliation.jobs.ts'
import { enqueueJob, runJobStep } from '../src/jobs/jobs.ts'
import { SYSTEMS } from '../src/systems.ts'
import { systemClock } from '../src/time/clock.ts'
import { newId } from '../src/time/id.ts'
import { type BenchOptions, type BenchResult, quantile, type Row, rounded } from './frame.ts'
import { openBenchPostgres } from './postgres.ts'

const SUBJECTS = 50_000
/** Two of each person, and the account's own. */
const ITEMS = 2 * SUBJECTS + 1
/** One of so many persons has a row without an item, and two items without a row. */
const EVERY = 1_000

type Turn = { readonly seconds: number; readonly steps: number; readonly peakMb: number }

/**
 * Compares the inventory of an account of 50,000 persons, each with an item for itself and one for a month of usage, with
 * what the systems hold, and checks that everything that was put wrong is found and nothing else. No target is set for
 * it. Memory is that of this process, which is the worker's; the database has its own.
 */
export async function benchReconcile({ rounds, postgresUrl, say }: BenchOptions): Promise<BenchResult> {
  const postgres = await openBenchPostgres(postgresUrl)
  const database = await postgres.create()
  const db = new Database(await openPostgres({ ...deriveLoginUrls(database.appUrl), poolMax: 2 }))
  const turns: Turn[] = []
  try {
    await database.owner.query(fillSql())
    const beforeMb = process.memoryUsage().rss / 1e6
    const liveBeforeMb = liveMb()
    for (let round = 0; round < rounds; round += 1) {
      turns.push(await turn(db))
      say(`round ${round + 1} of ${rounds}`)
    }
    const live: number[] = []
    await turn(db, () => live.push(liveMb()))
    const rows = rowsOf(turns, { beforeMb, liveBeforeMb, liveMb: Math.max(...live) })
    return { name: 'reconcile', backend: 'postgres', rounds, rows, targets: [] }
  } finally {
    await db.close()
    await database.drop()
    await postgres.close()
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Memory of objects that are in use, in MB (10^6 bytes). */
function liveMb(): number {
  collect()
  return process.memoryUsage().heapUsed / 1e6
}

type Memory = { readonly beforeMb: number; readonly liveBeforeMb: number; readonly liveMb: number }

function rowsOf(turns: readonly Turn[], memory: Memory): Row[] {
  const row = (workload: string, unit: string, values: readonly number[]): Row => ({
    workload,
    contender: '100,000 items',
    unit,
    median: rounded(quantile(values, 0.5)),
    ratioToRaw: null,
    cpuMsPerRequest: null,
  })
  const of = (figure: (turn: Turn) => number) => turns.map(figure)
  return [
    row(
      'time',
      's',
      of(({ seconds }) => seconds),
    ),
    row(
      'items a second',
      'items/s',
      of(({ seconds }) => ITEMS / seconds),
    ),
    row(
      'transactions',
      'steps',
      of(({ steps }) => steps),
    ),
    row('resident memory before', 'MB', [memory.beforeMb]),
    row('resident memory, highest', 'MB', [Math.max(...of(({ peakMb }) => peakMb))]),
    row('heap in use before', 'MB', [memory.liveBeforeMb]),
    row('heap in use after a step, highest', 'MB', [memory.liveMb]),
  ]
}

/** One comparison; `afterStep` is for what must not be timed. */
async function turn(db: Database, afterStep?: () => void): Promise<Turn> {
  const id = newId(systemClock)
  const accountId = PLATFORM_ACCOUNT_ID
  await db.worker(async (tx) => {
    const job = { accountId, kind: INVENTORY_RECONCILE, caller: 'SYSTEM:-', payload: reconcilePayload(id, null) }
    const jobId = await enqueueJob(tx, systemClock, { ...job, total: ITEMS })
    await tx.reconciliation.createMany({ data: [{ accountId, id, jobId, startedAt: systemClock.now() }] })
  })
  const handler = reconcileHandler(systemClock, SYSTEMS)
  let peak = 0
  let steps = 0
  const startedMs = performance.now()
  while (await runJobStep(db, systemClock, [handler])) {
    steps += 1
    afterStep?.()
    peak = Math.max(peak, process.memoryUsage().rss)
  }
  const seconds = (performance.now() - startedMs) / 1000
  const found = await db.worker((tx) =>
    tx.reconciliation.findUniqueOrThrow({ where: { accountId_id: { accountId, id } } }),
  )
  const { items, missing, orphaned, finishedAt } = found
  const wrong = SUBJECTS / EVERY
  if (!finishedAt || Number(missing) !== wrong || Number(orphaned) !== 2 * wrong || Number(items) !== ITEMS)
    throw new Error(`the comparison found something else: ${items} items, ${missing} missing, ${orphaned} orphaned`)
  return { seconds, steps, peakMb: peak / 1e6 }
}

/** Rows and items of one account: the usage of person n has no item where n is 1 of 1,000, and no row where it is 2. */
const fillSql = () => `
  insert into account (id, is_platform, name_cipher, country, region, created_at)
    values ('0199aa00-0000-7000-8000-000000000001', false, '', 'DE', 'eu-central', now());
  insert into subject (account_id, id, kind, created_at, updated_at)
    select '0199aa00-0000-7000-8000-000000000001'::uuid, gen_random_uuid(), 'END_USER', now(), now()
    from generate_series(1, ${SUBJECTS});
  select app.ensure_usage_partition(date_trunc('month', now() at time zone 'UTC')::date);
  create temporary table person as select id, row_number() over (order by id) as n from subject;
  insert into usage_event (account_id, occurred_at, request_id, kind, subject_id, recorded_at)
    select '0199aa00-0000-7000-8000-000000000001'::uuid, date_trunc('month', now() at time zone 'UTC') at time zone 'UTC',
      'r' || n, 'API_REQUEST', id, now() from person where n % ${EVERY} <> 2;
  insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis, collected_at,
    state_changed_at)
    select '0199aa00-0000-7000-8000-000000000001', gen_random_uuid(), id, category::data_category, system, locator,
      '{SERVICE_PROVISION}', 'CONTRACT', now(), now()
    from (
      select id, 'ACCOUNT' as category, 'accounts' as system, 'subject' as locator from person
      union all
      select null, 'ACCOUNT', 'accounts', 'account'
      union all
      select id, 'USAGE', 'usage', 'usage_event/' || to_char(now() at time zone 'UTC', 'YYYY-MM') from person
        where n % ${EVERY} <> 1
      union all
      -- As many as were left out, in a place where nothing lies.
      select id, 'ACCOUNT', 'accounts', 'identity_link' from person where n % ${EVERY} = 1) as item;
  analyze`
