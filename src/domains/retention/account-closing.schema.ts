import { DataCategory, LegalBasis, RetentionAction } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { type AccountClosing, type ClosingLine, closingOfAccount, ruleOfLine } from './account-closing.reads.ts'
import { mayReadClosing } from './account-closing.scope.ts'

const Line = builder.objectRef<ClosingLine>('AccountClosingLine').implement({
  description: 'Items of a category and legal basis that one rule decides about when the account is closed.',
  fields: (t) => ({
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
    goes: t.expose('goes', {
      type: [Line],
      description: 'What is gone when the account is closed, at the latest; the first due first.',
    }),
    stays: t.expose('stays', {
      type: [Line],
      description:
        'What is kept beyond that, on its own legal basis: by a rule that the closing does not start or shorten, or that keeps it longer.',
    }),
    held: t.expose('held', {
      type: [Line],
      description: 'What a legal hold keeps until it is released; its dates are those without the hold.',
    }),
  }),
})

builder.prismaObjectFields('Account', (t) => ({
  closing: t.field({
    type: Closing,
    nullable: true,
    description:
      'What the closing of the account does; null while it is in use. For owners, admins and integrations, and for Staff with retention:read or inventory:read; null for others.',
    select: { id: true, status: true },
    resolve: ({ id, status }, _args, { reads, session, deps }) =>
      status === 'ACTIVE' || !mayReadClosing(session, id)
        ? null
        : closingOfAccount(reads, session, id, deps.clock.now()),
  }),
  closingPreview: t.field({
    type: Closing,
    nullable: true,
    description:
      'What a closing would do if it were begun now; null unless the account is in use, and for the platform. For the same as `closing`.',
    select: { id: true, status: true, isPlatform: true },
    resolve: ({ id, status, isPlatform }, _args, { reads, session, deps }) =>
      status !== 'ACTIVE' || isPlatform || !mayReadClosing(session, id)
        ? null
        : closingOfAccount(reads, session, id, deps.clock.now()),
  }),
}))
