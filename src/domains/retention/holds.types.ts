import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { LegalHold } from '../../generated/prisma/client.ts'
import { DataCategory, HoldScope } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId, NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { aboutPerson } from '../../schema/root-field.ts'
import type { Context } from '../../schema/types.ts'
import { isReviewOverdue } from './hold.rules.ts'
import { HOLD_KEY } from './hold.service.ts'
import { holdKeyRows, holdOfItem, type ItemHold } from './holds.reads.ts'
import { holdScope } from './holds.scope.ts'

builder.enumType(HoldScope, {
  name: 'HoldScope',
  description: 'What a legal hold covers.',
  values: {
    ITEM: { description: 'One piece of data.' },
    CATEGORY: { description: 'A category of data of one person.' },
    SUBJECT: { description: 'All data of one person.' },
    ACCOUNT: { description: 'All data in one account.' },
  },
})

/** Whether a hold keeps what it covers. */
export const LegalHoldState = builder.enumType('LegalHoldState', {
  description: 'Whether a legal hold keeps what it covers.',
  values: {
    IN_FORCE: { description: 'It does.' },
    RELEASED: { description: 'No longer.' },
  } as const,
})

const dateOf = (day: Date) => day.toISOString().slice(0, 10)

/** A text of a hold in clear; null once its key is destroyed. */
async function openText({ deps, reads }: Context, field: string, sealed: Uint8Array): Promise<string | null> {
  return deps.keys.open(await holdKeyRows(reads), HOLD_KEY, `legal_hold.${field}`, sealed)
}

/** A read of a confidential hold is noted where the person does not read, and names nobody. */
const aboutHold = ({ accountId, id, subjectId, confidential }: LegalHold) => ({
  ...(confidential ? { accountId: PLATFORM_ACCOUNT_ID, subjectId: null } : { accountId, subjectId }),
  recordType: 'LegalHold',
  recordId: id,
  always: true,
})

export const LegalHoldNode = builder.prismaNode('LegalHold', {
  nullable: true,
  description: 'That data must be kept for a time, by whose authority and why. For Staff with `holds:manage`.',
  ...aboutPerson(aboutHold),
  id: { resolve: (hold) => tenantKey(hold) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [holdScope(context.session)],
  }),
  fields: (t) => ({
    accountId: t.id({
      description: 'Global id of the account.',
      resolve: ({ accountId }) => globalId('Account', accountId),
    }),
    scope: t.expose('scope', { type: HoldScope, description: 'What it covers.' }),
    itemId: t.id({
      nullable: true,
      description: 'Global id of the piece of data; null where it covers more.',
      resolve: ({ accountId, itemId }) =>
        itemId === null ? null : globalId('InventoryItem', tenantKey({ accountId, id: itemId })),
    }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person; null where it names none.',
      resolve: ({ accountId, subjectId }) =>
        subjectId === null ? null : globalId('Subject', tenantKey({ accountId, id: subjectId })),
    }),
    category: t.expose('category', {
      type: DataCategory,
      nullable: true,
      description: 'The category of data; null where it names none.',
    }),
    state: t.field({
      type: LegalHoldState,
      description: 'Whether it keeps what it covers.',
      resolve: ({ releasedAt }) => (releasedAt === null ? 'IN_FORCE' : 'RELEASED'),
    }),
    authority: t.string({
      nullable: true,
      description: 'Who demands it; null once its key is destroyed.',
      resolve: (hold, _args, context) => openText(context, 'authority', hold.authorityCipher),
    }),
    reason: t.string({
      nullable: true,
      description: 'Why it was placed; null once its key is destroyed.',
      resolve: (hold, _args, context) => openText(context, 'reason', hold.reasonCipher),
    }),
    confidential: t.exposeBoolean('confidential', {
      description: 'Whether owners of the account and persons concerned are told nothing of it.',
    }),
    reviewOn: t.string({
      description: 'The day, UTC, on which it is to be reviewed, YYYY-MM-DD.',
      resolve: ({ reviewOn }) => dateOf(reviewOn),
    }),
    reviewOverdue: t.boolean({
      description: 'Whether it is in force although that day is over.',
      resolve: (hold, _args, { deps }) => isReviewOverdue(hold, deps.clock.now()),
    }),
    placedBy: t.exposeString('placedBy', { description: 'Kind and UUID of who placed it, e.g. `STAFF:…`.' }),
    placedAt: t.expose('placedAt', { type: 'DateTime', description: 'Since when it is in force.' }),
    releasedBy: t.exposeString('releasedBy', {
      nullable: true,
      description: 'Kind and UUID of who released it; null while it is in force.',
    }),
    releasedAt: t.expose('releasedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was released; null while it is in force.',
    }),
    releaseReason: t.string({
      nullable: true,
      description: 'Why it was released; null while it is in force, or once its key is destroyed.',
      resolve: ({ releaseReasonCipher: sealed }, _args, context) =>
        sealed && openText(context, 'release_reason', sealed),
    }),
    marked: t.boolean({
      description:
        'Whether every piece of data shows what the hold says: HELD, or no longer. What it covers is kept from the moment it was placed, marked or not.',
      resolve: ({ markPending }) => !markPending,
    }),
    itemsHeld: t.exposeInt('heldItems', {
      description: 'Pieces of data that were there when it was placed, as far as they were gone through.',
    }),
    itemsResumed: t.exposeInt('resumedItems', {
      description:
        'Pieces of data that no hold keeps any more since it was released, as far as they were gone through.',
    }),
  }),
})

const ItemHoldObject = builder.objectRef<ItemHold>('InventoryItemHold').implement({
  description: 'That a piece of data is kept by a legal hold.',
  fields: (t) => ({
    since: t.expose('since', { type: 'DateTime', description: 'Since when; of several holds, the first.' }),
    reviewOn: t.string({
      description: 'The day, UTC, on which it is reviewed next, YYYY-MM-DD.',
      resolve: ({ reviewOn }) => dateOf(reviewOn),
    }),
  }),
})

builder.prismaObjectField('InventoryItem', 'hold', (t) =>
  t.field({
    type: ItemHoldObject,
    nullable: true,
    description:
      'The legal hold that keeps it; null where there is none. A confidential hold is told to Staff with `holds:manage` alone.',
    resolve: (item, _args, { reads, session }) => holdOfItem(reads, session, item),
  }),
)
