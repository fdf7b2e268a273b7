import type { Session } from '../../auth/session.ts'
import { KeyDestroyedError } from '../../crypto/errors.ts'
import type { Call, Tx } from '../../db/database.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { assertActiveAccount, ownAccount, shareAccount } from './account-guards.ts'
import { recordSubjectItem } from './account-items.ts'
import { EmailTaken, NotAvailable, ReferenceTaken, SubjectErased } from './accounts.problems.ts'
import { type PlaceInput, placeAfter } from './accounts.rules.ts'
import { emailIndex, lockIndex, type PersonInput, referenceIndex, sealPerson } from './person-fields.ts'

type SubjectKey = { readonly accountId: string; readonly id: string }

/**
 * Creates a customer's own user, known by the customer's reference.
 * Effects: subject, its data key and its item of the inventory; audit; event `subject.created`.
 * @throws ACCOUNT.NOT_ACTIVE, SUBJECT.REFERENCE_TAKEN, SUBJECT.EMAIL_TAKEN
 */
export async function createSubject(
  deps: Deps,
  call: Call<Session>,
  input: PersonInput & PlaceInput & { readonly reference: string },
): Promise<SubjectKey> {
  const accountId = ownAccount(call.caller)
  const id = newId(deps.clock)
  const now = deps.clock.now()
  return deps.db.write(call, async (tx) => {
    await assertActiveAccount(tx, accountId)
    await assertFree(deps, tx, { accountId, id }, input)
    const place = placeAfter({ country: null, subdivision: null }, input)
    await tx.subject.createMany({
      data: [{ accountId, id, kind: 'END_USER', ...place, createdAt: now, updatedAt: now }],
    })
    await writePerson(deps, tx, { accountId, id }, input)
    await recordSubjectItem(tx, deps.clock, { accountId, subjectId: id, kind: 'END_USER', collectedAt: now })
    await recordAudit(tx, deps.clock, call, {
      accountId,
      kind: 'subject.created',
      subjectId: id,
      recordType: 'Subject',
      recordIds: [id],
    })
    await emitEvent(tx, deps.clock, { accountId, kind: 'subject.created', subjectId: id, payload: { subjectId: id } })
    return { accountId, id }
  })
}

/**
 * Corrects a subject's data; what is absent stays, null clears.
 * @throws NOT_AVAILABLE, SUBJECT.ERASED, SUBJECT.REFERENCE_TAKEN, SUBJECT.EMAIL_TAKEN
 */
export async function updateSubject(
  deps: Deps,
  call: Call<Session>,
  input: PersonInput & PlaceInput & { readonly subjectId: string },
): Promise<SubjectKey> {
  const accountId = ownAccount(call.caller)
  const key = { accountId, id: input.subjectId }
  return deps.db.write(call, async (tx) => {
    await correctSubject(deps, tx, key, input)
    await recordAudit(tx, deps.clock, call, {
      accountId,
      kind: 'subject.updated',
      subjectId: key.id,
      recordType: 'Subject',
      recordIds: [key.id],
    })
    const payload = { subjectId: key.id }
    await emitEvent(tx, deps.clock, { accountId, kind: 'subject.updated', subjectId: key.id, payload })
    return key
  })
}

/** The writing part of a correction, in the open transaction. @throws as `updateSubject` */
export async function correctSubject(
  deps: Deps,
  tx: Tx,
  key: SubjectKey,
  input: PersonInput & PlaceInput,
): Promise<void> {
  const { accountId, id: subjectId } = key
  await shareAccount(tx, accountId)
  const row = await tx.subject.findUnique({
    where: { accountId_id: key },
    select: { kind: true, status: true, country: true, subdivision: true, createdAt: true },
  })
  if (!row) throw new NotAvailable()
  if (row.status === 'ERASING' || row.status === 'ERASED') throw new SubjectErased()
  await assertFree(deps, tx, key, input)
  await writePerson(deps, tx, key, input)
  await tx.subject.updateMany({
    where: key,
    data: { ...placeAfter(row, input), updatedAt: deps.clock.now() },
  })
  const { kind, createdAt: collectedAt } = row
  await recordSubjectItem(tx, deps.clock, { accountId, subjectId, kind, collectedAt })
}

/** @throws SUBJECT.ERASED when the person's key is gone: what is still there is kept as it is, for a hold. */
async function writePerson(deps: Deps, tx: Tx, key: SubjectKey, input: PersonInput): Promise<void> {
  const sealed = await sealPerson(deps, tx, key, input).catch((error: unknown) => {
    throw error instanceof KeyDestroyedError ? new SubjectErased() : error
  })
  if (Object.keys(sealed).length > 0) await tx.subject.updateMany({ where: key, data: sealed })
}

/** References and addresses are unique within an account. */
async function assertFree(deps: Deps, tx: Tx, key: SubjectKey, input: PersonInput): Promise<void> {
  const { accountId, id } = key
  if (input.reference) {
    const index = await referenceIndex(deps, accountId, input.reference)
    await lockIndex(tx, index)
    const where = { accountId, referenceIndex: index, id: { not: id } }
    if (await tx.subject.findFirst({ where, select: { id: true } })) throw new ReferenceTaken()
  }
  if (input.email) {
    const index = await emailIndex(deps, accountId, input.email)
    await lockIndex(tx, index)
    const where = { accountId, emailIndex: index, id: { not: id } }
    if (await tx.subject.findFirst({ where, select: { id: true } })) throw new EmailTaken()
  }
}
