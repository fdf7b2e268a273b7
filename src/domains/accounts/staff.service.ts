import { systemSession } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { StaffRole } from '../../generated/prisma/enums.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'

/** A person of Pipelet's staff: how its issuer names it, what it may do, and until when its training holds. */
export type StaffInput = {
  readonly issuer: string
  /** The claim `sub` of its tokens. */
  readonly sub: string
  readonly roles: readonly StaffRole[]
  readonly trainingUntilAt: Date
}

/**
 * Gives a person access as Staff, or gives one who is known these roles and this date, also after being disabled.
 * Effects: row of `staff_member`; audit.
 * @returns the id of the member of staff
 */
export async function addStaffMember(deps: Deps, requestId: string, input: StaffInput): Promise<string> {
  const identityHash = await deps.keyProvider.mac('identity', [input.issuer, input.sub])
  const access = { roles: [...input.roles], trainingUntilAt: input.trainingUntilAt, disabledAt: null }
  const call = { caller: systemSession(PLATFORM_ACCOUNT_ID), requestId }
  return deps.db.write(call, async (tx) => {
    const { id } = await tx.staffMember.upsert({
      where: { identityHash },
      create: { id: newId(deps.clock), identityHash, createdAt: deps.clock.now(), ...access },
      update: access,
      select: { id: true },
    })
    await recordAudit(tx, deps.clock, call, {
      accountId: PLATFORM_ACCOUNT_ID,
      kind: 'staff.added',
      recordType: 'StaffMember',
      recordIds: [id],
    })
    return id
  })
}
