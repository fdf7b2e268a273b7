import type { Session } from '../../auth/session.ts'
import { callerName } from '../../db/caller.ts'
import { JobState } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { globalId, NO_ROW, parseTenantKey, readAccountId, readTenantKey, tenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { PrincipalEnum } from '../../schema/principal.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import type { Context } from '../../schema/types.ts'
import { isUuid } from '../../time/id.ts'
import { exportAudit } from './audit.export.service.ts'
import { AUDIT_KINDS, JOBS_WITHOUT_RESULT } from './audit.rules.ts'
import { auditScope } from './audit.scope.ts'

builder.enumType(JobState, {
  name: 'JobState',
  description: 'Where a long work is.',
  values: {
    QUEUED: { description: 'Waits for a worker.' },
    RUNNING: { description: 'Under way.' },
    DONE: { description: 'Finished; the result can be fetched until it expires.' },
    FAILED: { description: 'Given up after five attempts.' },
  },
})

export const AuditEventNode = builder.prismaNode('AuditEvent', {
  nullable: true,
  description: 'Who did what to which records. Never changed, never deleted, without personal data.',
  id: { resolve: (event) => tenantKey(event) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [auditScope(context.session)],
  }),
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    kind: t.exposeString('kind', { description: 'What happened, e.g. `subject.created`.' }),
    accountId: t.id({
      description: 'Global id of the account whose data it concerns.',
      resolve: (event) => globalId('Account', event.accountId),
    }),
    actorKind: t.expose('actorKind', { type: PrincipalEnum, description: 'What kind of caller acted.' }),
    actorId: t.exposeString('actorId', {
      nullable: true,
      description: 'UUID of the subject, client or member of staff who acted; null for a job or a command.',
    }),
    subjectId: t.id({
      nullable: true,
      description: 'Global id of the person it concerns; null where it concerns none alone.',
      resolve: ({ accountId, subjectId }) =>
        subjectId === null ? null : globalId('Subject', tenantKey({ accountId, id: subjectId })),
    }),
    recordType: t.exposeString('recordType', { description: 'The type of the records.' }),
    recordIds: t.exposeStringList('recordIds', { description: 'The ids of the records, where they were few.' }),
    count: t.exposeInt('count', { description: 'How many records.' }),
    requestId: t.exposeString('requestId', { description: 'The request that it was part of.' }),
  }),
})

export const JobNode = builder.prismaNode('Job', {
  nullable: true,
  description: 'A long work of the caller, with its progress.',
  id: { resolve: (job) => tenantKey(job) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    caller: callerName(context.session),
  }),
  fields: (t) => ({
    kind: t.exposeString('kind', { description: 'What is done, e.g. `audit.export`.' }),
    state: t.expose('state', { type: JobState, description: 'Where it is.' }),
    done: t.exposeInt('done', { description: 'Records done.' }),
    total: t.exposeInt('total', { nullable: true, description: 'Records in all, as counted when it was asked for.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it is deleted with its result.' }),
    downloadPath: t.string({
      nullable: true,
      description: 'Where the result is fetched (GET, with the same token), once it is DONE; null where there is none.',
      resolve: ({ accountId, id, kind, state }) =>
        state === 'DONE' && !JOBS_WITHOUT_RESULT.has(kind) ? `/jobs/${accountId}/${id}/result` : null,
    }),
  }),
})

const AuditFilter = builder.inputType('AuditFilter', {
  description: 'Which audit events; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'That concern this account.' }),
    subjectId: t.id({ description: 'That concern this person.' }),
    actorId: t.string({ description: 'By this subject, client or member of staff (UUID).' }),
    kind: t.string({ description: `Of this kind: ${Object.keys(AUDIT_KINDS).join(', ')}.` }),
    from: t.field({ type: 'DateTime', description: 'At or after this instant.' }),
    to: t.field({ type: 'DateTime', description: 'Before this instant.' }),
  }),
})

function readFilter(filter: typeof AuditFilter.$inferInput | null | undefined) {
  const { accountId, subjectId, actorId, kind, from, to } = filter ?? {}
  if (actorId && !isUuid(actorId)) throw badInput('filter.actorId', 'must be a UUID')
  if (kind && !Object.hasOwn(AUDIT_KINDS, kind)) throw badInput('filter.kind', 'is no kind of audit event')
  if (from && to && from >= to) throw badInput('filter.to', 'must lie after filter.from')
  const subject = subjectId ? readTenantKey('filter.subjectId', 'Subject', subjectId) : null
  const account = accountId ? readAccountId('filter.accountId', accountId) : null
  if (subject && account && subject.accountId !== account)
    throw badInput('filter.subjectId', 'must be of the account in filter.accountId')
  const named = subject?.accountId ?? account
  return {
    ...(named ? { accountId: named } : {}),
    ...(subject ? { subjectId: subject.id } : {}),
    ...(actorId ? { actorId } : {}),
    ...(kind ? { kind } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  }
}

function auditWhere({ session }: Context, filter: typeof AuditFilter.$inferInput | null | undefined) {
  const { from, to, ...equals } = readFilter(filter)
  return {
    AND: [auditScope(session), equals, { at: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) } }],
  }
}

builder.queryFields((t) => ({
  auditEvents: t.prismaConnection({
    type: AuditEventNode,
    cursor: 'accountId_id',
    ...needs('audit:read', 'Audit events that the caller may see, latest first: Staff all, a person what concerns it.'),
    args: { filter: t.arg({ type: AuditFilter, description: 'Which ones; absent: all.' }) },
    totalCount: (_connection, args, context) =>
      context.reads.tx.auditEvent.count({ where: auditWhere(context, args.filter) }),
    resolve: (query, _root, args, context) =>
      context.reads.tx.auditEvent.findMany({
        ...query,
        where: auditWhere(context, args.filter),
        orderBy: [{ at: 'desc' }, { id: 'desc' }],
      }),
  }),
  job: t.prismaField({
    type: JobNode,
    nullable: true,
    ...needs('public', 'A long work that the caller asked for; null where the caller may see none.'),
    args: { id: t.arg.id({ required: true, description: 'Global id of the job.' }) },
    resolve: (query, _root, args, { reads, session }) =>
      reads.tx.job.findFirst({
        ...query,
        where: { AND: [{ caller: callerName(session) }, readTenantKey('id', 'Job', args.id)] },
      }),
  }),
}))

/** An export of a person holds what concerns that person; a filter that names another would be passed over silently. */
function assertOwn(session: Session, filter: { accountId?: string; subjectId?: string }): void {
  if (session.principal === 'STAFF') return
  if (filter.accountId && filter.accountId !== session.accountId)
    throw badInput('filter.accountId', "must be the caller's own account")
  if (filter.subjectId && filter.subjectId !== session.subjectId)
    throw badInput('filter.subjectId', 'must be the caller itself')
}

mutation('exportAudit', {
  scope: 'audit:read',
  description: 'Exports the audit events that the caller may see as JSON Lines. The job shows its progress.',
  problems: [],
  input: (t) => ({ filter: t.field({ type: AuditFilter, description: 'Which ones; absent: all.' }) }),
  run: async (deps, call, input) => {
    const { from, to, ...equals } = readFilter(input.filter)
    assertOwn(call.caller, equals)
    return exportAudit(deps, call, {
      ...equals,
      ...(from ? { from: from.toISOString() } : {}),
      ...(to ? { to: to.toISOString() } : {}),
    })
  },
  success: (t) => ({
    job: t.prismaField({
      type: JobNode,
      description: 'The job; it can be asked for again by its id.',
      resolve: (query, { accountId, id }, _args, { reads }) =>
        reads.tx.job.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
    }),
  }),
})
