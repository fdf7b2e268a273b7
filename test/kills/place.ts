import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Keyring } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { Database } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { DEFAULT_SETTINGS, type Deps, NO_FAILPOINT } from '../../src/domains/deps.ts'
import { FileLedger } from '../../src/ledger/file-ledger.ts'
import { keyFileOf } from '../../src/resources.ts'
import { TestClock } from '../kit/clock.ts'
import { copyDatabase } from '../kit/global-setup.ts'

/** Where a database, its keys and its ledger lie; as JSON it is handed to another process. */
export type Place = {
  /** The folder of keys and ledger, and of the embedded database. */
  readonly dataDir: string
  /** The application's login on PostgreSQL; null: the embedded database. */
  readonly url: string | null
}

/** A fresh place, and the way to be rid of it. */
export type MadePlace = {
  readonly place: Place
  /** What the embedded database begins with when it is opened for the first time. */
  readonly loadDataDir?: Blob
  drop(): Promise<void>
}

/** Where the ledger outside the database lies. */
export const ledgerDirOf = ({ dataDir }: Place) => join(dataDir, 'ledger')

/** Makes a place with a copy of a template. */
export async function makePlace(backend: 'pglite' | 'postgres', template: string): Promise<MadePlace> {
  const dataDir = await mkdtemp(join(tmpdir(), 'privacy-kills-'))
  const remove = () => rm(dataDir, { recursive: true, force: true })
  if (backend === 'pglite') {
    const loadDataDir = new Blob([new Uint8Array(await readFile(template))])
    return { place: { dataDir, url: null }, loadDataDir, drop: remove }
  }
  const { url, drop } = await copyDatabase(template)
  return { place: { dataDir, url }, drop: () => drop().then(remove) }
}

/** Opens a place at a moment at which its clock stands still. */
export async function openPlace(
  { loadDataDir, ...place }: Place & Pick<MadePlace, 'loadDataDir'>,
  now: string,
  failpoint: Deps['failpoint'] = NO_FAILPOINT,
) {
  const { dataDir, url } = place
  const clock = new TestClock(now)
  const backend =
    url === null
      ? await openPglite({ dataDir, ...(loadDataDir ? { loadDataDir } : {}) })
      : await openPostgres({ ...deriveLoginUrls(url), poolMax: 2 })
  const db = new Database(backend)
  const keyProvider = await LocalKeyProvider.open({ path: keyFileOf(dataDir), clock, mayCreate: true })
  const ledger = new FileLedger(ledgerDirOf(place), keyProvider)
  const keys = new Keyring(keyProvider, clock)
  const deps: Deps = { db, keys, keyProvider, clock, settings: DEFAULT_SETTINGS, ledger, failpoint }
  return { deps, close: () => ledger.close().finally(() => db.close()) }
}
