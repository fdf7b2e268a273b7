import { callerName, PLATFORM_ACCOUNT_ID, type PrincipalKind } from '../../db/caller.ts'
import { AccountStatus, ClientKind, SubjectKind, SubjectStatus } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { NO_ROW, readAccountId, readTenantKey } from '../../schema/global-id.ts'
import { PrincipalEnum } from '../../schema/principal.ts'
import { needs } from '../../schema/root-field.ts'
import { assertLength } from '../../schema/scalars.ts'
import type { Context } from '../../schema/types.ts'
import { accountScope, apiClientScope, subjectScope } from './accounts.scope.ts'
import { AccountNode, RequestQuota, SubjectNode } from './accounts.types.ts'
import { emailIndex, referenceIndex } from './person-fields.ts'

const Viewer = builder
  .objectRef<{ principal: PrincipalKind; scopes: string[]; accountId: string | null; subjectId: string | null }>(
    'Viewer',
  )
  .implement({
    description: 'The caller, as the server sees it.',
    fields: (t) => ({
      principal: t.expose('principal', { type: PrincipalEnum, description: 'What kind of caller it is.' }),
      scopes: t.exposeStringList('scopes', { description: 'Scopes in force, sorted.' }),
      account: t.prismaField({
        type: AccountNode,
        nullable: true,
        description: 'The account it belongs to, where it may see it.',
        resolve: (query, viewer, _args, { reads, session }) =>
          reads.tx.account.findFirst({
            ...query,
            where: { AND: [accountScope(session), { id: viewer.accountId ?? NO_ROW }] },
          }),
      }),
      subject: t.prismaField({
        type: SubjectNode,
        nullable: true,
        description: 'The person it is, where it is one.',
        resolve: (query, { accountId, subjectId }, _args, { reads, session }) =>
          reads.tx.subject.findFirst({
            ...query,
            where: { AND: [subjectScope(session), { accountId: accountId ?? NO_ROW, id: subjectId ?? NO_ROW }] },
          }),
      }),
      quota: t.field({
        type: RequestQuota,
        nullable: true,
        description: 'What is left of its requests, this one counted; null for who is counted by address.',
        resolve: (_viewer, _args, { session, quotaOf }) =>
          session.callerId === null ? null : quotaOf(callerName(session)),
      }),
    }),
  })

const SubjectFilter = builder.inputType('SubjectFilter', {
  description: 'Which subjects; conditions are combined by AND.',
  fields: (t) => ({
    accountId: t.id({ description: 'Of this account.' }),
    kind: t.field({ type: SubjectKind, description: 'Of this kind.' }),
    status: t.field({ type: SubjectStatus, description: 'In this state.' }),
    email: t.field({
      type: 'EmailAddress',
      description: 'With exactly this address, whatever its case; needs accountId unless the caller has one.',
    }),
    reference: t.string({
      description: "With exactly this customer's reference; needs accountId unless the caller has one.",
    }),
  }),
})

builder.queryFields((t) => ({
  viewer: t.field({
    type: Viewer,
    ...needs('public', 'Who the caller is and what it may do.'),
    resolve: (_root, _args, { session }) => ({
      principal: session.principal,
      scopes: [...session.scopes].sort(),
      accountId: session.accountId,
      subjectId: session.subjectId,
    }),
  }),
  account: t.prismaField({
    type: AccountNode,
    nullable: true,
    ...needs('accounts:read', 'An account; null where the caller may see none.'),
    args: { id: t.arg.id({ required: true, description: 'Global id of the account.' }) },
    resolve: (query, _root, args, { reads, session }) =>
      reads.tx.account.findFirst({
        ...query,
        where: { AND: [accountScope(session), { id: readAccountId('id', args.id) }] },
      }),
  }),
  accounts: t.prismaConnection({
    type: AccountNode,
    cursor: 'id',
    ...needs('accounts:read', 'Accounts that the caller may see, newest first.'),
    args: { status: t.arg({ type: AccountStatus, description: 'In this state.' }) },
    resolve: (query, _root, args, { reads, session }) =>
      reads.tx.account.findMany({
        ...query,
        where: { AND: [accountScope(session), { isPlatform: false }, args.status ? { status: args.status } : {}] },
        orderBy: { id: 'desc' },
      }),
  }),
  subject: t.prismaField({
    type: SubjectNode,
    nullable: true,
    ...needs('subjects:read', 'A person whose data is held; null where the caller may see none.'),
    args: { id: t.arg.id({ required: true, description: 'Global id of the subject.' }) },
    resolve: (query, _root, args, { reads, session }) =>
      reads.tx.subject.findFirst({
        ...query,
        where: { AND: [subjectScope(session), readTenantKey('id', 'Subject', args.id)] },
      }),
  }),
  subjects: t.prismaConnection({
    type: SubjectNode,
    cursor: 'accountId_id',
    ...needs('subjects:read', 'Persons that the caller may see, newest first.'),
    args: { filter: t.arg({ type: SubjectFilter, description: 'Which ones; absent: all.' }) },
    totalCount: async (_connection, args, context) => {
      const where = { AND: [subjectScope(context.session), await subjectWhere(context, args.filter)] }
      return context.reads.tx.subject.count({ where })
    },
    resolve: async (query, _root, args, context) =>
      context.reads.tx.subject.findMany({
        ...query,
        where: { AND: [subjectScope(context.session), await subjectWhere(context, args.filter)] },
        orderBy: { id: 'desc' },
      }),
  }),
  apiClients: t.prismaConnection({
    type: 'ApiClient',
    cursor: 'accountId_id',
    ...needs('clients:read', 'API clients that the caller may see, newest first.'),
    args: { kind: t.arg({ type: ClientKind, description: 'Of this kind.' }) },
    resolve: (query, _root, args, { reads, session }) =>
      reads.tx.apiClient.findMany({
        ...query,
        where: { AND: [apiClientScope(session), args.kind ? { kind: args.kind } : {}] },
        orderBy: { id: 'desc' },
      }),
  }),
}))

async function subjectWhere(context: Context, filter: typeof SubjectFilter.$inferInput | null | undefined) {
  if (!filter) return {}
  const { kind, status, email, reference } = filter
  const named = filter.accountId ? readAccountId('filter.accountId', filter.accountId) : null
  assertLength('filter.reference', reference, 256)
  // A blind index is made per account. A look-up without one is of the platform's own persons.
  const home = named ?? context.session.accountId ?? PLATFORM_ACCOUNT_ID
  return {
    ...(named || email || reference ? { accountId: home } : {}),
    ...(kind ? { kind } : {}),
    ...(status ? { status } : {}),
    ...(email ? { emailIndex: await emailIndex(context.deps, home, email) } : {}),
    ...(reference ? { referenceIndex: await referenceIndex(context.deps, home, reference) } : {}),
  }
}
