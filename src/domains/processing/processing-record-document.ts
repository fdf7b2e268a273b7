import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Tx } from '../../db/database.ts'
import type { Deps } from '../deps.ts'
import { inventoryCountReach } from '../inventory/inventory.scope.ts'
import { readControllers, readProcessingRecords } from './processing-record.reads.ts'
import { recordsAsCsv } from './processing-record-csv.rules.ts'
import { recordsAsHtml } from './processing-record-html.rules.ts'
import { dateOf } from './processing-record-texts.rules.ts'

/** In what form a document is written. */
export type RecordFormat = 'CSV' | 'HTML'

/** A document of the records of one controller. */
export type RecordDocument = { readonly fileName: string; readonly contentType: string; readonly body: string }

/** More than there can be: one for each purpose and role. */
const RECORDS_MAX = 100

/**
 * The records of one controller as a document, as they are now. Absent `accountId`: the caller's own account; for Staff
 * the platform's. Null where the caller may not see the controller.
 */
export async function readRecordDocument(
  reading: { readonly deps: Deps; readonly tx: Tx; readonly session: Session },
  request: { readonly format: RecordFormat; readonly accountId: string | null; readonly languages: readonly string[] },
): Promise<RecordDocument | null> {
  const reach = inventoryCountReach(reading.session)
  if (!reach) return null
  const accountId = request.accountId ?? reach.accountId ?? PLATFORM_ACCOUNT_ID
  if (reach.accountId !== null && reach.accountId !== accountId) return null
  const controller = (await readControllers(reading, [accountId])).get(accountId)
  if (!controller) return null
  const at = reading.deps.clock.now()
  const input = {
    controller,
    role: accountId === PLATFORM_ACCOUNT_ID ? ('CONTROLLER' as const) : ('PROCESSOR' as const),
    records: await readProcessingRecords(reading, { accountId }, { limit: RECORDS_MAX, after: null }),
    at,
    languages: request.languages,
  }
  const name = `records-of-processing-${dateOf(at)}`
  return request.format === 'CSV'
    ? { fileName: `${name}.csv`, contentType: 'text/csv; charset=utf-8', body: recordsAsCsv(input) }
    : { fileName: `${name}.html`, contentType: 'text/html; charset=utf-8', body: recordsAsHtml(input) }
}
