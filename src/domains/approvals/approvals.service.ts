import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { Approval } from '../../generated/prisma/client.ts'
import type { ApprovalKind } from '../../generated/prisma/enums.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { NotAvailable } from '../problem.ts'
import type { TenantKey } from '../public-id.ts'
import { ApprovalAlreadyDecided, ApprovalBySamePerson, ApprovalExpired, ApprovalNotOwn } from './approvals.problems.ts'
import { APPROVAL_SECONDS, type ApprovalPayload, readApprovalPayload } from './approvals.rules.ts'

type StaffCall = Call<Session>

/** The member of staff who calls. @throws NOT_AVAILABLE to everybody else */
function staffOf({ caller }: StaffCall): string {
  if (caller.principal !== 'STAFF' || caller.callerId === null) throw new NotAvailable()
  return caller.callerId
}

/**
 * Proposes a change that needs a second person, in the open transaction. It waits 14 days. The use case that proposes
 * writes the audit.
 * Effects: a row of `approval`. @returns its key @throws NOT_AVAILABLE to callers who are not Staff
 */
export async function proposeApproval<K extends ApprovalKind>(
  tx: Tx,
  clock: Clock,
  call: StaffCall,
  { kind, payload }: { readonly kind: K; readonly payload: ApprovalPayload<K> },
): Promise<TenantKey> {
  const key = { accountId: PLATFORM_ACCOUNT_ID, id: newId(clock) }
  const proposedAt = clock.now()
  const expiresAt = addSeconds(proposedAt, APPROVAL_SECONDS)
  const data = { ...key, kind, payload: readApprovalPayload(kind, payload), proposedBy: staffOf(call) }
  await tx.approval.createMany({ data: [{ ...data, proposedAt, expiresAt }] })
  return key
}

/**
 * Approves a proposal, in the transaction of the change that it allows: either both are committed or neither. Of two
 * who decide at once exactly one does. The use case that approves writes the audit.
 * Effects: state of the row of `approval`. @returns what was proposed
 * @throws NOT_AVAILABLE; APPROVAL.ALREADY_DECIDED; APPROVAL.EXPIRED; APPROVAL.SAME_PERSON
 */
export async function approve<K extends ApprovalKind>(
  tx: Tx,
  clock: Clock,
  call: StaffCall,
  { kind, key }: { readonly kind: K; readonly key: TenantKey },
): Promise<ApprovalPayload<K>> {
  const approval = await decide(tx, clock, call, key, { state: 'APPROVED', kind })
  return readApprovalPayload(kind, approval.payload)
}

/**
 * Rejects a proposal of another person.
 * Effects: state of the row of `approval`; audit `approval.rejected`.
 * @throws NOT_AVAILABLE; APPROVAL.ALREADY_DECIDED; APPROVAL.EXPIRED; APPROVAL.SAME_PERSON
 */
export function rejectApproval(deps: Deps, call: StaffCall, key: TenantKey): Promise<TenantKey> {
  return end(deps, call, key, 'REJECTED')
}

/**
 * Takes back a proposal that the caller made.
 * Effects: state of the row of `approval`; audit `approval.withdrawn`.
 * @throws NOT_AVAILABLE; APPROVAL.ALREADY_DECIDED; APPROVAL.EXPIRED; APPROVAL.NOT_OWN
 */
export function withdrawApproval(deps: Deps, call: StaffCall, key: TenantKey): Promise<TenantKey> {
  return end(deps, call, key, 'WITHDRAWN')
}

function end(deps: Deps, call: StaffCall, key: TenantKey, state: 'REJECTED' | 'WITHDRAWN'): Promise<TenantKey> {
  return deps.db.write(
    call,
    async (tx) => {
      await decide(tx, deps.clock, call, key, { state })
      await recordAudit(tx, deps.clock, call, {
        accountId: key.accountId,
        kind: state === 'REJECTED' ? 'approval.rejected' : 'approval.withdrawn',
        recordType: 'Approval',
        recordIds: [key.id],
      })
      return { accountId: key.accountId, id: key.id }
    },
    PLATFORM_ACCOUNT_ID,
  )
}

async function decide(
  tx: Tx,
  clock: Clock,
  call: StaffCall,
  { accountId, id }: TenantKey,
  { state, kind }: { readonly state: 'APPROVED' | 'REJECTED' | 'WITHDRAWN'; readonly kind?: ApprovalKind },
): Promise<Approval> {
  const staffId = staffOf(call)
  const found = await tx.approval.findFirst({ where: { accountId, id, ...(kind ? { kind } : {}) } })
  if (!found) throw new NotAvailable()
  const now = clock.now()
  if (found.state !== 'PENDING') throw new ApprovalAlreadyDecided()
  if (found.expiresAt <= now) throw new ApprovalExpired()
  if (state === 'WITHDRAWN' && found.proposedBy !== staffId) throw new ApprovalNotOwn()
  if (state !== 'WITHDRAWN' && found.proposedBy === staffId) throw new ApprovalBySamePerson()
  // Waits for another decision that is under way, and then finds the proposal decided.
  const { count } = await tx.approval.updateMany({
    where: { accountId, id, state: 'PENDING' },
    data: { state, decidedBy: staffId, decidedAt: now },
  })
  if (count === 0) throw new ApprovalAlreadyDecided()
  return found
}
