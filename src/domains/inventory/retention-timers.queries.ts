import { z } from 'zod'
import type { Prisma } from '../../generated/prisma/client.ts'
import { DataCategory } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { keysetPage, selectionOfNodes } from '../../schema/keyset-page.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { isSystemKey } from './inventory.rules.ts'
import { TIMER_STATES, whereTimerStates } from './retention-timer.rules.ts'
import { timerScope } from './retention-timer.scope.ts'
import { RetentionTimerObject, RetentionTimerStateEnum } from './retention-timer.types.ts'
import { readTimers, type TimerPlace } from './retention-timers.reads.ts'
import type { HoldViewer } from './visible-state.rules.ts'

/** What is meant where no state is said. */
const NOT_DONE = TIMER_STATES.filter((state) => state !== 'DONE')

const RetentionTimerFilter = builder.inputType('RetentionTimerFilter', {
  description: 'Which timers; conditions are combined by AND. A list that is given names at least one.',
  fields: (t) => ({
    accountId: t.id({ description: 'Of this account.' }),
    subjectId: t.id({ description: 'Of data of this person.' }),
    categories: t.field({ type: [DataCategory], description: 'Of data of one of these categories.' }),
    systems: t.stringList({ description: 'Of data in one of the systems with these keys.' }),
    states: t.field({
      type: [RetentionTimerStateEnum],
      description: 'In one of these states; absent: every one but DONE.',
    }),
    dueFrom: t.field({ type: 'DateTime', description: 'With an instant, at or after this one.' }),
    dueTo: t.field({ type: 'DateTime', description: 'With an instant, before this one.' }),
  }),
})

type Filter = typeof RetentionTimerFilter.$inferInput

const isGiven = (value: string | null | undefined): value is string => typeof value === 'string'

/** @throws BAD_USER_INPUT naming the field that no timer can meet */
function whereOf(filter: Filter, viewer: HoldViewer, now: Date): Prisma.InventoryItemWhereInput {
  const { categories, systems, states, dueFrom, dueTo } = filter
  for (const [name, list] of Object.entries({ categories, systems, states }))
    if (list?.length === 0) throw badInput(`filter.${name}`, 'must name at least one')
  if (systems?.some((system) => !isSystemKey(system)))
    throw badInput('filter.systems', 'names what is not the key of a system')
  if (dueFrom && dueTo && dueFrom >= dueTo) throw badInput('filter.dueTo', 'must lie after filter.dueFrom')
  const subject = isGiven(filter.subjectId) ? readTenantKey('filter.subjectId', 'Subject', filter.subjectId) : null
  const account = isGiven(filter.accountId) ? readAccountId('filter.accountId', filter.accountId) : null
  if (subject && account && subject.accountId !== account)
    throw badInput('filter.subjectId', 'must be of the account in filter.accountId')
  return {
    AND: [
      whereTimerStates(viewer, states ?? NOT_DONE, now),
      account ? { accountId: account } : {},
      subject ? { accountId: subject.accountId, subjectId: subject.id } : {},
      categories ? { category: { in: [...categories] } } : {},
      systems ? { system: { in: [...systems] } } : {},
      dueFrom ? { dueAt: { gte: dueFrom } } : {},
      dueTo ? { dueAt: { lt: dueTo } } : {},
    ],
  }
}

const cursorShape = z.tuple([z.iso.datetime({ precision: 3 }).nullable(), z.uuid(), z.uuid()])

const cursorOf = ({ dueAt, accountId, id }: TimerPlace) =>
  Buffer.from(JSON.stringify([dueAt, accountId, id])).toString('base64url')

function readCursor(name: 'after' | 'before', cursor: string | null | undefined): TimerPlace | null {
  if (cursor === null || cursor === undefined) return null
  try {
    const [dueAt, accountId, id] = cursorShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    return { dueAt: dueAt === null ? null : new Date(dueAt), accountId, id }
  } catch {
    throw badInput(name, 'is not a cursor of this list')
  }
}

builder.queryField('retentionTimers', (t) =>
  t.connection(
    {
      type: RetentionTimerObject,
      ...needs(
        'retention:read',
        'Timers of the data that the caller may see, in order of their instants, those without one last: Staff all, owners, admins and integrations those of their account, a person those of its own data. Pages have 20 timers, or as many as `first` or `last` says, 100 at most.',
      ),
      args: {
        filter: t.arg({ type: RetentionTimerFilter, description: 'Which ones; absent: all that are not done.' }),
      },
      resolve: async (_root, { filter, ...args }, context, info) => {
        const { reads, session, deps } = context
        const where = { AND: [timerScope(session), whereOf(filter ?? {}, session, deps.clock.now())] }
        const places = { after: readCursor('after', args.after), before: readCursor('before', args.before) }
        const selection = selectionOfNodes(context, info, 'RetentionTimer')
        const page = await keysetPage(args, cursorOf, (part) =>
          readTimers(reads.tx, selection, where, { ...places, ...part }),
        )
        return { ...page, where }
      },
    },
    {
      description: 'A page of timers.',
      fields: (connection) => ({
        totalCount: connection.int({
          description: 'How many there are on all pages together.',
          resolve: ({ where }, _args, { reads }) => reads.tx.inventoryItem.count({ where }),
        }),
      }),
    },
  ),
)
