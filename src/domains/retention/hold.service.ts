import type { Session } from '../../auth/session.ts'
import type { KeyOwner } from '../../crypto/keyring.ts'
import { callerName, PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import { newId } from '../../time/id.ts'
import { lockAccount } from '../accounts/account-guards.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { Refusal } from '../live.ts'
import { type HoldTarget, isReviewDay, LIVING } from './hold.rules.ts'
import { markBatch, markedHoldSelect } from './hold-marks.ts'
import { HoldReleased, HoldTargetEnded } from './holds.problems.ts'

/** Whose key seals by whose authority and why: the platform's own, so that no account opens it. */
export const HOLD_KEY: KeyOwner = { accountId: PLATFORM_ACCOUNT_ID, subjectId: null, category: 'SECURITY' }

/** A hold to be placed. `reviewOn` is midnight UTC of its day. */
export type NewHold = {
  readonly target: HoldTarget
  readonly authority: string
  readonly reason: string
  readonly reviewOn: Date
  readonly confidential: boolean
}

type Key = { readonly accountId: string; readonly id: string }

/**
 * Holds an item, a category of a person, a person or an account: from the commit on nothing of it is ended, and what is
 * written of it is held. The first 1,000 items are marked at once, the rest by the worker. The same hold twice is two.
 * Effects: row of `legal_hold`, rows of `inventory_item`; audit: of a confidential one in the platform's own account,
 * naming nobody.
 * @throws NOT_AVAILABLE for what does not exist; HOLD.TARGET_ENDED; BAD_USER_INPUT for a review that is not after today,
 * or more than 24 months ahead
 * @see GDPR Art. 17(3)(b) and (e); FRCP 37(e)
 */
export function placeHold(deps: Deps, call: Call<Session>, input: NewHold): Promise<Key> {
  const { target, confidential, reviewOn } = input
  const { accountId } = target
  return onHeldAccount(deps, call, accountId, async (tx) => {
    assertReviewDay(deps, reviewOn)
    await assertLiving(tx, target)
    const key = await deps.keys.keyForWriting(tx, HOLD_KEY)
    const id = newId(deps.clock)
    const texts = {
      authorityCipher: deps.keys.seal(key, 'legal_hold.authority', input.authority.trim()),
      reasonCipher: deps.keys.seal(key, 'legal_hold.reason', input.reason.trim()),
    }
    const placed = { placedBy: callerName(call.caller), placedAt: deps.clock.now() }
    await tx.legalHold.createMany({ data: [{ ...target, id, ...texts, confidential, reviewOn, ...placed }] })
    await markBatch(tx, deps.clock, { ...target, id, releasedAt: null, markCursor: null })
    await note(deps, tx, call, 'hold.placed', { ...target, id, confidential })
    return { accountId, id }
  })
}

/**
 * Sets another day for the review of a hold in force.
 * Effects: row of `legal_hold`; audit. @throws NOT_AVAILABLE; HOLD.RELEASED; BAD_USER_INPUT as `placeHold`
 */
export function changeHoldReview(deps: Deps, call: Call<Session>, key: Key, reviewOn: Date): Promise<Key> {
  const { accountId, id } = key
  return onHeldAccount(deps, call, accountId, async (tx) => {
    assertReviewDay(deps, reviewOn)
    const hold = await inForce(tx, key)
    await tx.legalHold.updateMany({ where: { accountId, id }, data: { reviewOn } })
    await note(deps, tx, call, 'hold.changed', hold)
    return { accountId, id }
  })
}

/**
 * Releases a hold. What no other hold covers is what it was, and what became due meanwhile is ended by the next sweep:
 * the first 1,000 items at once, the rest as the worker unmarks them. Of two at once, one releases.
 * Effects: row of `legal_hold`, rows of `inventory_item`; audit. @throws NOT_AVAILABLE; HOLD.RELEASED
 */
export function releaseHold(deps: Deps, call: Call<Session>, key: Key, reason: string): Promise<Key> {
  const { accountId, id } = key
  return onHeldAccount(deps, call, accountId, async (tx) => {
    const hold = await inForce(tx, key)
    const sealing = await deps.keys.keyForWriting(tx, HOLD_KEY)
    const releasedAt = deps.clock.now()
    await tx.legalHold.updateMany({
      where: { accountId, id },
      data: {
        releasedAt,
        releasedBy: callerName(call.caller),
        releaseReasonCipher: deps.keys.seal(sealing, 'legal_hold.release_reason', reason.trim()),
        markPending: true,
        markCursor: null,
      },
    })
    await markBatch(tx, deps.clock, { ...hold, releasedAt, markCursor: null })
    await note(deps, tx, call, 'hold.released', hold)
    return { accountId, id }
  })
}

/** One write on an account under its lock, so that nothing is written or ended in it meanwhile. Staff alone may. */
function onHeldAccount<T>(deps: Deps, call: Call<Session>, accountId: string, fn: (tx: Tx) => Promise<T>): Promise<T> {
  if (call.caller.principal !== 'STAFF') throw new NotAvailable()
  return deps.db.write(
    call,
    async (tx) => {
      await lockAccount(tx, accountId)
      return fn(tx)
    },
    accountId,
  )
}

function assertReviewDay(deps: Deps, reviewOn: Date): void {
  if (isReviewDay(reviewOn, deps.clock.now())) return
  const text = 'reviewOn must be after today and at most 24 months ahead.'
  throw new Refusal('BAD_USER_INPUT', text, { field: 'reviewOn' })
}

/** The hold, in force. @throws NOT_AVAILABLE; HOLD.RELEASED */
async function inForce(tx: Tx, { accountId, id }: Key) {
  const select = { ...markedHoldSelect, confidential: true } as const
  const hold = await tx.legalHold.findUnique({ where: { accountId_id: { accountId, id } }, select })
  if (!hold) throw new NotAvailable()
  if (hold.releasedAt !== null) throw new HoldReleased()
  return hold
}

/** @throws NOT_AVAILABLE when it does not exist; HOLD.TARGET_ENDED when nothing of it is left */
async function assertLiving(tx: Tx, target: HoldTarget): Promise<void> {
  const { accountId, itemId, subjectId, category } = target
  if (itemId !== null) {
    const item = await tx.inventoryItem.findUnique({
      where: { accountId_id: { accountId, id: itemId } },
      select: { state: true },
    })
    if (!item) throw new NotAvailable()
    if (!LIVING.some((state) => state === item.state)) throw new HoldTargetEnded()
    return
  }
  if (!(await isOver(tx, accountId, subjectId))) return
  const of = { accountId, ...(subjectId === null ? {} : { subjectId }), ...(category === null ? {} : { category }) }
  const left = await tx.inventoryItem.findFirst({ where: { ...of, state: { in: [...LIVING] } }, select: { id: true } })
  if (!left) throw new HoldTargetEnded()
}

/** Whether the person is erased or, where none is named, the account closed. @throws NOT_AVAILABLE */
async function isOver(tx: Tx, accountId: string, subjectId: string | null): Promise<boolean> {
  if (subjectId === null) {
    const account = await tx.account.findUnique({ where: { id: accountId }, select: { status: true } })
    if (!account) throw new NotAvailable()
    return account.status === 'CLOSED'
  }
  const where = { accountId_id: { accountId, id: subjectId } }
  const subject = await tx.subject.findUnique({ where, select: { status: true } })
  if (!subject) throw new NotAvailable()
  return subject.status === 'ERASED'
}

/** What a person may read of its own must not tell of a confidential hold: that is noted where only Staff reads. */
function note(
  deps: Deps,
  tx: Tx,
  call: Call<Session>,
  kind: 'hold.placed' | 'hold.changed' | 'hold.released',
  hold: Key & { readonly subjectId: string | null; readonly confidential: boolean },
): Promise<void> {
  const { accountId, id, subjectId, confidential } = hold
  const whose = confidential ? { accountId: PLATFORM_ACCOUNT_ID } : { accountId, subjectId }
  return recordAudit(tx, deps.clock, call, { ...whose, kind, recordType: 'LegalHold', recordIds: [id] })
}
