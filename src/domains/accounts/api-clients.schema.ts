import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { builder } from '../../schema/builder.ts'
import { readTenantKey } from '../../schema/global-id.ts'
import { type InputFields, mutation } from '../../schema/mutation.ts'
import { badInput } from '../../schema/refusals.ts'
import { assertLength } from '../../schema/scalars.ts'
import { apiClientField, present, readScopes } from './accounts.fields.ts'
import {
  AccountNotActive,
  ClientAuthenticationDiffers,
  ClientDisabled,
  ClientKeysNotValid,
  ClientNetworksNotValid,
  ClientRotationRunning,
  ClientScopeNotAllowed,
  NotAvailable,
} from './accounts.problems.ts'
import { createApiClient, createPlatformClient, disableApiClient } from './api-client.service.ts'
import { OVERLAP_HOURS, rotateClientSecret, updateApiClient } from './api-client-change.service.ts'

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
const NETWORKS =
  'Networks in CIDR notation (192.0.2.0/24, 2001:db8::/32) that it may call from, at most 20; absent or empty: any.'
const SECRET = 'The secret, shown this once; null for `private_key_jwt` and for a repeat of the call.'

mutation('createApiClient', {
  scope: 'clients:manage',
  description: "Creates an integration of the caller's account: an OAuth 2.0 client.",
  problems: [NotAvailable, AccountNotActive, ClientScopeNotAllowed, ClientKeysNotValid, ClientNetworksNotValid],
  input: (t) => ({
    label: t.string({ required: true, description: LABEL }),
    scopes: t.stringList({ description: SCOPES }),
    publicJwks: t.string({ description: KEYS }),
    allowedNetworks: t.stringList({ description: NETWORKS }),
  }),
  run: async (deps, call, { label, scopes, publicJwks, allowedNetworks }) => {
    assertLength('label', label, 100)
    const more = { publicJwks: publicJwks ?? null, allowedNetworks: allowedNetworks ?? null }
    return createApiClient(deps, call, { label, scopes: readScopes(scopes), ...more })
  },
  success: (t) => ({
    apiClient: apiClientField(t),
    secret: t.exposeString('secret', { nullable: true, description: SECRET }),
  }),
})

mutation('createPlatformClient', {
  scope: 'platform-clients:manage',
  description: 'Creates a client of a processor or a gateway.',
  problems: [NotAvailable, ClientScopeNotAllowed, ClientKeysNotValid, ClientNetworksNotValid],
  input: (t) => ({
    kind: t.field({ type: PlatformClientKind, required: true, description: 'Whose machine it is.' }),
    processorId: t.id({
      description: 'Global id of the processor, for a PROCESSOR: one of the register that has not ended.',
    }),
    label: t.string({ required: true, description: LABEL }),
    scopes: t.stringList({ description: SCOPES }),
    publicJwks: t.string({ description: KEYS }),
    allowedNetworks: t.stringList({ description: NETWORKS }),
  }),
  run: async (deps, call, { kind, processorId, label, scopes, publicJwks, allowedNetworks }) => {
    assertLength('label', label, 100)
    if (processorId && kind !== 'PROCESSOR') throw badInput('processorId', 'is only for a PROCESSOR')
    const processor = processorId ? readTenantKey('processorId', 'Processor', processorId) : null
    if (processor && processor.accountId !== PLATFORM_ACCOUNT_ID) throw new NotAvailable()
    return createPlatformClient(deps, call, {
      kind,
      label,
      ...(processor ? { processorId: processor.id } : {}),
      scopes: readScopes(scopes),
      publicJwks: publicJwks ?? null,
      allowedNetworks: allowedNetworks ?? null,
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

/** The key of a client; `platform`: one of the platform's, and no other. @throws NOT_AVAILABLE */
function readClientKey(value: string, platform: boolean) {
  const key = readTenantKey('apiClientId', 'ApiClient', value)
  if (platform && key.accountId !== PLATFORM_ACCOUNT_ID) throw new NotAvailable()
  return key
}

const CHANGED = [
  NotAvailable,
  ClientDisabled,
  ClientScopeNotAllowed,
  ClientKeysNotValid,
  ClientNetworksNotValid,
  ClientAuthenticationDiffers,
]
const CHANGE = 'What is absent stays. Scopes and networks count at once, for tokens that were given out too.'

const changeInput = (t: InputFields) => ({
  apiClientId: t.id({ required: true, description: CLIENT }),
  label: t.string({ description: LABEL }),
  scopes: t.stringList({ description: 'Scopes that its tokens may carry from now on, of those its kind allows.' }),
  allowedNetworks: t.stringList({ description: 'Networks (CIDR) instead of those before, at most 20; empty: any.' }),
  publicJwks: t.string({
    description:
      'A JWK Set (RFC 7517) instead of the one before, for a client that proves itself by `private_key_jwt`.',
  }),
})

for (const [name, scope, platform, description] of [
  ['updateApiClient', 'clients:manage', false, `Changes an integration of the caller's account. ${CHANGE}`],
  ['updatePlatformClient', 'platform-clients:manage', true, `Changes a client of a processor or a gateway. ${CHANGE}`],
] as const)
  mutation(name, {
    scope,
    description,
    problems: CHANGED,
    input: changeInput,
    run: async (deps, call, { apiClientId, scopes, ...change }) => {
      assertLength('label', change.label, 100)
      const key = readClientKey(apiClientId, platform)
      return updateApiClient(deps, call, { ...key, ...present(change), scopes: readScopes(scopes) })
    },
    success: (t) => ({ apiClient: apiClientField(t) }),
  })

const ROTATE =
  'The secret before stays good for overlapHours. Tokens that were given out stay good until they end, at most 10 minutes, unless the client is disabled.'

for (const [name, scope, platform, description] of [
  ['rotateApiClientSecret', 'clients:manage', false, `Gives an integration of the account another secret. ${ROTATE}`],
  [
    'rotatePlatformClientSecret',
    'platform-clients:manage',
    true,
    `Gives a client of a processor or a gateway another secret. ${ROTATE}`,
  ],
] as const)
  mutation(name, {
    scope,
    description,
    problems: [NotAvailable, ClientDisabled, ClientAuthenticationDiffers, ClientRotationRunning],
    input: (t) => ({
      apiClientId: t.id({ required: true, description: CLIENT }),
      overlapHours: t.int({
        description: `For how long the secret before stays good, 0 to ${OVERLAP_HOURS.max}; default ${OVERLAP_HOURS.default}. With 0 it ends at once.`,
      }),
    }),
    run: async (deps, call, { apiClientId, overlapHours }) => {
      const hours = overlapHours ?? OVERLAP_HOURS.default
      if (hours < 0 || hours > OVERLAP_HOURS.max) throw badInput('overlapHours', `must be 0 to ${OVERLAP_HOURS.max}`)
      return rotateClientSecret(deps, call, { ...readClientKey(apiClientId, platform), overlapHours: hours })
    },
    success: (t) => ({
      apiClient: apiClientField(t),
      secret: t.exposeString('secret', {
        nullable: true,
        description: 'The secret, shown this once; null for a repeat of the call.',
      }),
    }),
  })
