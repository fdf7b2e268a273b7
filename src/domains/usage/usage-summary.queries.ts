import { z } from 'zod'
import { EndpointKind, UsageKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { pageOf, readPageSize } from '../../schema/forward-page.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { readSummary, readTotals, type SummaryKey, type SummaryQuery, type SummaryRow } from './usage.reads.ts'
import { usageReach } from './usage.scope.ts'
import { UsageSummaryRow, UsageTotals } from './usage.types.ts'
import { assertPatterns } from './usage-filters.queries.ts'
import { matchesUsagePattern } from './usage-patterns.rules.ts'
import { readUsageWindow } from './usage-window.reads.ts'
import { isMidnight, singleFrom } from './usage-window.rules.ts'

const DAY_MS = 86_400_000
/** The longest time a summary may cover, in days, by length of its buckets. */
const DAYS_MAX = { HOUR: 92, DAY: 1_100, MONTH: 4_000 } as const
const PAGE_MAX = 500
const PAGE_DEFAULT = 100

const UsageBucketEnum = builder.enumType('UsageBucket', {
  description: 'The length of a bucket of time, UTC.',
  values: {
    HOUR: { description: 'An hour; a summary covers at most 92 days, of months whose events are kept.' },
    DAY: { description: 'A day; a summary covers at most 1,100 days.' },
    MONTH: { description: 'A calendar month.' },
  } as const,
})

const UsageDimensionEnum = builder.enumType('UsageDimension', {
  description: 'What a summary can be divided by, beside time.',
  values: {
    MODEL: { description: 'The model.' },
    ENDPOINT_KIND: { description: 'How the model was reached.' },
    REGION: { description: 'Where it was processed.' },
  } as const,
})

const UsageSummaryFilter = builder.inputType('UsageSummaryFilter', {
  description: 'Which usage events a summary counts; conditions are combined by AND.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', required: true, description: 'At or after this instant.' }),
    to: t.field({ type: 'DateTime', required: true, description: 'Before this instant.' }),
    accountId: t.id({ description: 'Of this account.' }),
    subjectId: t.id({ description: 'Linked to this person, in the months whose events are kept.' }),
    kind: t.field({ type: UsageKind, defaultValue: 'INFERENCE', description: 'Of this kind.' }),
    model: t.string({ description: 'Of exactly this model.' }),
    endpointKind: t.field({ type: EndpointKind, description: 'Reached this way.' }),
    region: t.string({ description: 'Processed in this region.' }),
  }),
})

function readQuery(
  filter: typeof UsageSummaryFilter.$inferInput,
  bucket: SummaryQuery['bucket'],
  groupBy: readonly SummaryQuery['groupBy'][number][],
  singleEventsFrom: Date,
): SummaryQuery {
  assertPatterns(filter)
  const subject = filter.subjectId ? readTenantKey('filter.subjectId', 'Subject', filter.subjectId) : null
  const named = filter.accountId ? readAccountId('filter.accountId', filter.accountId) : null
  if (filter.from >= filter.to) throw badInput('filter.to', 'must lie after filter.from')
  if (filter.to.getTime() - filter.from.getTime() > DAYS_MAX[bucket] * DAY_MS)
    throw badInput('filter', `must cover at most ${DAYS_MAX[bucket]} days for buckets of one ${bucket}`)
  assertDivisible(filter, bucket, singleEventsFrom)
  if (subject && named && subject.accountId !== named)
    throw badInput('filter.subjectId', 'must be of the account in filter.accountId')
  return {
    from: filter.from,
    to: filter.to,
    bucket,
    groupBy,
    kind: filter.kind ?? 'INFERENCE',
    model: filter.model,
    endpointKind: filter.endpointKind,
    region: filter.region,
    accountId: subject?.accountId ?? named,
    subjectId: subject?.id,
  }
}

/**
 * Folded months know days and nothing shorter.
 * @throws BAD_USER_INPUT naming the field and the first instant of which more is known
 */
function assertDivisible(filter: { from: Date; to: Date }, bucket: SummaryQuery['bucket'], kept: Date): void {
  const first = kept.toISOString()
  if (bucket === 'HOUR' && filter.from < kept)
    throw badInput('filter.from', `must not lie before ${first} for buckets of one HOUR: older usage is kept by day`)
  for (const field of ['from', 'to'] as const)
    if (filter[field] < kept && !isMidnight(filter[field]))
      throw badInput(`filter.${field}`, `must be midnight UTC before ${first}: older usage is kept by day`)
}

const cursorOf = (row: SummaryRow) =>
  Buffer.from(JSON.stringify([row.bucketStart, row.model, row.endpointKind, row.region])).toString('base64url')

const cursorShape = z.tuple([
  z.iso.datetime({ precision: 3 }),
  z
    .string()
    .refine((value) => matchesUsagePattern('model', value))
    .nullable(),
  z.enum(EndpointKind).nullable(),
  z
    .string()
    .refine((value) => matchesUsagePattern('region', value))
    .nullable(),
])

function readCursor(cursor: string): SummaryKey {
  try {
    const [start, model, endpointKind, region] = cursorShape.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString()),
    )
    return { bucketStart: new Date(start), model, endpointKind, region }
  } catch {
    throw badInput('after', 'is not a cursor of this connection')
  }
}

builder.queryField('usageSummary', (t) =>
  t.connection(
    {
      type: UsageSummaryRow,
      ...needs(
        'usage:summarise',
        "Usage of the own account, or of oneself, summed by time and group, in order of time. Months past the time that events are kept are there in sums, by day, and as nobody's in particular: a person's usage is that of the months that are kept. Pages forward: 100 rows, or as many as `first` says, 500 at most.",
      ),
      args: {
        filter: t.arg({ type: UsageSummaryFilter, required: true, description: 'Which events are counted.' }),
        bucket: t.arg({ type: UsageBucketEnum, required: true, description: 'The length of a bucket of time.' }),
        groupBy: t.arg({
          type: [UsageDimensionEnum],
          required: true,
          defaultValue: [],
          description: 'What to divide by, beside time.',
        }),
      },
      resolve: async (_root, args, { reads, session, deps }) => {
        const limit = readPageSize(args, { byDefault: PAGE_DEFAULT, max: PAGE_MAX })
        const from = singleFrom(await readUsageWindow(reads.tx), deps.clock.now())
        const query = readQuery(args.filter, args.bucket, args.groupBy, from)
        const after = args.after ? readCursor(args.after) : null
        const rows = await readSummary(reads.tx, usageReach(session, 'usage:summarise'), query, {
          limit: limit + 1,
          after,
        })
        return { query, ...pageOf(rows, limit, after, cursorOf) }
      },
    },
    {
      description: 'A page of a summary of usage.',
      fields: (connection) => ({
        totals: connection.field({
          type: UsageTotals,
          description: 'Sums over everything that the summary counts, all pages together.',
          resolve: ({ query }, _args, { reads, session }) =>
            readTotals(reads.tx, usageReach(session, 'usage:summarise'), query),
        }),
      }),
    },
  ),
)
