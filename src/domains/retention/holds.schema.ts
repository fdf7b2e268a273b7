import { DataCategory } from '../../generated/prisma/enums.ts'
import { readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { problemType } from '../../schema/problems.ts'
import { badInput } from '../../schema/refusals.ts'
import { assertLength } from '../../schema/scalars.ts'
import type { SchemaTypes } from '../../schema/types.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import {
  HOLD_AUTHORITY_MAX,
  HOLD_REASON_MAX,
  type HoldTarget,
  type NamedTarget,
  readDate,
  targetFault,
} from './hold.rules.ts'
import { changeHoldReview, placeHold, releaseHold } from './hold.service.ts'
import { HoldReleased, HoldTargetEnded } from './holds.problems.ts'
import './holds.queries.ts'
import { LegalHoldNode } from './holds.types.ts'

problemType(HoldTargetEnded, 'What was to be held is ended already: nothing of it is left.')
problemType(HoldReleased, 'The hold was released already, and is not changed any more.')

const REVIEW = 'The day, UTC, on which it is to be reviewed, YYYY-MM-DD: after today, at most 24 months ahead.'
const HOLD_ID = 'Global id of the hold.'

type Fields = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  { accountId: string; id: string }
>

const holdField = (t: Fields) =>
  t.prismaField({
    type: LegalHoldNode,
    description: 'The hold.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.legalHold.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })

/** What the input names. @throws BAD_USER_INPUT unless it is exactly one thing */
function readTarget(named: NamedTarget): HoldTarget {
  const fault = targetFault(named)
  if (fault) throw badInput(fault.field, fault.reason)
  const nothing = { itemId: null, subjectId: null, category: null }
  if (named.itemId) {
    const { accountId, id } = readTenantKey('itemId', 'InventoryItem', named.itemId)
    return { ...nothing, accountId, scope: 'ITEM', itemId: id }
  }
  if (named.subjectId) {
    const { accountId, id } = readTenantKey('subjectId', 'Subject', named.subjectId)
    const category = named.category ?? null
    return { ...nothing, accountId, scope: category === null ? 'SUBJECT' : 'CATEGORY', subjectId: id, category }
  }
  return { ...nothing, accountId: readAccountId('accountId', named.accountId ?? ''), scope: 'ACCOUNT' }
}

function readReview(value: string): Date {
  const day = readDate(value)
  if (!day) throw badInput('reviewOn', 'must be a date, YYYY-MM-DD')
  return day
}

mutation('placeHold', {
  scope: 'holds:manage',
  description:
    'Places a legal hold on exactly one of: a piece of data (`itemId`), a category of data of a person (`subjectId` and `category`), a person (`subjectId`), an account (`accountId`). From then on nothing of it is ended until the hold is released; what is not named goes on. The same hold twice is two holds.',
  problems: [NotAvailable, HoldTargetEnded],
  input: (t) => ({
    itemId: t.id({ description: 'Global id of a piece of data.' }),
    subjectId: t.id({ description: 'Global id of a person.' }),
    category: t.field({ type: DataCategory, description: "The category of the person's data; absent: all of it." }),
    accountId: t.id({ description: 'Global id of an account.' }),
    authority: t.string({
      required: true,
      description: `Who demands it, e.g. a court and its file number: 1 to ${HOLD_AUTHORITY_MAX} characters. Stored encrypted.`,
    }),
    reason: t.string({
      required: true,
      description: `Why: 1 to ${HOLD_REASON_MAX} characters. Stored encrypted.`,
    }),
    reviewOn: t.string({ required: true, description: REVIEW }),
    confidential: t.boolean({
      required: true,
      description: 'Whether owners of the account and persons concerned are told nothing of it.',
    }),
  }),
  run: async (deps, call, { authority, reason, reviewOn, confidential, ...named }) => {
    assertLength('authority', authority, HOLD_AUTHORITY_MAX)
    assertLength('reason', reason, HOLD_REASON_MAX)
    const target = readTarget(named)
    return placeHold(deps, call, { target, authority, reason, reviewOn: readReview(reviewOn), confidential })
  },
  success: (t) => ({ legalHold: holdField(t) }),
})

mutation('changeHoldReview', {
  scope: 'holds:manage',
  description: 'Sets another day for the review of a legal hold in force.',
  problems: [NotAvailable, HoldReleased],
  input: (t) => ({
    legalHoldId: t.id({ required: true, description: HOLD_ID }),
    reviewOn: t.string({ required: true, description: REVIEW }),
  }),
  run: async (deps, call, { legalHoldId, reviewOn }) =>
    changeHoldReview(deps, call, readTenantKey('legalHoldId', 'LegalHold', legalHoldId), readReview(reviewOn)),
  success: (t) => ({ legalHold: holdField(t) }),
})

mutation('releaseHold', {
  scope: 'holds:manage',
  description:
    'Releases a legal hold. What no other hold covers is what it was before, and what became due meanwhile is ended at once.',
  problems: [NotAvailable, HoldReleased],
  input: (t) => ({
    legalHoldId: t.id({ required: true, description: HOLD_ID }),
    reason: t.string({
      required: true,
      description: `Why it is released: 1 to ${HOLD_REASON_MAX} characters. Stored encrypted.`,
    }),
  }),
  run: async (deps, call, { legalHoldId, reason }) => {
    assertLength('reason', reason, HOLD_REASON_MAX)
    return releaseHold(deps, call, readTenantKey('legalHoldId', 'LegalHold', legalHoldId), reason)
  },
  success: (t) => ({ legalHold: holdField(t) }),
})
