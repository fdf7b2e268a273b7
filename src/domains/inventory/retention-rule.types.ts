import type { RetentionRule } from '../../generated/prisma/client.ts'
import { DataCategory, RetentionAction, RetentionTrigger } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { NO_ROW } from '../../schema/global-id.ts'
import { isUuid } from '../../time/id.ts'
import { textIn } from '../texts.rules.ts'
import './inventory.types.ts'
import { rulesInEffect } from './retention-rule.reads.ts'
import { type RuleState, ruleTextsOf } from './retention-rule.rules.ts'

builder.enumType(RetentionTrigger, {
  name: 'RetentionTrigger',
  description: 'What starts the period for which data is kept.',
  values: {
    CREATED: { description: 'It was stored.' },
    DELIVERED: { description: 'It was delivered.' },
    RESOLVED: { description: 'What it was about is resolved.' },
    ACCOUNT_CLOSED: { description: 'The account was closed.' },
    REQUEST_VERIFIED: { description: 'A request of the person was verified.' },
  },
})
builder.enumType(RetentionAction, {
  name: 'RetentionAction',
  description: 'What is done with data whose period is over.',
  values: {
    DELETE: { description: 'It is deleted.' },
    ANONYMISE: { description: 'What links it to a person is taken away.' },
    SHRED: { description: 'The key under which it is encrypted is destroyed.' },
    DROP_PARTITION: { description: 'The month in which it lies is dropped as a whole.' },
  },
})

/** Where a rule is in its life. */
export const RetentionRuleState = builder.enumType('RetentionRuleState', {
  description: 'Where a rule is in its life.',
  values: {
    FUTURE: { description: 'It takes effect later.' },
    IN_EFFECT: { description: 'It says now how long data of its category is kept after its trigger.' },
    SUPERSEDED: { description: 'Another of the same category and trigger took effect since.' },
  } as const,
})

type Replan = Pick<RetentionRule, 'replanDone' | 'replanMoved' | 'replannedAt'> & { readonly replanTotal: number }

const RetentionReplan = builder.objectRef<Replan>('RetentionReplan').implement({
  description: 'How far the items of the category are planned anew since a rule took effect.',
  fields: (t) => ({
    total: t.exposeInt('replanTotal', { description: 'Items that were to be planned anew when it began.' }),
    done: t.exposeInt('replanDone', { description: 'Items that were, so far.' }),
    moved: t.exposeInt('replanMoved', { description: 'Of those, items that are due at another instant now.' }),
    finishedAt: t.expose('replannedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was finished; null while it goes on.',
    }),
  }),
})

export const RetentionRuleNode = builder.prismaNode('RetentionRule', {
  nullable: true,
  description:
    'How long data of a category is kept after a trigger, and what is done then. A change is a new rule with the next version. Its texts are public.',
  extensions: cursorOf(['uuid']),
  id: { field: 'id' },
  findUnique: (id) => ({ id: isUuid(id) ? id : NO_ROW }),
  fields: (t) => ({
    category: t.expose('category', { type: DataCategory, description: 'The category of data.' }),
    trigger: t.expose('trigger', { type: RetentionTrigger, description: 'What starts the period.' }),
    period: t.exposeString('period', {
      description: 'How long it is kept from there, ISO 8601, e.g. P30D; PT0S: it may not be kept at all.',
    }),
    action: t.expose('action', { type: RetentionAction, description: 'What is done when it is over.' }),
    clause: t.exposeString('clause', { description: 'Clause of the privacy policy.' }),
    description: t.string({
      description: "In a sentence, in the caller's language.",
      resolve: ({ description }, _args, { languages }) => textIn(ruleTextsOf(description), languages),
    }),
    legalSource: t.exposeString('legalSource', { description: 'The law behind it.' }),
    source: t.exposeString('source', { description: 'Where trigger and period come from.' }),
    verifiedOn: t.string({
      description: 'When the source was looked at, YYYY-MM-DD.',
      resolve: ({ verifiedOn }) => verifiedOn.toISOString().slice(0, 10),
    }),
    verified: t.exposeBoolean('verified', {
      description: 'Whether it was compared with its source; false: it is recalled.',
    }),
    note: t.exposeString('note', { nullable: true, description: 'What else is to be known; null: nothing.' }),
    effectiveFrom: t.expose('effectiveFrom', { type: 'DateTime', description: 'When it takes effect, or did.' }),
    version: t.exposeInt('version', { description: 'Counts every rule that was ever written, 1 first.' }),
    state: t.field({
      type: RetentionRuleState,
      description: 'Where it is in its life now.',
      resolve: async ({ id, effectiveFrom }, _args, { deps, reads }): Promise<RuleState> => {
        const now = deps.clock.now()
        if (effectiveFrom > now) return 'FUTURE'
        return (await rulesInEffect(reads.tx, now)).some((rule) => rule.id === id) ? 'IN_EFFECT' : 'SUPERSEDED'
      },
    }),
    replan: t.field({
      type: RetentionReplan,
      nullable: true,
      description: 'How far items are planned anew by it; null where that has not begun.',
      resolve: ({ replanTotal, ...rest }) => (replanTotal === null ? null : { ...rest, replanTotal }),
    }),
  }),
})
