import { DataCategory, ProcessorRole } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { pageOf, readPageSize } from '../../schema/forward-page.ts'
import { globalId, tenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { isUuid } from '../../time/id.ts'
import type { RecordRecipient } from './processing-record.rules.ts'

/** The pages of records, and of recipients of one. */
export const RECORD_PAGES = { byDefault: 20, max: 100 } as const

const cursorOfRecipient = ({ processor }: RecordRecipient) => Buffer.from(processor.id).toString('base64url')

/** A page of the recipients of a record. @throws BAD_USER_INPUT */
export function pageOfRecipients(recipients: readonly RecordRecipient[], args: Parameters<typeof readPageSize>[0]) {
  const limit = readPageSize(args, RECORD_PAGES)
  const id = args.after ? Buffer.from(args.after, 'base64url').toString() : null
  if (id !== null && !isUuid(id)) throw badInput('after', 'is not a cursor of this list')
  const start = id === null ? 0 : recipients.findIndex(({ processor }) => processor.id === id) + 1
  // A recipient that is none any more leads to no page, not to the first one.
  const rest = id !== null && start === 0 ? [] : recipients.slice(start)
  return pageOf(rest, limit, id, cursorOfRecipient)
}

export const ProcessingRecipientObject = builder.objectRef<RecordRecipient>('ProcessingRecipient').implement({
  description: 'A third party that may receive data of a record, or did.',
  extensions: cursorOf(null),
  fields: (t) => ({
    processorId: t.id({
      description: 'Global id of the processor.',
      resolve: ({ processor }) => globalId('Processor', tenantKey(processor)),
    }),
    name: t.string({ description: 'Its name.', resolve: ({ processor }) => processor.name }),
    role: t.field({
      type: ProcessorRole,
      description: 'In what role it receives data.',
      resolve: ({ processor }) => processor.role,
    }),
    country: t.field({
      type: 'CountryCode',
      description: 'Where it is established.',
      resolve: ({ processor }) => processor.country,
    }),
    isAbroad: t.exposeBoolean('abroad', {
      nullable: true,
      description:
        "Whether that is outside the controller's country; null where the caller may not see the controller.",
    }),
    mayReceive: t.expose('mayReceive', {
      type: [DataCategory],
      description: 'Categories of the record that the register allows it; none once it has ended.',
    }),
    itemsReceived: t.field({
      type: 'BigInt',
      description: 'Pieces of data, still held, that it received for the purpose.',
      resolve: ({ received }) => received?.items ?? 0n,
    }),
    firstReceivedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it first received one of them; null where nothing is noted.',
      resolve: ({ received }) => received?.firstAt ?? null,
    }),
    lastReceivedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it last received one of them; null where nothing is noted.',
      resolve: ({ received }) => received?.lastAt ?? null,
    }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was ended; null while it may receive data.',
      resolve: ({ processor }) => processor.endedAt,
    }),
  }),
})
