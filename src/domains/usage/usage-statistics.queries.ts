import { z } from 'zod'
import { UsageKind } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { pageOf, readPageSize } from '../../schema/forward-page.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { UsageSums } from './usage.types.ts'
import { readStatistics, type StatisticsMonth, type StatisticsRow } from './usage-statistics.reads.ts'
import { isMonthStart } from './usage-window.rules.ts'

/** The most months that one answer covers. */
const MONTHS_MAX = 24
const PAGE_MAX = 500
const PAGE_DEFAULT = 100

const StatisticsDimensionEnum = builder.enumType('UsageStatisticsDimension', {
  description: 'What statistics are divided by, beside the month.',
  values: {
    NONE: { description: 'Nothing: totals alone.' },
    MODEL: { description: 'The model.' },
    ENDPOINT_KIND: { description: 'How the model was reached.' },
    REGION: { description: 'Where it was processed.' },
  } as const,
})

const UsageStatisticsRow = builder.objectRef<StatisticsRow>('UsageStatisticsRow').implement({
  description: 'Sums of a month, or of a group in it, with at least as many persons as the smallest that may be shown.',
  extensions: cursorOf(null),
  interfaces: [UsageSums],
  fields: (t) => ({
    month: t.expose('month', { type: 'DateTime', description: 'First instant of the month, UTC.' }),
    isTotal: t.exposeBoolean('isTotal', { description: 'Whether it is the whole month, undivided.' }),
    value: t.exposeString('value', {
      nullable: true,
      description: 'What the events of the group share; null for the total, and for events that name none.',
    }),
    subjects: t.exposeInt('subjects', {
      description: 'How many different persons it has; events linked to nobody count as no person.',
    }),
  }),
})

const UsageStatisticsMonth = builder.objectRef<StatisticsMonth>('UsageStatisticsMonth').implement({
  description: 'Whether everything of a month is shown.',
  fields: (t) => ({
    month: t.expose('month', { type: 'DateTime', description: 'First instant of the month, UTC.' }),
    isLeftOut: t.exposeBoolean('leftOut', {
      description: 'Whether a group or the total was left out, because too few persons would be found by it.',
    }),
  }),
})

type Position = readonly [month: string, isGroup: boolean, value: string]

const positionOf = ({ month, isTotal, value }: StatisticsRow): Position => [month.toISOString(), !isTotal, value ?? '']

const cursorShape = z.tuple([z.iso.datetime({ precision: 3 }), z.boolean(), z.string().max(128)])

function readCursor(cursor: string): Position {
  try {
    return cursorShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw badInput('after', 'is not a cursor of this connection')
  }
}

function isBeyond(row: StatisticsRow, after: Position): boolean {
  for (const [index, part] of positionOf(row).entries()) {
    const other = after[index] ?? ''
    if (part !== other) return part > other
  }
  return false
}

/** @throws BAD_USER_INPUT unless the two bound whole calendar months that have ended */
function assertMonths({ from, to }: { from: Date; to: Date }, now: Date): void {
  for (const [field, instant] of Object.entries({ from, to }))
    if (!isMonthStart(instant)) throw badInput(field, 'must be the first instant of a calendar month, UTC')
  if (from >= to) throw badInput('to', 'must lie after from')
  if (to > now) throw badInput('to', 'must not lie in the future: only months that have ended are shown')
  const months = (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
  if (months > MONTHS_MAX) throw badInput('from', `must lie at most ${MONTHS_MAX} months before to`)
}

builder.queryField('usageStatistics', (t) =>
  t.connection(
    {
      type: UsageStatisticsRow,
      ...needs(
        'statistics:read',
        'Usage by calendar month and group, for those outside the accounts. A group or total is there only when it has at least as many different persons as the operator allows (10 where nothing is said); what could be found by subtraction is left out too. In order of month, the total first. Pages forward: 100 rows, or as many as `first` says, 500 at most.',
      ),
      args: {
        from: t.arg({ type: 'DateTime', required: true, description: 'First instant of the first month, UTC.' }),
        to: t.arg({
          type: 'DateTime',
          required: true,
          description: `First instant of the month after the last one, UTC; not in the future, at most ${MONTHS_MAX} months after \`from\`.`,
        }),
        kind: t.arg({ type: UsageKind, required: true, defaultValue: 'INFERENCE', description: 'Of this kind.' }),
        groupBy: t.arg({
          type: StatisticsDimensionEnum,
          required: true,
          defaultValue: 'NONE',
          description: 'What to divide by, beside the month.',
        }),
        accountId: t.arg.id({ description: 'Of this account; absent: of all together.' }),
      },
      resolve: async (_root, args, { reads, deps }) => {
        const limit = readPageSize(args, { byDefault: PAGE_DEFAULT, max: PAGE_MAX })
        assertMonths(args, deps.clock.now())
        const after = args.after ? readCursor(args.after) : null
        const accountId = args.accountId ? readAccountId('accountId', args.accountId) : null
        const { from, to, kind, groupBy } = args
        const query = { from, to, kind, groupBy, accountId }
        const months = await readStatistics(reads.tx, query, deps.settings.statisticsSubjectsMin)
        const all = months.flatMap(({ rows }) => rows).filter((row) => after === null || isBeyond(row, after))
        const cursorOf = (row: (typeof all)[number]) =>
          Buffer.from(JSON.stringify(positionOf(row))).toString('base64url')
        return { months, ...pageOf(all, limit, after, cursorOf) }
      },
    },
    {
      description: 'A page of statistics of usage.',
      fields: (connection) => ({
        months: connection.field({
          type: [UsageStatisticsMonth],
          description: 'The months that have usage, all pages together.',
          resolve: ({ months }) => [...months],
        }),
      }),
    },
  ),
)
