import type { Session } from '../../auth/session.ts'
import type { Caller } from '../../db/caller.ts'
import type { Call } from '../../db/database.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { assertActiveAccount } from './account-guards.ts'
import { InvitationNotValid } from './accounts.problems.ts'
import { isSameCode, readInvitationCode } from './accounts.rules.ts'
import { codeOfInvitation } from './member.service.ts'
import { emailIndex } from './person-fields.ts'
import { linkIdentity } from './sign-ins.service.ts'

/**
 * Takes an invitation up: links the signed-in identity to the invited subject. It needs both the code and a token
 * whose issuer vouches for the invited e-mail address; neither is enough alone.
 * Effects: identity link with its item of the inventory, subject joined; audit; event `account.member_joined`.
 * @throws ACCOUNT.INVITATION_NOT_VALID, ACCOUNT.NOT_ACTIVE
 */
export async function acceptInvitation(
  deps: Deps,
  call: Call<Session>,
  input: { readonly code: string },
): Promise<{ accountId: string; id: string }> {
  const { identity } = call.caller
  const ids = readInvitationCode(input.code)
  if (!identity || identity.verifiedEmail === null || !ids) throw new InvitationNotValid()
  if (!isSameCode(input.code, await codeOfInvitation(deps, ids.accountId, ids.id))) throw new InvitationNotValid()
  const invited = await deps.db.auth((tx) =>
    tx.invitation.findUnique({ where: { accountId_id: ids }, select: { accountId: true, subjectId: true } }),
  )
  if (!invited) throw new InvitationNotValid()
  const { accountId, subjectId } = invited
  const index = await emailIndex(deps, accountId, identity.verifiedEmail)
  const now = deps.clock.now()
  // From here on the caller is the invited person, who reaches its own rows and no others.
  const person: Caller = { ...call.caller, callerId: subjectId, accountId, subjectId, reach: 'SELF' }
  return deps.db.write({ ...call, caller: person }, async (tx) => {
    await assertActiveAccount(tx, accountId)
    const taken = await tx.invitation.updateMany({
      where: { accountId, id: ids.id, acceptedAt: null, revokedAt: null, expiresAt: { gt: now } },
      data: { acceptedAt: now },
    })
    const joined = await tx.subject.updateMany({
      where: { accountId, id: subjectId, emailIndex: index, status: 'ACTIVE' },
      data: { joinedAt: now, leftAt: null, updatedAt: now },
    })
    if (taken.count !== 1 || joined.count !== 1) throw new InvitationNotValid()
    await linkIdentity(tx, deps.clock, { accountId, subjectId, identityHash: identity.identityHash })
    const actor = { caller: person, requestId: call.requestId }
    await recordAudit(tx, deps.clock, actor, {
      accountId,
      kind: 'account.member_joined',
      subjectId,
      recordType: 'Subject',
      recordIds: [subjectId],
    })
    await emitEvent(tx, deps.clock, { accountId, kind: 'account.member_joined', subjectId, payload: { subjectId } })
    return { accountId, id: subjectId }
  })
}
