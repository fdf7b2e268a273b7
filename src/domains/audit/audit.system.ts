import type { Tx } from '../../db/database.ts'
import type { AuditEvent } from '../../generated/prisma/client.ts'
import { inPages, PAGE_ROWS } from '../pages.ts'
import type { ExportedRecord, Person, PersonalDataSystem } from '../personal-data.ts'
import { globalId, tenantKey } from '../public-id.ts'
import { referenceSystem } from '../reference-system.ts'

const TABLE = 'audit_event'

/**
 * The audit trail: who did what to which records. It is append-only and holds ids, so it stays when a person is erased;
 * the person is given what concerns it.
 * @see GDPR Art. 5(2), 15, 17(3)(b)
 */
export const auditSystem: PersonalDataSystem = {
  ...referenceSystem({
    key: 'audit',
    name: 'Audit trail',
    tables: ['public.audit_event'],
    exception: 'AUDIT_TRAIL',
    count: (tx, { accountId, subjectId }) => tx.auditEvent.count({ where: { accountId, subjectId } }),
  }),
  categories: ['SECURITY'],
  async *export(tx, _deps, person, category) {
    if (category === 'SECURITY') for await (const row of eventsAbout(tx, person)) yield recordOf(row)
  },
}

function eventsAbout(tx: Tx, { accountId, subjectId }: Person): AsyncGenerator<AuditEvent> {
  return inPages((last) => {
    const beyond = last ? { OR: [{ at: { gt: last.at } }, { at: last.at, id: { gt: last.id } }] } : {}
    return tx.auditEvent.findMany({
      where: { accountId, subjectId, ...beyond },
      orderBy: [{ at: 'asc' }, { id: 'asc' }],
      take: PAGE_ROWS,
    })
  })
}

function recordOf(row: AuditEvent): ExportedRecord {
  const { at, actorKind, kind, recordType, recordIds, count } = row
  const data = {
    id: globalId('AuditEvent', tenantKey(row)),
    at: at.toISOString(),
    actorKind,
    kind,
    recordType,
    recordIds,
    count,
  }
  return { category: 'SECURITY', locator: TABLE, record: TABLE, data }
}
