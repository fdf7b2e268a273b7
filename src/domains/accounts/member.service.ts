import type { Session } from '../../auth/session.ts'
import { KeyDestroyedError } from '../../crypto/errors.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { AccountRole } from '../../generated/prisma/enums.ts'
import { addSeconds } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { type LedgerLine, withLedgerLine } from '../inventory/caller-ending.service.ts'
import { lockActiveAccount, ownAccount } from './account-guards.ts'
import { recordSubjectItem } from './account-items.ts'
import { LastOwner, MemberExists, NotAvailable, RoleNotAllowed } from './accounts.problems.ts'
import { INVITATION_SECONDS, invitationCode, mayGrantRole } from './accounts.rules.ts'
import { emailIndex, lockIndex, sealPerson } from './person-fields.ts'
import { endSignIns } from './sign-ins.service.ts'

/** Who is invited, and as what. */
export type InviteInput = { readonly name: string; readonly email: string; readonly role: AccountRole }

/** The code that takes an invitation up. It is made of keys and ids, so it is stored nowhere. */
export async function codeOfInvitation(deps: Deps, accountId: string, id: string): Promise<string> {
  return invitationCode(accountId, id, await deps.keyProvider.mac('invitation', [accountId, id]))
}

/**
 * Invites a member into the caller's account. An invitation of the same person that is still open is replaced.
 * Effects: subject with its item of the inventory (unless known), invitation valid for 7 days; audit.
 * @throws ACCOUNT.NOT_ACTIVE, ACCOUNT.MEMBER_EXISTS, ACCOUNT.ROLE_NOT_ALLOWED
 */
export async function inviteMember(
  deps: Deps,
  call: Call<Session>,
  input: InviteInput,
): Promise<{ accountId: string; subjectId: string; invitationId: string }> {
  const accountId = ownAccount(call.caller)
  if (!mayGrantRole(call.caller, input.role)) throw new RoleNotAllowed()
  return deps.db.write(call, async (tx) => {
    await lockActiveAccount(tx, accountId)
    return { accountId, ...(await addInvitedMember(deps, tx, call, accountId, input)) }
  })
}

/** The writing part of an invitation, in the open transaction. @throws ACCOUNT.MEMBER_EXISTS */
export async function addInvitedMember(
  deps: Deps,
  tx: Tx,
  call: Call<Session>,
  accountId: string,
  input: InviteInput,
): Promise<{ subjectId: string; invitationId: string }> {
  const now = deps.clock.now()
  const subjectId = await invitedSubject(deps, tx, call.caller, accountId, input)
  await tx.invitation.updateMany({
    where: { accountId, subjectId, acceptedAt: null, revokedAt: null },
    data: { revokedAt: now },
  })
  const invitationId = newId(deps.clock)
  const expiresAt = addSeconds(now, INVITATION_SECONDS)
  await tx.invitation.createMany({ data: [{ accountId, id: invitationId, subjectId, createdAt: now, expiresAt }] })
  await recordAudit(tx, deps.clock, call, {
    accountId,
    kind: 'account.member_invited',
    subjectId,
    recordType: 'Subject',
    recordIds: [subjectId],
  })
  return { subjectId, invitationId }
}

async function invitedSubject(
  deps: Deps,
  tx: Tx,
  caller: Session,
  accountId: string,
  input: InviteInput,
): Promise<string> {
  const now = deps.clock.now()
  const index = await emailIndex(deps, accountId, input.email)
  await lockIndex(tx, index)
  const known = await tx.subject.findFirst({
    where: { accountId, emailIndex: index },
    select: { id: true, kind: true, accountRole: true, joinedAt: true, leftAt: true },
  })
  if (known && (known.kind !== 'MEMBER' || (known.joinedAt && !known.leftAt))) throw new MemberExists()
  if (known?.accountRole && !known.leftAt && !mayGrantRole(caller, known.accountRole)) throw new RoleNotAllowed()
  const id = known?.id ?? newId(deps.clock)
  if (!known) await tx.subject.createMany({ data: [{ accountId, id, kind: 'MEMBER', createdAt: now, updatedAt: now }] })
  const sealed = await sealPerson(deps, tx, { accountId, id }, input).catch((error: unknown) => {
    // Of a person whose key is gone nothing is written; what is still there is kept as it is, for a hold.
    throw error instanceof KeyDestroyedError ? new MemberExists() : error
  })
  await tx.subject.updateMany({
    where: { accountId, id },
    data: { accountRole: input.role, joinedAt: null, leftAt: null, ...sealed, updatedAt: now },
  })
  await recordSubjectItem(tx, deps.clock, { accountId, subjectId: id, kind: 'MEMBER', collectedAt: now })
  return id
}

/**
 * Gives a member another account role.
 * @throws NOT_AVAILABLE, ACCOUNT.NOT_ACTIVE, ACCOUNT.ROLE_NOT_ALLOWED, ACCOUNT.LAST_OWNER
 */
export async function changeMemberRole(
  deps: Deps,
  call: Call<Session>,
  input: { readonly subjectId: string; readonly role: AccountRole },
): Promise<{ accountId: string; id: string }> {
  const accountId = ownAccount(call.caller)
  return deps.db.write(call, async (tx) => {
    await lockActiveAccount(tx, accountId)
    const member = await memberOf(tx, accountId, input.subjectId)
    if (!mayGrantRole(call.caller, input.role) || !mayGrantRole(call.caller, member.role)) throw new RoleNotAllowed()
    if (input.role !== 'OWNER') await assertAnotherOwner(tx, accountId, member)
    await tx.subject.updateMany({
      where: { accountId, id: member.id },
      data: { accountRole: input.role, updatedAt: deps.clock.now() },
    })
    await recordAudit(tx, deps.clock, call, {
      accountId,
      kind: 'account.member_role_changed',
      subjectId: member.id,
      recordType: 'Subject',
      recordIds: [member.id],
    })
    return { accountId, id: member.id }
  })
}

/**
 * Ends a membership: the person's sign-ins and open invitations end at once; its data follows the rules of retention.
 * Effects: identity links deleted and their item ended with its row of the ledger, or ended and kept where a hold covers
 * them; invitations revoked, subject left; audit; event `account.member_removed`.
 * @throws NOT_AVAILABLE, ACCOUNT.NOT_ACTIVE, ACCOUNT.ROLE_NOT_ALLOWED, ACCOUNT.LAST_OWNER
 */
export async function removeMember(
  deps: Deps,
  call: Call<Session>,
  input: { readonly subjectId: string },
): Promise<{ accountId: string; id: string }> {
  const accountId = ownAccount(call.caller)
  const remove = (line: LedgerLine) =>
    deps.db.write(call, async (tx) => {
      const removed = await endMembership(deps, tx, call, line, { accountId, id: input.subjectId })
      if (line.state === 'ANNOUNCED') line.state = 'COMMITTING'
      return removed
    })
  return withLedgerLine(deps, remove)
}

/** The writing part of it, in the open transaction. */
async function endMembership(
  deps: Deps,
  tx: Tx,
  call: Call<Session>,
  line: LedgerLine,
  of: { readonly accountId: string; readonly id: string },
): Promise<{ accountId: string; id: string }> {
  const { accountId } = of
  const now = deps.clock.now()
  await lockActiveAccount(tx, accountId)
  const member = await memberOf(tx, accountId, of.id)
  if (!mayGrantRole(call.caller, member.role)) throw new RoleNotAllowed()
  await assertAnotherOwner(tx, accountId, member)
  const subjectId = member.id
  await endSignIns(tx, deps, line, { accountId, subjectId })
  await tx.invitation.updateMany({
    where: { accountId, subjectId, acceptedAt: null, revokedAt: null },
    data: { revokedAt: now },
  })
  await tx.subject.updateMany({ where: { accountId, id: subjectId }, data: { leftAt: now, updatedAt: now } })
  await recordAudit(tx, deps.clock, call, {
    accountId,
    kind: 'account.member_removed',
    subjectId,
    recordType: 'Subject',
    recordIds: [subjectId],
  })
  await emitEvent(tx, deps.clock, { accountId, kind: 'account.member_removed', subjectId, payload: { subjectId } })
  return { accountId, id: subjectId }
}

type Member = { readonly id: string; readonly role: AccountRole }

async function memberOf(tx: Tx, accountId: string, id: string): Promise<Member> {
  const row = await tx.subject.findFirst({
    where: { accountId, id, kind: 'MEMBER', leftAt: null },
    select: { accountRole: true },
  })
  if (!row?.accountRole) throw new NotAvailable()
  return { id, role: row.accountRole }
}

/** The account's row is locked by then, so that two owners cannot leave at once. */
async function assertAnotherOwner(tx: Tx, accountId: string, member: Member): Promise<void> {
  if (member.role !== 'OWNER') return
  const others = await tx.subject.count({
    where: { accountId, accountRole: 'OWNER', joinedAt: { not: null }, leftAt: null, id: { not: member.id } },
  })
  if (others === 0) throw new LastOwner()
}
