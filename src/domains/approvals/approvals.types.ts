import { ApprovalKind, DataCategory, RetentionAction, RetentionTrigger } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { textIn } from '../texts.rules.ts'
import { type ApprovalPayload, type ApprovalStateName, readApprovalPayload } from './approvals.rules.ts'
import { approvalScope } from './approvals.scope.ts'

builder.enumType(ApprovalKind, {
  name: 'ApprovalKind',
  description: 'What needs two persons.',
  values: { RETENTION_RULE: { description: 'A rule that says how long data is kept.' } },
})

/** Where a proposal is in its life. */
export const ApprovalStateEnum = builder.enumType('ApprovalState', {
  description: 'Where a proposal is in its life.',
  values: {
    PENDING: { description: 'It waits for a second person.' },
    EXPIRED: { description: 'Nobody decided within 14 days.' },
    APPROVED: { description: 'A second person approved it, and it was done.' },
    REJECTED: { description: 'A second person rejected it.' },
    WITHDRAWN: { description: 'Who made it took it back.' },
  } as const,
})

const ProposedRetentionRule = builder.objectRef<ApprovalPayload<'RETENTION_RULE'>>('ProposedRetentionRule').implement({
  description: 'A rule as it was proposed.',
  fields: (t) => ({
    category: t.expose('category', { type: DataCategory, description: 'The category of data.' }),
    trigger: t.expose('trigger', { type: RetentionTrigger, description: 'What starts the period.' }),
    period: t.exposeString('period', {
      description: 'How long it is kept from there, ISO 8601; PT0S: it may not be kept at all.',
    }),
    action: t.expose('action', { type: RetentionAction, description: 'What is done when it is over.' }),
    clause: t.exposeString('clause', { description: 'Clause of the privacy policy.' }),
    description: t.string({
      description: "In a sentence, in the caller's language.",
      resolve: ({ description }, _args, { languages }) => textIn(description, languages),
    }),
    legalSource: t.exposeString('legalSource', { description: 'The law behind it.' }),
    source: t.exposeString('source', { description: 'Where trigger and period come from.' }),
    verifiedOn: t.exposeString('verifiedOn', { description: 'When the source was looked at, YYYY-MM-DD.' }),
    verified: t.exposeBoolean('verified', { description: 'Whether it was compared with its source.' }),
    note: t.exposeString('note', { nullable: true, description: 'What else is to be known; null: nothing.' }),
    effectiveFrom: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is to take effect; null: when it is approved.',
      resolve: ({ effectiveFrom }) => (effectiveFrom === null ? null : new Date(effectiveFrom)),
    }),
  }),
})

export const ApprovalNode = builder.prismaNode('Approval', {
  nullable: true,
  description: 'A change that one member of staff proposed and another decides about.',
  id: { resolve: (approval) => tenantKey(approval) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [approvalScope(context.session)],
  }),
  fields: (t) => ({
    kind: t.expose('kind', { type: ApprovalKind, description: 'What is proposed.' }),
    state: t.field({
      type: ApprovalStateEnum,
      description: 'Where it is in its life now.',
      resolve: ({ state, expiresAt }, _args, { deps }): ApprovalStateName =>
        state === 'PENDING' && expiresAt <= deps.clock.now() ? 'EXPIRED' : state,
    }),
    retentionRule: t.field({
      type: ProposedRetentionRule,
      nullable: true,
      description: 'The rule that is proposed; null where something else is.',
      resolve: ({ kind, payload }) => (kind === 'RETENTION_RULE' ? readApprovalPayload(kind, payload) : null),
    }),
    proposedById: t.exposeString('proposedBy', { description: 'UUID of the member of staff who proposed it.' }),
    proposedAt: t.expose('proposedAt', { type: 'DateTime', description: 'When it was proposed.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when it may be decided.' }),
    decidedById: t.exposeString('decidedBy', {
      nullable: true,
      description: 'UUID of the member of staff who decided; null where nobody has.',
    }),
    decidedAt: t.expose('decidedAt', { type: 'DateTime', nullable: true, description: 'When it was decided.' }),
  }),
})
