import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { DataCategory, ProcessorRole, Purpose } from '../../generated/prisma/enums.ts'
import { newId } from '../../time/id.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { ProcessorEnded } from './processors.problems.ts'

/** What the register says of a processor. `country` is ISO 3166-1 alpha-2, `contractOn` midnight UTC of its date. */
export type ProcessorInput = {
  readonly name: string
  readonly role: ProcessorRole
  readonly country: string
  readonly regions: readonly string[]
  readonly categories: readonly DataCategory[]
  readonly purposes: readonly Purpose[]
  /** Null: no contract (GDPR Art. 28(3)) is on file; nothing may be sent. */
  readonly contractOn: Date | null
}

type Key = { accountId: string; id: string }

/**
 * Adds a processor to the register.
 * Effects: row of `processor` of the platform's account; audit; event `processor.added`.
 */
export function addProcessor(deps: Deps, call: Call<Session>, input: ProcessorInput): Promise<Key> {
  const key = { accountId: PLATFORM_ACCOUNT_ID, id: newId(deps.clock) }
  const now = deps.clock.now()
  return deps.db.write(
    call,
    async (tx) => {
      await tx.processor.createMany({ data: [{ ...key, ...columns(input), createdAt: now, updatedAt: now }] })
      await note(deps, tx, call, key.id, 'processor.added')
      const event = { accountId: key.accountId, processorId: key.id, payload: { processorId: key.id } }
      await emitEvent(tx, deps.clock, { ...event, kind: 'processor.added' })
      return key
    },
    PLATFORM_ACCOUNT_ID,
  )
}

/**
 * Changes what the register says of a processor; what is absent stays. What it received before stays as it was noted.
 * Effects: row of `processor`; audit; event `processor.updated`.
 * @throws NOT_AVAILABLE; PROCESSOR.ENDED
 */
export function updateProcessor(
  deps: Deps,
  call: Call<Session>,
  key: Key,
  change: Partial<ProcessorInput>,
): Promise<Key> {
  if (key.accountId !== PLATFORM_ACCOUNT_ID) throw new NotAvailable()
  return deps.db.write(
    call,
    async (tx) => {
      const data = { ...columns(change), updatedAt: deps.clock.now() }
      const { count } = await tx.processor.updateMany({ where: { ...key, endedAt: null }, data })
      if (count === 0) {
        await assertKnown(tx, key)
        throw new ProcessorEnded()
      }
      await note(deps, tx, call, key.id, 'processor.updated')
      const event = { accountId: key.accountId, processorId: key.id, payload: { processorId: key.id } }
      await emitEvent(tx, deps.clock, { ...event, kind: 'processor.updated' })
      return key
    },
    PLATFORM_ACCOUNT_ID,
  )
}

/**
 * Ends a processor: it receives nothing more, its clients get no tokens, and those that they have are refused from now
 * on. It stays in the register with the time of its end. Ending it again changes nothing.
 * Effects: `ended_at` of its row; audit; event `processor.ended`.
 * @throws NOT_AVAILABLE
 */
export function endProcessor(deps: Deps, call: Call<Session>, key: Key): Promise<Key> {
  if (key.accountId !== PLATFORM_ACCOUNT_ID) throw new NotAvailable()
  return deps.db.write(
    call,
    async (tx) => {
      const endedAt = deps.clock.now()
      const where = { ...key, endedAt: null }
      const { count } = await tx.processor.updateMany({ where, data: { endedAt, updatedAt: endedAt } })
      if (count === 0) {
        await assertKnown(tx, key)
        return key
      }
      await note(deps, tx, call, key.id, 'processor.ended')
      const payload = { processorId: key.id, endedAt: endedAt.toISOString() }
      const event = { accountId: key.accountId, processorId: key.id, payload }
      await emitEvent(tx, deps.clock, { ...event, kind: 'processor.ended' })
      return key
    },
    PLATFORM_ACCOUNT_ID,
  )
}

/** Lists in the order of their words, without repeats, so that equal entries are stored alike. */
function columns<T extends Partial<ProcessorInput>>(input: T) {
  const { regions, categories, purposes, ...same } = input
  return {
    ...same,
    ...(regions ? { regions: ordered(regions) } : {}),
    ...(categories ? { categories: ordered(categories) } : {}),
    ...(purposes ? { purposes: ordered(purposes) } : {}),
  } as Omit<T, 'regions' | 'categories' | 'purposes'> & {
    regions?: string[]
    categories?: DataCategory[]
    purposes?: Purpose[]
  }
}

const ordered = <T extends string>(words: readonly T[]): T[] => [...new Set(words)].sort()

async function assertKnown(tx: Tx, key: Key): Promise<void> {
  if (!(await tx.processor.findUnique({ where: { accountId_id: key }, select: { id: true } }))) throw new NotAvailable()
}

function note(
  deps: Deps,
  tx: Tx,
  call: Call<Session>,
  id: string,
  kind: 'processor.added' | 'processor.updated' | 'processor.ended',
): Promise<void> {
  const entry = { accountId: PLATFORM_ACCOUNT_ID, kind, recordType: 'Processor', recordIds: [id] }
  return recordAudit(tx, deps.clock, call, entry)
}
