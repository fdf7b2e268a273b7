import { join } from 'node:path'
import { EnvKeyProvider } from './crypto/env-key-provider.ts'
import type { KeyProvider } from './crypto/key-provider.ts'
import { Keyring } from './crypto/keyring.ts'
import { LocalKeyProvider } from './crypto/local-key-provider.ts'
import { epochsInUse } from './crypto/rotation.ts'
import type { Backend } from './db/backend.ts'
import { Database } from './db/database.ts'
import { openPglite } from './db/pglite.ts'
import { deriveLoginUrls, openPostgres } from './db/postgres.ts'
import { type Deps, NO_FAILPOINT, type Settings } from './domains/deps.ts'
import { type DatabaseEnv, type KeysEnv, readDatabaseEnv, readKeysEnv, readSettingsEnv } from './env.ts'
import { FileLedger } from './ledger/file-ledger.ts'
import { systemClock } from './time/clock.ts'

/** What every process of the program is given, and the way to end it. */
export type Resources = Deps & {
  readonly ledger: FileLedger
  readonly dataDir: string
  readonly ledgerDir: string
  readonly epochDays: number
  close(): Promise<void>
}

/** The file of the local keys below the data folder. */
export const keyFileOf = (dataDir: string) => join(dataDir, 'keys', 'keys.json')

/**
 * Opens database and keys as the environment says. The embedded database is migrated; PostgreSQL is refused when its
 * schema is another.
 * @throws Error with a text for the operator when one of them cannot be opened
 */
export async function openResources(
  env: { readonly database: DatabaseEnv; readonly keys: KeysEnv; readonly settings: Settings } = {
    database: readDatabaseEnv(),
    keys: readKeysEnv(),
    settings: readSettingsEnv(),
  },
): Promise<Resources> {
  const backend = await openBackend(env.database)
  try {
    const clock = systemClock
    const db = new Database(backend)
    const keyProvider = await openKeys(env, db)
    const keys = new Keyring(keyProvider, clock)
    const { dataDir, ledgerDir } = env.database
    const ledger = new FileLedger(ledgerDir, keyProvider)
    const { settings } = env
    const deps = { db, keys, keyProvider, clock, settings, ledger, failpoint: NO_FAILPOINT }
    const close = () => ledger.close().finally(() => db.close())
    return { ...deps, dataDir, ledgerDir, epochDays: env.keys.epochDays, close }
  } catch (error) {
    await backend.close()
    throw error
  }
}

function openBackend(env: DatabaseEnv): Promise<Backend> {
  if (env.appUrl === undefined) return openPglite({ dataDir: env.dataDir })
  return openPostgres({ ...deriveLoginUrls(env.appUrl, env), poolMax: env.poolMax })
}

async function openKeys(env: { database: DatabaseEnv; keys: KeysEnv }, db: Database): Promise<KeyProvider> {
  if (env.keys.keys !== undefined) return new EnvKeyProvider(env.keys.keys)
  const inUse = await db.worker(epochsInUse)
  return LocalKeyProvider.open({
    path: keyFileOf(env.database.dataDir),
    clock: systemClock,
    mayCreate: inUse.size === 0,
  })
}
