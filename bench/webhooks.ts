import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemSession } from '../src/auth/session.ts'
import { Keyring } from '../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../src/crypto/local-key-provider.ts'
import { Database } from '../src/db/database.ts'
import { deriveLoginUrls, openPostgres } from '../src/db/postgres.ts'
import { insertAccount } from '../src/domains/accounts/account.service.ts'
import { ensurePlatformAccount } from '../src/domains/accounts/platform-account.service.ts'
import { DEFAULT_SETTINGS, type Deps, NO_FAILPOINT } from '../src/domains/deps.ts'
import { emitEvent } from '../src/domains/events/events.service.ts'
import { ensureRetentionRules } from '../src/domains/retention/retention-seed.service.ts'
import { createWebhookEndpoint } from '../src/domains/webhooks/webhook-endpoint.service.ts'
import { FileLedger } from '../src/ledger/file-ledger.ts'
import { keyFileOf } from '../src/resources.ts'
import { systemClock } from '../src/time/clock.ts'
import { newId } from '../src/time/id.ts'
import { spawnProgram } from '../test/kit/server-process.ts'
import { openReceiver, verified } from '../test/webhooks/receiver.ts'
import { chances, judge, unreliable } from '../test/webhooks/unreliable.ts'
import type { BenchOptions, BenchResult } from './frame.ts'
import { type BenchDatabase, openBenchPostgres } from './postgres.ts'

const WORKERS = 3
const KILLS = 12
const KILL_MS = 1_500
const LOOK_MS = 500
const BATCH = 500

/**
 * Sends events to two endpoints that fail by chance, by three real workers (`src/worker.ts`) on PostgreSQL, of which one
 * is killed by SIGKILL every 1.5 s, twelve times, and replaced. The pauses between attempts are cut short by moving them
 * in the database; leases (60 s) are not. Tells what was lost, doubled, and how long it took.
 */
export async function benchWebhooks({ events, postgresUrl, say }: BenchOptions): Promise<BenchResult> {
  const postgres = await openBenchPostgres(postgresUrl)
  const database = await postgres.create()
  const dataDir = await mkdtemp(join(tmpdir(), 'privacy-bench-'))
  try {
    return await measure({ database, dataDir, events, say })
  } finally {
    await rm(dataDir, { recursive: true, force: true })
    await database.drop()
    await postgres.close()
  }
}

type Place = {
  readonly database: BenchDatabase
  readonly dataDir: string
  readonly events: number
  readonly say: (line: string) => void
}

async function measure(place: Place): Promise<BenchResult> {
  const { database, dataDir, events, say } = place
  const clock = systemClock
  const db = new Database(await openPostgres(deriveLoginUrls(database.appUrl)))
  const keyProvider = await LocalKeyProvider.open({ path: keyFileOf(dataDir), clock, mayCreate: true })
  const keys = new Keyring(keyProvider, clock)
  const ledger = new FileLedger(join(dataDir, 'ledger'), keyProvider)
  const deps: Deps = { db, keys, keyProvider, clock, settings: DEFAULT_SETTINGS, ledger, failpoint: NO_FAILPOINT }
  await deps.keys.ensureEpochRow(db, clock.now())
  const accountId = await makeAccount(deps)
  const targets = await Promise.all([1, 2].map((seed) => openTarget(deps, accountId, seed)))
  await emitAll(deps, accountId, events)
  say(`${events} events wait for 2 endpoints`)
  const startedMs = performance.now()
  const pack = new Pack(place)
  const kills = await pack.run(async () => isOver(place, events))
  const seconds = (performance.now() - startedMs) / 1000
  await db.close()
  const { rows } = await database.owner.query<{ event_id: string }>('select distinct event_id from webhook_delivery')
  const expected = rows.map((row) => row.event_id)
  const judged = targets.map(({ handled }) => judge(handled, expected))
  const forged = targets.flatMap(({ handled, endpoint }) =>
    handled.filter(({ arrival }) => {
      const { v1, v1a } = verified(arrival, endpoint)
      return v1 !== 1 || v1a !== 1
    }),
  )
  for (const { receiver } of targets) await receiver.close()
  const sum = (of: (each: (typeof judged)[number]) => number) => judged.reduce((total, each) => total + of(each), 0)
  const row = (unit: string, median: number) => ({
    ...{ workload: `${events} events to 2 endpoints`, contender: 'worker.ts' },
    ...{ unit, median, ratioToRaw: null, cpuMsPerRequest: null },
  })
  return {
    ...{ name: 'webhooks', backend: 'postgres', rounds: 1, targets: [] },
    rows: [
      row('deliveries to make', events * 2),
      row(
        'requests sent',
        sum((each) => each.requests),
      ),
      row('workers killed', kills),
      row(
        'deliveries lost',
        sum((each) => each.lost),
      ),
      row(
        'taken again under the same id',
        sum((each) => each.doubled),
      ),
      row(
        'out of order for a person',
        sum((each) => each.outOfOrder),
      ),
      row(
        'ids with two bodies',
        sum((each) => each.changed),
      ),
      row('signatures that do not verify', forged.length),
      row('seconds to the last', Math.round(seconds)),
    ],
  }
}

async function makeAccount(deps: Deps): Promise<string> {
  await ensureRetentionRules(deps)
  await ensurePlatformAccount(deps)
  const accountId = newId(deps.clock)
  await deps.db.write({ caller: systemSession(accountId), requestId: 'bench' }, (tx) =>
    insertAccount(deps, tx, accountId, { name: 'Bench', country: 'DE', region: 'eu' }, false),
  )
  return accountId
}

async function openTarget(deps: Deps, accountId: string, seed: number) {
  const receiver = await openReceiver()
  const { handled, behave } = unreliable(chances(seed), 0.0005)
  receiver.behave(behave)
  const call = { caller: systemSession(accountId), requestId: 'bench' }
  const made = await createWebhookEndpoint(deps, call, { url: receiver.url, label: null, kinds: [] })
  return { receiver, handled, endpoint: { id: made.id, secret: made.secret ?? '', publicKey: made.publicKey } }
}

async function emitAll({ db, clock }: Deps, accountId: string, events: number): Promise<void> {
  const people = Array.from({ length: Math.ceil(events / 5) }, () => randomUUID())
  const draw = chances(3)
  for (let done = 0; done < events; done += BATCH)
    await db.write({ caller: systemSession(accountId), requestId: 'bench' }, async (tx) => {
      for (let index = done; index < Math.min(events, done + BATCH); index += 1) {
        const subjectId = people[Math.floor(draw() * people.length)] ?? ''
        await emitEvent(tx, clock, { accountId, kind: 'subject.updated', subjectId, payload: { subjectId } })
      }
    })
}

/** Lets what waits for its next attempt wait no longer, and looks whether all has arrived. */
async function isOver({ database, say }: Place, events: number): Promise<boolean> {
  await database.owner.query(
    `update webhook_delivery set next_attempt_at = now() where state = 'PENDING' and next_attempt_at > now()`,
  )
  const { rows } = await database.owner.query<{ state: string; n: number }>(
    'select state::text, count(*)::int as n from webhook_delivery group by 1',
  )
  const of = (state: string) => rows.find((row) => row.state === state)?.n ?? 0
  say(`delivered ${of('DELIVERED')}, waiting ${of('PENDING')}, given up ${of('DEAD')}`)
  return of('DELIVERED') + of('DEAD') === events * 2
}

/** Workers, of which one is killed now and then. */
class Pack {
  readonly #env: Readonly<Record<string, string>>
  #workers: ReturnType<typeof spawnProgram>[] = []

  constructor({ database, dataDir }: Place) {
    this.#env = { DATA_DIR: dataDir, DATABASE_URL: database.appUrl, WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' }
  }

  #start(): void {
    this.#workers.push(spawnProgram('src/worker.ts', this.#env))
  }

  /** @returns how many workers were killed */
  async run(isOver: () => Promise<boolean>): Promise<number> {
    for (let index = 0; index < WORKERS; index += 1) this.#start()
    let kills = 0
    let killAtMs = performance.now() + 2 * KILL_MS
    while (!(await isOver())) {
      await delay(LOOK_MS)
      const [victim] = this.#workers
      if (kills === KILLS || performance.now() < killAtMs || !victim) continue
      victim.child.kill('SIGKILL')
      await victim.ended
      this.#workers = this.#workers.slice(1)
      this.#start()
      kills += 1
      killAtMs = performance.now() + KILL_MS
    }
    for (const { child } of this.#workers) child.kill('SIGKILL')
    await Promise.all(this.#workers.map(({ ended }) => ended))
    return kills
  }
}
