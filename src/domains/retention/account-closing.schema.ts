import { DataCategory, LegalBasis, RetentionAction } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import {
  type AccountClosing,
  type ClosingLine,
  type ClosingOutcome,
  closingOfAccount,
  ruleOfLine,
} from './account-closing.reads.ts'
import { mayReadClosing } from './account-closing.scope.ts'

const Outcome = builder.enumType('AccountClosingOutcome', {
  description: 'What becomes of data when its account is closed.',
  values: {
    GOES: { description: 'It is gone when the account is closed, at the latest.' },
    STAYS: {
      description:
        'It is kept beyond that, on its own legal basis: by a rule that the closing does not start or shorten, or that keeps it longer.',
    },
    HELD: { description: 'A legal hold keeps it until it is released; its dates are those without the hold.' },
  } satisfies Record<ClosingOutcome, object>,
})

const Line = builder.objectRef<ClosingLine>('AccountClosingLine').implement({
  description: 'Items of a category and legal basis that one rule decides about when the account is closed.',
  fields: (t) => ({
    outcome: t.expose('outcome', { type: Outcome, description: 'What becomes of it.' }),
    category: t.expose('category', { type: DataCategory, description: 'What kind of data it is.' }),
    legalBasis: t.expose('legalBasis', { type: LegalBasis, description: 'On which ground it is held.' }),
    items: t.expose('items', { type: 'BigInt', description: 'Number of items.' }),
    action: t.expose('action', {
      type: RetentionAction,
      nullable: true,
      description: 'What is done when it is due; null where no rule says.',
    }),
    earliestDueAt: t.expose('earliestDueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the first of it is due; null where nothing has started its period.',
    }),
    latestDueAt: t.expose('latestDueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last of it is due.',
    }),
    rule: t.prismaField({
      type: 'RetentionRule',
      nullable: true,
      description: 'The rule that decides: of every trigger that has happened, the one that is due first.',
      resolve: (_query, line, _args, { reads, deps }) => ruleOfLine(reads.tx, line, deps.clock.now()),
    }),
  }),
})

const Closing = builder.objectRef<AccountClosing>('AccountClosing').implement({
  description:
    'What becomes of all that an account holds when it is closed. Computed from the items by the rules in effect, so that it is exact also while timers are being planned.',
  fields: (t) => ({
    closingAt: t.expose('closingAt', {
      type: 'DateTime',
      description: 'When the closing was begun; of a preview, now.',
    }),
    reopenUntil: t.expose('reopenUntil', {
      type: 'DateTime',
      nullable: true,
      description:
        'Until when `reopenAccount` takes it back, exclusive: when the first data is due by the closing. Null once it is closed, and where no rule counts from a closing.',
    }),
    closesAt: t.expose('closesAt', {
      type: 'DateTime',
      nullable: true,
      description:
        "When the account's own data is due and it is closed for good, or was closed; null where no rule says.",
    }),
    total: t.expose('total', { type: 'BigInt', description: 'Items that the account holds.' }),
    planned: t.expose('planned', {
      type: 'BigInt',
      description: 'Of those, items whose timers are planned by the closing so far; 0 in a preview.',
    }),
    lines: t.expose('lines', {
      type: [Line],
      description: 'What goes when, and what stays until when: in the order of outcome and date, the first due first.',
    }),
  }),
})

builder.prismaObjectField('Account', 'closing', (t) =>
  t.field({
    type: Closing,
    nullable: true,
    description:
      'What the closing of the account does; null while it is in use, unless a preview is asked for. For owners, admins and integrations, and for Staff with retention:read or inventory:read; null for others.',
    args: {
      preview: t.arg.boolean({
        defaultValue: false,
        description: 'Whether to tell of an account in use what a closing would do that is begun now.',
      }),
    },
    select: { id: true, status: true, isPlatform: true },
    resolve: ({ id, status, isPlatform }, { preview }, { reads, session, deps }) =>
      isPlatform || (status === 'ACTIVE' && !preview) || !mayReadClosing(session, id)
        ? null
        : closingOfAccount(reads, session, id, deps.clock.now()),
  }),
)
