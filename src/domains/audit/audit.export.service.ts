import type { Session } from '../../auth/session.ts'
import { callerName, PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call } from '../../db/database.ts'
import { enqueueJob } from '../../jobs/jobs.ts'
import type { Deps } from '../deps.ts'
import { AUDIT_EXPORT, type AuditExport, exportWhere, readAuditExport } from './audit.jobs.ts'
import { auditScope } from './audit.scope.ts'
import { recordAudit } from './audit.service.ts'

/**
 * Queues an export of the audit events that the caller may see and the filter names, up to this instant.
 * Effects: a job with its total; audit.
 */
export async function exportAudit(
  deps: Deps,
  call: Call<Session>,
  filter: Omit<AuditExport['where'], 'to'> & { readonly to?: string },
): Promise<{ accountId: string; id: string }> {
  const { caller } = call
  const accountId = caller.accountId ?? PLATFORM_ACCOUNT_ID
  const now = deps.clock.now().toISOString()
  const own = caller.principal === 'STAFF' ? {} : { accountId, subjectId: caller.subjectId }
  const to = filter.to !== undefined && filter.to < now ? filter.to : now
  const payload = readAuditExport({ where: { ...filter, ...own, to }, after: null })
  return deps.db.write(
    call,
    async (tx) => {
      const total = await tx.auditEvent.count({ where: { AND: [auditScope(caller), exportWhere(payload)] } })
      const id = await enqueueJob(tx, deps.clock, {
        accountId,
        kind: AUDIT_EXPORT,
        caller: callerName(caller),
        payload,
        total,
      })
      await recordAudit(tx, deps.clock, call, {
        accountId,
        kind: 'audit.export_requested',
        recordType: 'Job',
        recordIds: [id],
      })
      return { accountId, id }
    },
    accountId,
  )
}
