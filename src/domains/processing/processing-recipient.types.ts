import { DataCategory, ProcessorRole } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { globalId, tenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { isUuid } from '../../time/id.ts'
import type { RecordRecipient } from './processing-record.rules.ts'

/** The largest page of records, and of recipients of one. */
export const RECORD_PAGE_MAX = 100
const PAGE_DEFAULT = 20

type PageArgs = { readonly [K in 'first' | 'last']?: number | null | undefined } & {
  readonly [K in 'after' | 'before']?: string | null | undefined
}

/** How many rows a page has. These lists page forward alone. @throws BAD_USER_INPUT */
export function readPageSize(args: PageArgs): number {
  if (args.last != null || args.before != null) throw badInput('last', 'is not offered: this list pages forward')
  const limit = args.first ?? PAGE_DEFAULT
  if (limit < 1 || limit > RECORD_PAGE_MAX) throw badInput('first', `must be 1 to ${RECORD_PAGE_MAX}`)
  return limit
}

/** A page of what follows `after`: one row more than fits says that there is another page. */
export function pageOf<T>(rows: readonly T[], limit: number, after: unknown, cursor: (row: T) => string) {
  const edges = rows.slice(0, limit).map((node) => ({ node, cursor: cursor(node) }))
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > limit,
      hasPreviousPage: after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}

const cursorOfRecipient = ({ processor }: RecordRecipient) => Buffer.from(processor.id).toString('base64url')

/** A page of the recipients of a record. @throws BAD_USER_INPUT */
export function pageOfRecipients(recipients: readonly RecordRecipient[], args: PageArgs) {
  const limit = readPageSize(args)
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
