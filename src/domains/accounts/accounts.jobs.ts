import { systemSession } from '../../auth/session.ts'
import type { Clock } from '../../time/clock.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { EventHandler } from '../events/events.jobs.ts'

/**
 * When an account is closing, nobody joins it any more: its open invitations are revoked. One that was made after a
 * reopening is not of this closing.
 */
export function revokeInvitationsOnClosing(clock: Clock): EventHandler<'account.closing'> {
  return {
    kind: 'account.closing',
    async handle(tx, event) {
      const { accountId } = event
      const made = { lte: new Date(event.payload.closingAt) }
      const open = { accountId, acceptedAt: null, revokedAt: null, createdAt: made }
      const rows = await tx.invitation.findMany({ where: open, select: { id: true } })
      if (rows.length === 0) return
      await tx.invitation.updateMany({ where: open, data: { revokedAt: clock.now() } })
      const actor = { caller: systemSession(accountId), requestId: event.id }
      await recordAudit(tx, clock, actor, {
        accountId,
        kind: 'account.invitations_revoked',
        recordType: 'Invitation',
        recordIds: rows.map((row) => row.id),
      })
    },
  }
}
