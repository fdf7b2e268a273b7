import { liveKeySelect } from '../../crypto/keyring.ts'
import { callerName } from '../../db/caller.ts'
import { AccountRole, AccountStatus, ClientKind, SubjectKind, SubjectStatus } from '../../generated/prisma/enums.ts'
import { builder } from '../../schema/builder.ts'
import { cursorOf } from '../../schema/cursors.ts'
import { globalId, NO_ROW, parseTenantKey, tenantKey } from '../../schema/global-id.ts'
import { aboutPerson } from '../../schema/root-field.ts'
import type { CallerQuota } from '../../schema/types.ts'
import { isUuid } from '../../time/id.ts'
import { accountScope, apiClientScope, subjectScope } from './accounts.scope.ts'

builder.enumType(AccountStatus, {
  name: 'AccountStatus',
  description: 'Where an account is in its life.',
  values: {
    ACTIVE: { description: 'In use.' },
    CLOSING: { description: 'Being closed: takes no new data; can be reopened until the first data is due by it.' },
    CLOSED: { description: 'Closed: its own data is gone, and nobody signs in.' },
  },
})
builder.enumType(AccountRole, {
  name: 'AccountRole',
  description: 'What a member may do in its account.',
  values: {
    OWNER: { description: 'Everything, closing the account too.' },
    ADMIN: { description: 'Members, subjects and API clients.' },
    MEMBER: { description: 'Its own data.' },
  },
})
builder.enumType(SubjectKind, {
  name: 'SubjectKind',
  description: 'What a person is to Pipelet.',
  values: {
    MEMBER: { description: 'Signs in for an account.' },
    END_USER: { description: "A customer's own user, known by the customer's reference." },
    CONTACT: { description: 'Wrote a message.' },
    VISITOR: { description: 'Known by a cookie id.' },
  },
})
builder.enumType(SubjectStatus, {
  name: 'SubjectStatus',
  description: 'How the data of a person may be used.',
  values: {
    ACTIVE: { description: 'As its purposes allow.' },
    RESTRICTED: { description: 'Stored only (GDPR Art. 18).' },
    ERASING: { description: 'Being erased.' },
    ERASED: { description: 'Erased.' },
  },
})
builder.enumType(ClientKind, {
  name: 'ClientKind',
  description: 'Whose machine a client is.',
  values: {
    INTEGRATION: { description: "A customer's machine." },
    PROCESSOR: { description: 'A vendor or a regional inference operator.' },
    GATEWAY: { description: "One of Pipelet's inference gateways, batch workers or web edges." },
  },
})

const PersonController = builder.enumType('Controller', {
  description: 'Who decides about the processing of a person (GDPR Art. 4(7)).',
  values: {
    ACCOUNT: { description: 'The customer; Pipelet is its processor.' },
    PLATFORM: { description: 'Pipelet.' },
  } as const,
})

export const AccountNode = builder.prismaNode('Account', {
  nullable: true,
  description: 'A customer of Pipelet; the boundary of what its callers see.',
  extensions: cursorOf(['uuid']),
  id: { resolve: (account) => account.id },
  findUnique: (id, context) => ({ id: isUuid(id) ? id : NO_ROW, AND: [accountScope(context.session)] }),
  fields: (t) => ({
    name: t.string({
      description: 'The name of the organisation; null once the account is closed.',
      nullable: true,
      select: {
        nameCipher: true,
        dataKeys: { where: { subjectId: null, category: 'ACCOUNT' }, select: liveKeySelect },
      },
      resolve: (account, _args, { deps }) =>
        account.nameCipher &&
        deps.keys.open(
          account.dataKeys,
          { accountId: account.id, subjectId: null, category: 'ACCOUNT' },
          'account.name',
          account.nameCipher,
        ),
    }),
    status: t.expose('status', { type: AccountStatus, description: 'Where the account is in its life.' }),
    country: t.expose('country', { type: 'CountryCode', description: 'Where the customer is established.' }),
    region: t.exposeString('region', { description: 'Where its data is processed, e.g. eu-central.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the account was created.' }),
    closingAt: t.expose('closingAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its closing was begun; null where it is in use.',
    }),
    closedAt: t.expose('closedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was closed; null until then.',
    }),
    subjects: t.relatedConnection('subjects', {
      description: 'Persons of the account that the caller may see, newest first.',
      cursor: 'accountId_id',
      query: (_args, context) => ({ where: subjectScope(context.session), orderBy: { id: 'desc' } }),
    }),
    apiClients: t.relatedConnection('apiClients', {
      description: 'API clients of the account that the caller may see, newest first.',
      cursor: 'accountId_id',
      query: (_args, context) => ({ where: apiClientScope(context.session), orderBy: { id: 'desc' } }),
    }),
  }),
})

type SubjectCipher = 'nameCipher' | 'emailCipher' | 'referenceCipher'

export const SubjectNode = builder.prismaNode('Subject', {
  nullable: true,
  description: 'A person whose data is held.',
  ...aboutPerson((subject: { accountId: string; id: string }) => ({
    accountId: subject.accountId,
    subjectId: subject.id,
    recordType: 'Subject',
    recordId: subject.id,
  })),
  id: { resolve: (subject) => tenantKey(subject) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [subjectScope(context.session)],
  }),
  fields: (t) => {
    const sealed = (column: SubjectCipher, field: string, description: string) =>
      t.string({
        description: `${description}; null when unknown or erased, or when the caller lacks subjects:read.`,
        nullable: true,
        select: { [column]: true, dataKeys: { where: { category: 'ACCOUNT' }, select: liveKeySelect } } as {
          dataKeys: { where: { category: 'ACCOUNT' }; select: typeof liveKeySelect }
        },
        resolve: (subject, _args, { deps, session }) => {
          // What writes may answer with a person; they are no way around the scope of reading one.
          if (!session.scopes.has('subjects:read')) return null
          const { accountId, id: subjectId } = subject
          const value = subject[column]
          return value && deps.keys.open(subject.dataKeys, { accountId, subjectId, category: 'ACCOUNT' }, field, value)
        },
      })
    return {
      accountId: t.id({
        description: 'The global id of the account that the person belongs to.',
        resolve: (subject) => globalId('Account', subject.accountId),
      }),
      kind: t.expose('kind', { type: SubjectKind, description: 'What the person is to Pipelet.' }),
      status: t.expose('status', { type: SubjectStatus, description: 'How its data may be used.' }),
      controller: t.field({
        type: PersonController,
        description: 'Who decides about the processing: the account for its END_USERs, else Pipelet.',
        resolve: (subject) => (subject.kind === 'END_USER' ? 'ACCOUNT' : 'PLATFORM'),
      }),
      accountRole: t.expose('accountRole', { type: AccountRole, nullable: true, description: 'The role of a member.' }),
      name: sealed('nameCipher', 'subject.name', 'Name'),
      email: sealed('emailCipher', 'subject.email', 'E-mail address'),
      reference: sealed('referenceCipher', 'subject.reference', "The customer's reference of its user"),
      country: t.expose('country', { type: 'CountryCode', nullable: true, description: 'Where the person lives.' }),
      subdivision: t.exposeString('subdivision', { nullable: true, description: 'ISO 3166-2, e.g. US-CA.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the person became known.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When its data was last changed.' }),
      joinedAt: t.expose('joinedAt', { type: 'DateTime', nullable: true, description: 'When a member joined.' }),
      leftAt: t.expose('leftAt', { type: 'DateTime', nullable: true, description: 'When a member left.' }),
    }
  },
})

/** What is left of the requests of a caller. */
export const RequestQuota = builder.objectRef<CallerQuota>('RequestQuota').implement({
  description:
    'What is left of the requests of a caller, as counted by the process that answers: each process counts for itself, and a restart begins anew. Reading it counts nothing beyond its own request.',
  fields: (t) => ({
    limit: t.exposeInt('limit', { description: 'How many requests a window takes.' }),
    remaining: t.exposeInt('remaining', { description: 'How many are left in this window.' }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the window ends, to the second; null where none is open.',
    }),
    windowSeconds: t.exposeInt('windowSeconds', { description: 'How long a window is, in seconds.' }),
  }),
})

export const ApiClientNode = builder.prismaNode('ApiClient', {
  nullable: true,
  description: 'An OAuth 2.0 client.',
  id: { resolve: (client) => tenantKey(client) },
  findUnique: (id, context) => ({
    accountId_id: parseTenantKey(id) ?? { accountId: NO_ROW, id: NO_ROW },
    AND: [apiClientScope(context.session)],
  }),
  fields: (t) => ({
    clientId: t.exposeString('id', { description: 'The `client_id` of OAuth 2.0, a UUID.' }),
    kind: t.expose('kind', { type: ClientKind, description: 'Whose machine it is.' }),
    label: t.string({
      description: 'A name for people; null when its key was destroyed.',
      nullable: true,
      select: {
        account: {
          select: { dataKeys: { where: { subjectId: null, category: 'ACCOUNT' }, select: liveKeySelect } },
        },
      },
      resolve: ({ accountId, account, labelCipher }, _args, { deps }) =>
        labelCipher &&
        deps.keys.open(
          account.dataKeys,
          { accountId, subjectId: null, category: 'ACCOUNT' },
          'api-client.label',
          labelCipher,
        ),
    }),
    scopes: t.exposeStringList('scopes', { description: 'Scopes that its tokens may carry.' }),
    authentication: t.string({
      description: 'How it proves itself: `client_secret` or `private_key_jwt`.',
      resolve: (client) => (client.secretHash === null ? 'private_key_jwt' : 'client_secret'),
    }),
    allowedNetworks: t.exposeStringList('allowedNetworks', {
      description: 'Networks (CIDR) that it may call from; empty: any.',
    }),
    quota: t.field({
      type: RequestQuota,
      description: 'What is left of its requests.',
      resolve: ({ id, kind }, _args, { quotaOf }) => quotaOf(callerName({ principal: kind, callerId: id })),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    rotatedAt: t.expose('rotatedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it last got another secret.',
    }),
    previousSecretUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the secret before is good; null where it is no more.',
      resolve: ({ previousSecretUntil }, _args, { deps }) =>
        previousSecretUntil && previousSecretUntil > deps.clock.now() ? previousSecretUntil : null,
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last given a token or used one, written about once a minute; null where never.',
    }),
    disabledAt: t.expose('disabledAt', { type: 'DateTime', nullable: true, description: 'When it was disabled.' }),
  }),
})
