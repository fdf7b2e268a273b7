import { DataCategory, RetentionAction } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { globalId, tenantKey } from '../../schema/global-id.ts'
import { aboutPerson } from '../../schema/root-field.ts'
import { InventoryItemNode } from './inventory-item.types.ts'
import { driftSeconds, nextAttemptAt, remainingSeconds, timerState } from './retention-timer.rules.ts'

/** The states of a timer, as the schema names them. */
export const RetentionTimerStateEnum = builder.enumType('RetentionTimerState', {
  description: 'Where the timer of a piece of data is.',
  values: {
    RUNNING: { description: 'Its instant has not come, or nothing has started its period.' },
    HELD: { description: 'A legal hold keeps the data; nothing is done when its instant comes.' },
    DUE: { description: 'Its instant has come; the data is about to be ended.' },
    DONE: { description: 'The data is ended: erased, or no longer about a person.' },
    FAILED: { description: 'Ending the data failed and is tried again; `lastProblem` says why.' },
  } as const,
})

export const RetentionTimerObject = builder.prismaObject('InventoryItem', {
  variant: 'RetentionTimer',
  description: 'How long a piece of data is still kept, and what is done with it then. Every item has one.',
  extensions: {
    ...cursorOf(null),
    ...aboutPerson((item: { accountId: string; subjectId: string | null; id: string }) => ({
      accountId: item.accountId,
      subjectId: item.subjectId,
      recordType: 'InventoryItem',
      recordId: item.id,
    })).extensions,
  },
  fields: (t) => ({
    item: t.variant(InventoryItemNode, {
      description: 'The item that it is of; null where the caller may not read the inventory.',
      isNull: (_timer, _args, { session }) => !session.scopes.has('inventory:read'),
    }),
    itemId: t.id({
      description: 'Global id of the item.',
      resolve: (timer) => globalId('InventoryItem', tenantKey(timer)),
    }),
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: ({ accountId }) => globalId('Account', accountId),
    }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person; null where the data is of nobody in particular.',
      resolve: ({ accountId, subjectId }) =>
        subjectId === null ? null : globalId('Subject', tenantKey({ accountId, id: subjectId })),
    }),
    category: t.expose('category', { type: DataCategory, description: 'What kind of data it is.' }),
    system: t.exposeString('system', { description: 'Key of the system in which it rests.' }),
    locator: t.exposeString('locator', { description: 'Where in the system, e.g. `usage_event/2026-03`.' }),
    state: t.field({
      type: RetentionTimerStateEnum,
      description: 'Where it is now. A confidential hold is told to Staff with `holds:manage` alone.',
      resolve: (timer, _args, { session, deps }) => timerState(session, timer, deps.clock.now()),
    }),
    rule: t.relation('retentionRule', {
      nullable: true,
      description:
        'The rule by which it was planned: of those whose trigger has happened, the one that is due first. Null until it is planned.',
    }),
    action: t.field({
      type: RetentionAction,
      nullable: true,
      description: 'What is done when its instant comes, by that rule. Null until it is planned.',
      select: { retentionRule: { select: { action: true } } },
      resolve: ({ retentionRule }) => retentionRule?.action ?? null,
    }),
    dueAt: t.expose('dueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Its instant: when the period is over. Null where nothing has started the period.',
    }),
    remainingSeconds: t.int({
      nullable: true,
      description:
        'Whole seconds until `dueAt`, rounded up, at most 2,147,483,647 (68 years); negative once that has passed. Null without `dueAt`, and when it is done. A hold does not stop it.',
      resolve: (timer, _args, { deps }) => remainingSeconds(timer, deps.clock.now()),
    }),
    attempts: t.exposeInt('attempts', { description: 'How often ending the data failed since it was last planned.' }),
    lastProblem: t.exposeString('lastProblem', {
      nullable: true,
      description: 'Why it failed last, a closed code; null where it did not.',
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is tried next; null where it is held or done, or the partition in which it lies ends it.',
      select: { retentionRule: { select: { action: true } } },
      resolve: (timer, _args, { session }) =>
        nextAttemptAt(session, timer, timer.retentionRule?.action !== 'DROP_PARTITION'),
    }),
    doneAt: t.expose('doneAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the data was ended; null while it is kept.',
    }),
    driftSeconds: t.int({
      nullable: true,
      description:
        'How many whole seconds after `dueAt` it was ended; null while it is kept, and where it was ended before it was due.',
      resolve: (timer) => driftSeconds(timer),
    }),
  }),
})

builder.prismaObjectField(InventoryItemNode, 'timer', (t) =>
  t.variant(RetentionTimerObject, { description: 'How long it is still kept, and what is done with it then.' }),
)
