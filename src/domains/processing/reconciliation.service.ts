import type { Session } from '../../auth/session.ts'
import { callerName, PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call } from '../../db/database.ts'
import { enqueueJob } from '../../jobs/jobs.ts'
import { newId } from '../../time/id.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { INVENTORY_RECONCILE, reconcilePayload } from './reconciliation.jobs.ts'

/**
 * Queues a comparison of the inventory with what the systems hold, of one account or of all, the platform's too.
 * Effects: a job with the number of living items as its total, a row of `reconciliation`; audit. When it is done, the
 * event `inventory.reconciled`.
 * @throws NOT_AVAILABLE when there is no such account
 * @see GDPR Art. 5(2)
 */
export async function reconcileInventory(
  deps: Deps,
  call: Call<Session>,
  comparedId: string | null,
): Promise<{ accountId: string; jobId: string; reconciliationId: string }> {
  const accountId = PLATFORM_ACCOUNT_ID
  return deps.db.write(
    call,
    async (tx) => {
      if (comparedId !== null && (await tx.account.count({ where: { id: comparedId } })) === 0) throw new NotAvailable()
      const reconciliationId = newId(deps.clock)
      const total = await tx.inventoryItem.count({
        where: {
          ...(comparedId === null ? {} : { accountId: comparedId }),
          state: { in: ['LIVE', 'HELD', 'RESTRICTED'] },
        },
      })
      const jobId = await enqueueJob(tx, deps.clock, {
        accountId,
        kind: INVENTORY_RECONCILE,
        caller: callerName(call.caller),
        payload: reconcilePayload(reconciliationId, comparedId),
        total,
      })
      await tx.reconciliation.createMany({
        data: [{ accountId, id: reconciliationId, jobId, comparedId, startedAt: deps.clock.now() }],
      })
      await recordAudit(tx, deps.clock, call, {
        accountId,
        kind: 'inventory.reconciliation_requested',
        recordType: 'Reconciliation',
        recordIds: [reconciliationId],
      })
      return { accountId, jobId, reconciliationId }
    },
    accountId,
  )
}
