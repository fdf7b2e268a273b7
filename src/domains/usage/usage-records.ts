import type { Tx } from '../../db/database.ts'
import type { Prisma, UsageEvent } from '../../generated/prisma/client.ts'
import { inPages, PAGE_ROWS } from '../pages.ts'
import type { ExportedRecord, Person } from '../personal-data.ts'
import { locatorOf, type UsageCategory } from './usage-items.ts'

/** The person's events of a category in clear, in order of time, a page at a time. */
export async function* exportUsage(tx: Tx, person: Person, category: UsageCategory): AsyncGenerator<ExportedRecord> {
  for await (const row of inPages((last: UsageEvent | null) => tx.usageEvent.findMany(pageOf(person, category, last))))
    yield recordOf(row, category)
  for await (const row of inPages((last: UsageEvent | null) =>
    tx.usageEventHeld.findMany(pageOf(person, category, last)),
  ))
    yield recordOf(row, category)
}

function pageOf({ accountId, subjectId }: Person, category: UsageCategory, last: UsageEvent | null) {
  const kind: Prisma.EnumUsageKindFilter = category === 'SECURITY' ? { equals: 'SECURITY' } : { not: 'SECURITY' }
  const beyond = last && {
    // The first condition is what the index is entered by.
    occurredAt: { gte: last.occurredAt },
    OR: [{ occurredAt: { gt: last.occurredAt } }, { requestId: { gt: last.requestId } }],
  }
  const orderBy: Prisma.UsageEventOrderByWithRelationInput[] = [{ occurredAt: 'asc' }, { requestId: 'asc' }]
  return { where: { accountId, subjectId, kind, ...beyond }, orderBy, take: PAGE_ROWS }
}

function recordOf(row: UsageEvent, category: UsageCategory): ExportedRecord {
  const { accountId: _account, subjectId: _subject, occurredAt, recordedAt, payloadBytes, ...rest } = row
  return {
    category,
    locator: locatorOf(occurredAt.toISOString().slice(0, 7)),
    record: 'usage_event',
    data: {
      occurredAt: occurredAt.toISOString(),
      ...rest,
      payloadBytes: payloadBytes?.toString() ?? null,
      recordedAt: recordedAt.toISOString(),
    },
  }
}
