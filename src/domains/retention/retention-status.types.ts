import { DataCategory } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId } from '../../schema/global-id.ts'
import type { TimerCounts } from './retention-status.reads.ts'

/** Counts of timers, and how many items live, which is asked for only where it is wanted. */
export type StatusCounts = TimerCounts & { readonly living: () => Promise<ReadonlyMap<DataCategory | null, bigint>> }

/** How timers are doing at an instant. */
export type Status = {
  readonly at: Date
  readonly accountId: string | null
  readonly periodDays: number
  readonly counts: readonly StatusCounts[]
}

const Counts = builder.interfaceRef<StatusCounts>('RetentionCounts').implement({
  description:
    'How timers are doing. What is held, due and running adds up to what is not done. Confidential holds are told to Staff with `holds:manage` alone; to everyone else what they keep is due or running.',
  fields: (t) => ({
    running: t.field({
      type: 'BigInt',
      description:
        'Timers that are neither due nor held. Counting them reads every living item: leave it out of a poll.',
      resolve: async ({ category, living, held, dueNow }) => {
        const rest = ((await living()).get(category) ?? 0n) - held - dueNow
        return rest > 0n ? rest : 0n
      },
    }),
    dueNow: t.expose('dueNow', {
      type: 'BigInt',
      description: 'Timers whose instant has come and whose data is neither held nor ended, failed ones too.',
    }),
    overdue: t.expose('overdue', {
      type: 'BigInt',
      description: 'Of those, the ones whose instant lies more than 60 seconds back.',
    }),
    oldestOverdueAt: t.expose('oldestOverdueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The earliest instant of those; null where none is overdue.',
    }),
    oldestOverdueSeconds: t.exposeInt('oldestOverdueSeconds', {
      nullable: true,
      description: 'How many whole seconds back that lies; null where none is overdue.',
    }),
    dueNext24Hours: t.expose('dueNext24Hours', {
      type: 'BigInt',
      description: 'Timers whose instant comes within 24 hours, without what is held.',
    }),
    held: t.expose('held', { type: 'BigInt', description: 'Timers of data that a legal hold keeps.' }),
    failed: t.expose('failed', {
      type: 'BigInt',
      description: 'Timers whose data could not be ended when it was tried last, and that are not held.',
    }),
    doneInPeriod: t.expose('doneInPeriod', {
      type: 'BigInt',
      description: 'Timers that were due and whose data was ended in the period.',
    }),
    driftSecondsP50: t.exposeInt('driftSecondsP50', {
      nullable: true,
      description:
        'The delay in whole seconds that half of those did not exceed: the smallest one with that property (nearest rank). Null where there are none.',
    }),
    driftSecondsP95: t.exposeInt('driftSecondsP95', {
      nullable: true,
      description: 'The same for 95 of 100.',
    }),
    driftSecondsMax: t.exposeInt('driftSecondsMax', {
      nullable: true,
      description: 'The longest delay of those in whole seconds; null where there are none.',
    }),
  }),
})

const CategoryStatusObject = builder.objectRef<StatusCounts>('RetentionCategoryStatus').implement({
  description: 'How the timers of a category are doing.',
  interfaces: [Counts],
  fields: (t) => ({
    category: t.field({
      type: DataCategory,
      description: 'The category of data.',
      resolve: ({ category }) => category as DataCategory,
    }),
  }),
})

const TotalsObject = builder.objectRef<StatusCounts>('RetentionTotals').implement({
  description: 'How the timers of all categories together are doing.',
  interfaces: [Counts],
})

export const RetentionStatusObject = builder.objectRef<Status>('RetentionStatus').implement({
  description: 'How timers are doing at an instant.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'The instant.' }),
    accountId: t.id({
      nullable: true,
      description: 'Global id of the account whose timers are counted; null where those of all are.',
      resolve: ({ accountId }) => (accountId === null ? null : globalId('Account', accountId)),
    }),
    periodDays: t.exposeInt('periodDays', { description: 'How many days back done timers are looked at.' }),
    categories: t.field({
      type: [CategoryStatusObject],
      description: 'Every category, also where it has no timer.',
      resolve: ({ counts }) => counts.filter(({ category }) => category !== null),
    }),
    totals: t.field({
      type: TotalsObject,
      description: 'All categories together; percentiles over all of their timers.',
      resolve: ({ counts }) => counts.find(({ category }) => category === null) as StatusCounts,
    }),
  }),
})
