import { systemSession } from '../../auth/session.ts'
import type { Clock } from '../../time/clock.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { EventHandler } from '../events/events.jobs.ts'

/** When an account was closed, the systems and datasets that its teams declared go. */
export function deleteDeclarationsOnClosed(clock: Clock): EventHandler<'account.closed'> {
  return {
    kind: 'account.closed',
    async handle(tx, event) {
      const { accountId } = event
      const systems = await tx.$queryRaw<{ id: string }[]>`
        delete from system where account_id = ${accountId}::uuid and not built_in returning id`
      const datasets = await tx.$queryRaw<{ id: string }[]>`
        delete from dataset where account_id = ${accountId}::uuid returning id`
      const actor = { caller: systemSession(accountId), requestId: event.id }
      for (const [recordType, gone] of [
        ['System', systems],
        ['Dataset', datasets],
      ] as const) {
        if (gone.length === 0) continue
        const recordIds = gone.map(({ id }) => id)
        await recordAudit(tx, clock, actor, { accountId, kind: 'systems.removed', recordType, recordIds })
      }
    },
  }
}
