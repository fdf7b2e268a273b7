import type { Holdings } from './populated.ts'

/** A usage event that is accepted; `requestId` keeps it from being a duplicate. */
export const usageEvent = (requestId: string) => ({
  occurredAt: '2026-03-15T11:00:00.000Z',
  requestId,
  kind: 'INFERENCE',
  model: 'm/one',
  endpointKind: 'SERVERLESS',
  inputTokens: 1,
  outputTokens: 1,
})

/** Variables with which each root field works, for a caller of the account that holds `own`. */
export function validVariables(own: Holdings): Readonly<Record<string, Record<string, unknown>>> {
  const [, member = '', endUser = ''] = own.subjectIds
  const { accountId } = own
  return {
    account: { id: accountId },
    accounts: {},
    apiClients: {},
    auditEvents: {},
    events: {},
    dataCategories: {},
    inventoryCounts: { groupBy: 'CATEGORY' },
    inventoryItems: {},
    job: { id: own.jobId },
    node: { id: endUser },
    nodes: { ids: [accountId, endUser, own.apiClientId, own.jobId, own.inventoryItemIds[0]] },
    purposes: {},
    subject: { id: endUser },
    subjects: {},
    usageEvents: {},
    usageSummary: { filter: { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z' }, bucket: 'HOUR', groupBy: [] },
    viewer: {},
    acceptInvitation: { input: { code: own.invitationCode } },
    changeMemberRole: { input: { subjectId: member, role: 'ADMIN' } },
    closeAccount: { input: { accountId } },
    createAccount: {
      input: {
        name: 'New Customer',
        country: 'DE',
        region: 'eu-central',
        owner: { name: 'New Owner', email: 'new@mail.example' },
      },
    },
    createApiClient: { input: { label: 'New client' } },
    createPlatformClient: { input: { kind: 'GATEWAY', label: 'New gateway' } },
    createSubject: { input: { reference: 'new-reference', name: 'New Person', email: 'new@mail.example' } },
    disableApiClient: { input: { apiClientId: own.apiClientId } },
    disablePlatformClient: { input: { apiClientId: own.platformClientId } },
    exportAudit: { input: {} },
    inviteMember: { input: { name: 'New Member', email: 'member@mail.example', role: 'MEMBER' } },
    openUsageImport: { input: { accountId, fileHash: 'c'.repeat(64), shiftMs: 1 } },
    recordUsage: { input: { accountId, events: [usageEvent('new-request')] } },
    removeMember: { input: { subjectId: member } },
    updateAccount: { input: { accountId, name: 'Other name' } },
    updateSubject: {
      input: { subjectId: endUser, name: 'Other Name', email: 'other@mail.example', reference: 'other' },
    },
  }
}

/** `variables` with the value at a path replaced; lists and objects on the way are made where they are missing. */
export function withValue(variables: unknown, [step, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (step === undefined) return value
  if (typeof step === 'number') {
    const list = Array.isArray(variables) ? [...variables] : []
    list[step] = withValue(list[step], rest, value)
    return list
  }
  const object = (variables ?? {}) as Record<string, unknown>
  return { ...object, [step]: withValue(object[step], rest, value) }
}
