import type { KeyProvider } from '../crypto/key-provider.ts'
import type { Keyring } from '../crypto/keyring.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../time/clock.ts'

/** What every use case is given: database, keys and time. */
export type Deps = {
  readonly db: Database
  readonly keys: Keyring
  readonly keyProvider: KeyProvider
  readonly clock: Clock
}
