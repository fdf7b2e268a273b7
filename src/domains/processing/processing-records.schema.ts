import { z } from 'zod'
import { DataCategory, Purpose } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { pageOf, readPageSize } from '../../schema/forward-page.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { RECORD_PAGES } from './processing-recipient.types.ts'
import { readProcessingRecords } from './processing-record.reads.ts'
import { PROCESSING_ROLES, type ProcessingRecord, type RecordKey } from './processing-record.rules.ts'
import { ProcessingRecordObject, ProcessingRoleEnum } from './processing-record.types.ts'
import { type RecordDocument, readRecordDocument } from './processing-record-document.ts'

const ProcessingRecordFilter = builder.inputType('ProcessingRecordFilter', {
  description: 'Which records; conditions are combined by AND. A record that meets them is shown whole.',
  fields: (t) => ({
    accountId: t.id({ description: 'Of this controller.' }),
    role: t.field({ type: ProcessingRoleEnum, description: 'In this role.' }),
    purpose: t.field({ type: Purpose, description: 'For this purpose.' }),
    category: t.field({ type: DataCategory, description: 'With data of this category.' }),
    processorId: t.id({ description: 'Whose data this processor may receive, or did.' }),
  }),
})

const cursorShape = z.tuple([z.enum(PROCESSING_ROLES), z.uuid(), z.enum(Purpose)])

const cursorOf = ({ role, controller, purpose }: ProcessingRecord) =>
  Buffer.from(JSON.stringify([role, controller.id, purpose])).toString('base64url')

/** @throws BAD_USER_INPUT when it is none that this list gave out */
function readCursor(cursor: string): RecordKey {
  try {
    const [role, controllerId, purpose] = cursorShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    return { role, controllerId, purpose }
  } catch {
    throw badInput('after', 'is not a cursor of this list')
  }
}

builder.queryField('processingRecords', (t) =>
  t.connection({
    type: ProcessingRecordObject,
    ...needs(
      'processing:read',
      `Records of processing (GDPR Art. 30) of the caller's account, for Staff of all, in order of role, controller and purpose. Pages forward: 20 records, or as many as \`first\` says, ${RECORD_PAGES.max} at most.`,
    ),
    args: { filter: t.arg({ type: ProcessingRecordFilter, description: 'Which ones; absent: all.' }) },
    resolve: async (_root, { filter, ...page }, { deps, reads, session }) => {
      const limit = readPageSize(page, RECORD_PAGES)
      const after = page.after ? readCursor(page.after) : null
      const { accountId, processorId, role, purpose, category } = filter ?? {}
      const wanted = {
        accountId: accountId ? readAccountId('filter.accountId', accountId) : null,
        processor: processorId ? readTenantKey('filter.processorId', 'Processor', processorId) : null,
        role: role ?? null,
        purpose: purpose ?? null,
        category: category ?? null,
      }
      const reading = { deps, tx: reads.tx, session }
      const records = await readProcessingRecords(reading, wanted, { limit: limit + 1, after })
      return pageOf(records, limit, after, cursorOf)
    },
  }),
)

const RecordFormatEnum = builder.enumType('ProcessingRecordFormat', {
  description: 'In what form a document is written.',
  values: {
    CSV: { description: 'A table for a spreadsheet (RFC 4180), one row for each record.' },
    HTML: { description: 'A page for people, to read and to print.' },
  } as const,
})

const RecordDocumentObject = builder.objectRef<RecordDocument>('ProcessingRecordDocument').implement({
  description: 'The records of one controller as a document.',
  fields: (t) => ({
    fileName: t.exposeString('fileName', {
      description: 'A name for the file, e.g. records-of-processing-2026-03-15.csv.',
    }),
    contentType: t.exposeString('contentType', { description: 'Its media type.' }),
    body: t.exposeString('body', { description: 'The document.' }),
  }),
})

builder.queryField('processingRecordDocument', (t) =>
  t.field({
    type: RecordDocumentObject,
    nullable: true,
    ...needs(
      'processing:read',
      "The records of one controller as a document in the caller's language; null where the caller may not see the controller.",
    ),
    args: {
      format: t.arg({ type: RecordFormatEnum, required: true, description: 'In what form.' }),
      accountId: t.arg.id({
        description: "Global id of the controller's account; absent: the caller's own, for Staff the platform's.",
      }),
    },
    resolve: (_root, { format, accountId }, { deps, reads, session, languages }) =>
      readRecordDocument(
        { deps, tx: reads.tx, session },
        { format, accountId: accountId ? readAccountId('accountId', accountId) : null, languages },
      ),
  }),
)
