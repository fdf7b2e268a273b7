import type { KeyProvider } from '../crypto/key-provider.ts'
import type { Keyring } from '../crypto/keyring.ts'
import type { Database } from '../db/database.ts'
import type { ErasureLedger } from '../ledger/erasure-ledger.ts'
import type { Clock } from '../time/clock.ts'

/** What the operator decides about use cases. */
export type Settings = {
  /** The smallest group of persons whose usage outsiders are shown; 2 or more. */
  readonly statisticsSubjectsMin: number
  /** Networks (CIDR) that webhooks may be sent to although they are not public. */
  readonly webhookNetworks: readonly string[]
}

/** The settings where the operator says nothing. */
export const DEFAULT_SETTINGS: Settings = { statisticsSubjectsMin: 10, webhookNetworks: [] }

/** What every use case is given: database, keys, time and the operator's settings. */
export type Deps = {
  readonly db: Database
  readonly keys: Keyring
  readonly keyProvider: KeyProvider
  readonly clock: Clock
  readonly settings: Settings
  /** The copy of the ledger of erasures that lies outside the database. */
  readonly ledger: ErasureLedger
  /** Told each place between two statements of ending data; a test may end its process there. @see NO_FAILPOINT */
  readonly failpoint: (place: string) => void
}

/** Lets everything go on: what every program but a test hands in. */
export const NO_FAILPOINT = (): void => undefined
