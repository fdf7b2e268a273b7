import type { ErasureCause, RetentionAction } from '../../generated/prisma/enums.ts'
import type { Piece } from '../personal-data.ts'

/** An item that is to be ended, and how. */
export type EndItem = Piece & { readonly system: string; readonly action: RetentionAction }

/** Items of one account that are ended in one transaction; 1,000 at most. */
export type EndRequest = {
  readonly accountId: string
  readonly cause: ErasureCause
  /** The line of the ledger outside that announces it. */
  readonly lineId: string
  readonly items: readonly EndItem[]
  readonly requestId: string
}

/** An item that was found living and not held, under its account's lock. */
export type TakenItem = EndItem & { readonly dueAt: Date | null }
