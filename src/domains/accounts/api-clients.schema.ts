import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { builder } from '../../schema/builder.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { mutation } from '../../schema/mutation.ts'
import { badInput } from '../../schema/refusals.ts'
import { assertLength } from '../../schema/scalars.ts'
import { isUuid } from '../../time/id.ts'
import { apiClientField, readScopes } from './accounts.fields.ts'
import { AccountNotActive, ClientKeysNotValid, ClientScopeNotAllowed, NotAvailable } from './accounts.problems.ts'
import { createApiClient, createPlatformClient, disableApiClient } from './api-client.service.ts'

const PlatformClientKind = builder.enumType('PlatformClientKind', {
  description: "Whose machine a client outside the customers' accounts is.",
  values: {
    PROCESSOR: { description: 'A vendor or a regional inference operator.' },
    GATEWAY: { description: "One of Pipelet's inference gateways, batch workers or web edges." },
  } as const,
})

const LABEL = 'A name for people, 1 to 100 characters.'
const SCOPES = 'Scopes that its tokens may carry, of those its kind allows; absent: all of them.'
const KEYS =
  'A JWK Set (RFC 7517) of public signing keys as JSON text: the client then proves itself by `private_key_jwt`. Absent: a secret is made.'
const SECRET = 'The secret, shown this once; null for `private_key_jwt` and for a repeat of the call.'

mutation('createApiClient', {
  scope: 'clients:manage',
  description: "Creates an integration of the caller's account: an OAuth 2.0 client.",
  problems: [NotAvailable, AccountNotActive, ClientScopeNotAllowed, ClientKeysNotValid],
  input: (t) => ({
    label: t.string({ required: true, description: LABEL }),
    scopes: t.stringList({ description: SCOPES }),
    publicJwks: t.string({ description: KEYS }),
  }),
  run: async (deps, call, { label, scopes, publicJwks }) => {
    assertLength('label', label, 100)
    return createApiClient(deps, call, { label, scopes: readScopes(scopes), publicJwks: publicJwks ?? null })
  },
  success: (t) => ({
    apiClient: apiClientField(t),
    secret: t.exposeString('secret', { nullable: true, description: SECRET }),
  }),
})

mutation('createPlatformClient', {
  scope: 'platform-clients:manage',
  description: 'Creates a client of a processor or a gateway.',
  problems: [NotAvailable, ClientScopeNotAllowed, ClientKeysNotValid],
  input: (t) => ({
    kind: t.field({ type: PlatformClientKind, required: true, description: 'Whose machine it is.' }),
    processorId: t.string({ description: 'UUID of the processor; absent for a PROCESSOR: a new one.' }),
    label: t.string({ required: true, description: LABEL }),
    scopes: t.stringList({ description: SCOPES }),
    publicJwks: t.string({ description: KEYS }),
  }),
  run: async (deps, call, { kind, processorId, label, scopes, publicJwks }) => {
    assertLength('label', label, 100)
    if (processorId && (kind !== 'PROCESSOR' || !isUuid(processorId)))
      throw badInput('processorId', 'must be a UUID, and only for a PROCESSOR')
    return createPlatformClient(deps, call, {
      kind,
      label,
      processorId: processorId ?? null,
      scopes: readScopes(scopes),
      publicJwks: publicJwks ?? null,
    })
  },
  success: (t) => ({
    apiClient: apiClientField(t),
    secret: t.exposeString('secret', { nullable: true, description: SECRET }),
  }),
})

const CLIENT = 'The client.'

mutation('disableApiClient', {
  scope: 'clients:manage',
  description: "Disables an integration of the caller's account: its tokens end at once.",
  problems: [NotAvailable],
  input: (t) => ({ apiClientId: t.id({ required: true, description: CLIENT }) }),
  run: async (deps, call, { apiClientId }) => {
    const { accountId, id } = readTenantKey('apiClientId', 'ApiClient', apiClientId)
    return disableApiClient(deps, call, { accountId, clientId: id })
  },
  success: (t) => ({ apiClient: apiClientField(t) }),
})

mutation('disablePlatformClient', {
  scope: 'platform-clients:manage',
  description: 'Disables a client of a processor or a gateway: its tokens end at once.',
  problems: [NotAvailable],
  input: (t) => ({ apiClientId: t.id({ required: true, description: CLIENT }) }),
  run: async (deps, call, { apiClientId }) => {
    const { accountId, id } = readTenantKey('apiClientId', 'ApiClient', apiClientId)
    if (accountId !== PLATFORM_ACCOUNT_ID) throw new NotAvailable()
    return disableApiClient(deps, call, { accountId, clientId: id })
  },
  success: (t) => ({ apiClient: apiClientField(t) }),
})
