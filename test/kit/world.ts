import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { SCOPES } from '../../src/auth/permissions.ts'
import { Keyring } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { Database } from '../../src/db/database.ts'
import { DEMO_ACCOUNTS, demoSub } from '../../src/demo/demo-data.ts'
import type { Demo, DemoPrincipal } from '../../src/demo/demo-tokens.ts'
import { NO_FAILPOINT } from '../../src/domains/deps.ts'
import { SEED_RULES } from '../../src/domains/retention/retention.rules.ts'
import { ensureRetentionRules } from '../../src/domains/retention/retention-seed.service.ts'
import { readServerEnv, readSettingsEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { createMetrics, type Metrics } from '../../src/http/metrics.ts'
import { Runner } from '../../src/jobs/runner.ts'
import { FileLedger } from '../../src/ledger/file-ledger.ts'
import { keyFileOf, type Resources } from '../../src/resources.ts'
import { createServing, type Serving } from '../../src/serving.ts'
import { worksOf } from '../../src/works.ts'
import { TestClock } from './clock.ts'
import { openTestBackend } from './database.ts'

/** The answer to a GraphQL request. */
export type Answer = {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by whole-value snapshots
  readonly data: any
  readonly errors: readonly { message: string; path?: unknown; extensions: Record<string, unknown> }[] | undefined
}

/** The whole application on a fresh database with the demo data, and a way to ask it. */
export type World = {
  readonly resources: Resources
  readonly serving: Serving
  readonly demo: Demo
  readonly clock: TestClock
  readonly runner: Runner
  readonly metrics: Metrics
  /** Lines that were logged. */
  readonly log: string[]
  /** Global ids of the demo's first account and its subjects (owner, member, end user, end user). */
  readonly ids: { account: string; owner: string; member: string; endUser: string; otherAccount: string; other: string }
  /** Asks with a demo principal's token, another token, or none (null). */
  ask(
    as: DemoPrincipal | { token: string } | null,
    query: string,
    variables?: object,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** A token of the plain member of the first account. */
  memberToken(): Promise<string>
  /** A fresh token of the owner of the first account, with these scopes. */
  ownerToken(scope: string): Promise<string>
  close(): Promise<void>
}

export type WorldOptions = {
  readonly env?: Record<string, string>
  readonly dataDir?: string
  readonly now?: string
  /** Told each place between two statements of ending data. Default: nothing happens. */
  readonly failpoint?: (place: string) => void
}

/** In a world before the rules of the program, they hold from the beginning of the century. */
async function ensureEarlierRules(resources: Resources): Promise<void> {
  const today = resources.clock.now().toISOString().slice(0, 10)
  if (SEED_RULES.every(({ effectiveFrom }) => effectiveFrom <= today)) return
  const seeds = SEED_RULES.map((rule) => ({ ...rule, effectiveFrom: '2000-01-01' }))
  await ensureRetentionRules(resources, seeds)
}

/** Opens a world, at `now` where that is said. Rate limits are far away unless `env` says otherwise. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new TestClock(options.now)
  const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'privacy-world-')))
  const db = new Database(await openTestBackend(options.dataDir ? { dataDir: options.dataDir } : {}))
  const keyProvider = await LocalKeyProvider.open({ path: keyFileOf(folder), clock, mayCreate: true })
  const keys = new Keyring(keyProvider, clock)
  const settings = readSettingsEnv(options.env ?? {})
  const ledgerDir = join(folder, 'ledger')
  const ledger = new FileLedger(ledgerDir, keyProvider)
  const close = () => ledger.close().finally(() => db.close())
  const failpoint = options.failpoint ?? NO_FAILPOINT
  const deps = { db, keys, keyProvider, clock, settings, ledger, failpoint }
  const resources = { ...deps, dataDir: folder, ledgerDir, epochDays: 30, close }
  await keys.ensureEpochRow(db, clock.now())
  await ensureEarlierRules(resources)
  const log: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  const metrics = createMetrics({ processMetrics: false })
  const env = readServerEnv({
    NODE_ENV: 'test',
    RATE_LIMIT_CALLER_PER_MINUTE: '1000000',
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: '1000000',
    ...options.env,
  })
  const serving = await createServing({
    resources,
    env,
    log: createLog({ destination }),
    metrics,
    publicUrl: 'http://privacy.test',
    withDemo: true,
    streamPollMs: 20,
  })
  const { demo, demoIssuer } = serving
  if (!demo || !demoIssuer) throw new Error('the world needs its demo data')
  const runner = new Runner({
    db,
    clock,
    // No test sends anything over the network but to its own receivers.
    ...worksOf(resources, {
      metrics,
      epochDays: 30,
      post: async () => ({ status: 204, problem: null, durationMs: 1 }),
    }),
    onFailure: (name, error) => {
      throw new Error(`the task ${name} failed`, { cause: error })
    },
  })
  const [first, second] = demo.accounts
  const subjects = first?.subjectIds ?? []
  return {
    resources,
    serving,
    demo,
    clock,
    runner,
    metrics,
    log,
    ids: {
      account: first?.id ?? '',
      owner: subjects[0] ?? '',
      member: subjects[1] ?? '',
      endUser: subjects[2] ?? '',
      otherAccount: second?.id ?? '',
      other: second?.subjectIds[0] ?? '',
    },
    ask: async (as, query, variables, headers) => {
      const token = as === null ? null : typeof as === 'string' ? demo.tokens[as] : as.token
      const response = await serving.app.fetch('http://privacy.test/graphql', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify({ query, variables }),
      })
      const body = (await response.json()) as Pick<Answer, 'data' | 'errors'>
      return { status: response.status, headers: response.headers, data: body.data, errors: body.errors }
    },
    memberToken: () =>
      demoIssuer.issue({
        sub: demoSub(DEMO_ACCOUNTS[0].subjects[1]?.id ?? ''),
        scope: Object.keys(SCOPES).join(' '),
      }),
    ownerToken: (scope) => demoIssuer.issue({ sub: demoSub(DEMO_ACCOUNTS[0].subjects[0].id), scope }),
    close: async () => {
      serving.live.close()
      await runner.stop()
      await close()
      if (!options.dataDir) await rm(folder, { recursive: true, force: true })
    },
  }
}
