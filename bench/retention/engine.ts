import { join } from 'node:path'
import { type Session, systemSession } from '../../src/auth/session.ts'
import { Keyring } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { DEFAULT_SETTINGS, type Deps, NO_FAILPOINT } from '../../src/domains/deps.ts'
import { ensureRetentionRules } from '../../src/domains/retention/retention-seed.service.ts'
import { readStatus } from '../../src/domains/retention/retention-status.reads.ts'
import { sweepRetention } from '../../src/domains/retention/sweep.jobs.ts'
import { FileLedger } from '../../src/ledger/file-ledger.ts'
import { keyFileOf } from '../../src/resources.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { newId } from '../../src/time/id.ts'
import { sweepLanes } from '../../src/works.ts'
import { TestClock } from '../../test/kit/clock.ts'
import { countBuffers, RecordingDatabase } from './buffers.ts'
import { dueBy, ITEMS_OF_TURN } from './data.ts'

/** Who asks for the status of all accounts. */
const staff: Session = {
  ...systemSession(PLATFORM_ACCOUNT_ID),
  ...{ principal: 'STAFF', accountId: null, reach: 'NONE' },
  scopes: new Set(['retention:read'] as const),
}

/** The engine on a database, with keys and ledger below `dataDir`, as the worker has it. */
export type Engine = Awaited<ReturnType<typeof openEngine>>

/** Opens it; what stands in the key file is made where it is missing. */
export async function openEngine(appUrl: string, dataDir: string) {
  const clock = new TestClock(dueBy(0).toISOString())
  const db = new RecordingDatabase(await openPostgres({ ...deriveLoginUrls(appUrl), poolMax: 4 }))
  const keyProvider = await LocalKeyProvider.open({ path: keyFileOf(dataDir), clock, mayCreate: true })
  const ledger = new FileLedger(join(dataDir, 'ledger'), keyProvider)
  const keys = new Keyring(keyProvider, clock)
  const deps: Deps = { db, keys, keyProvider, clock, settings: DEFAULT_SETTINGS, ledger, failpoint: NO_FAILPOINT }
  const sweep = async (now: Date, due: number, lanes: number): Promise<void> => {
    clock.set(now.toISOString())
    db.statements.length = 0
    const swept = await sweepRetention(deps, SYSTEMS, { lanes })
    if (swept.ended !== due || swept.failed + swept.planned !== 0)
      throw new Error(`the sweep did something else: ${JSON.stringify(swept)}`)
  }
  return {
    /** Writes what a first start writes. @returns the epoch of keys */
    begin: async (): Promise<string> => {
      await ensureRetentionRules(deps)
      return keys.ensureEpochRow(db, clock.now())
    },
    /** Ends a turn's timers. @param lanes default: as the worker does */
    sweep: (now: Date, lanes = sweepLanes(db)) => sweep(now, ITEMS_OF_TURN, lanes),
    /** Blocks that a sweep reads with nothing due. */
    idleBlocks: async (now: Date): Promise<number> => {
      await sweep(now, 0, 1)
      return countBuffers(appUrl, 'privacy_worker', systemSession(newId(clock)), db.statements)
    },
    /** Blocks that the status of all accounts reads. */
    statusBlocks: async (now: Date): Promise<number> => {
      db.statements.length = 0
      await db.read(staff, (tx) => readStatus(tx, { accountId: null, now, periodDays: 30, viewer: staff }))
      return countBuffers(appUrl, 'privacy_app', staff, db.statements)
    },
    close: () => ledger.close().finally(() => db.close()),
  }
}
