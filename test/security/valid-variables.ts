import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { DEMO_EDGE_PROCESSOR_ID, DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { globalId, tenantKey } from '../../src/schema/global-id.ts'
import type { Holdings } from './populated.ts'

/** A rule that can be proposed. */
export const aRule = {
  category: 'COOKIE',
  trigger: 'CREATED',
  period: 'P6M',
  action: 'DELETE',
  clause: '§4.1',
  description: { en: 'Kept for six months.' },
  legalSource: 'Regulation (EU) 2016/679, Art. 5(1)(e)',
  source: 'a test',
  verifiedOn: '2026-03-01',
  verified: true,
}

const inRegister = (id: string) => globalId('Processor', tenantKey({ accountId: PLATFORM_ACCOUNT_ID, id }))
const DEMO_PROCESSOR = inRegister(DEMO_PROCESSOR_ID)
const EDGE_PROCESSOR = inRegister(DEMO_EDGE_PROCESSOR_ID)

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

/** A small manifest of Fides with a system and a dataset of that key. */
export const manifestOf = (key: string, text = 'Made') => `system:
- fides_key: ${key}
  name: ${text}
  description: ${text}
  system_type: Service
  meta: { note: ${text} }
  privacy_declarations:
  - { name: ${text}, data_categories: [user.contact.email], data_use: essential.service, data_subjects: [customer] }
dataset:
- fides_key: ${key}
  name: ${text}
  collections:
  - name: ${text}
    fields:
    - { name: ${text}, description: ${text}, data_categories: [user.contact.email] }
`

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
    datasets: {},
    exportFidesManifest: {},
    inventoryCounts: { groupBy: 'CATEGORY' },
    inventoryItems: {},
    retentionTimers: {},
    retentionStatus: { periodDays: 30 },
    erasures: {},
    job: { id: own.jobId },
    node: { id: endUser },
    nodes: { ids: [accountId, endUser, own.apiClientId, own.jobId, own.inventoryItemIds[0]] },
    purposes: {},
    reconciliations: {},
    subject: { id: endUser },
    subjects: {},
    systems: {},
    usageEvents: {},
    usageStatistics: { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z', kind: 'INFERENCE', groupBy: 'MODEL' },
    usageSummary: { filter: { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z' }, bucket: 'HOUR', groupBy: [] },
    viewer: {},
    webhookDeliveries: {},
    webhookEndpoints: {},
    acceptInvitation: { input: { code: own.invitationCode } },
    changeMemberRole: { input: { subjectId: member, role: 'ADMIN' } },
    closeAccount: { input: { accountId } },
    reopenAccount: { input: { accountId } },
    legalHolds: { filter: { accountId } },
    placeHold: {
      input: {
        subjectId: endUser,
        category: 'PAYMENT',
        authority: 'A court',
        reason: 'A case',
        reviewOn: '2026-09-15',
        confidential: false,
      },
    },
    changeHoldReview: { input: { legalHoldId: own.legalHoldId, reviewOn: '2026-10-15' } },
    releaseHold: { input: { legalHoldId: own.legalHoldId, reason: 'Over' } },
    createAccount: {
      input: {
        name: 'New Customer',
        country: 'DE',
        region: 'eu-central',
        owner: { name: 'New Owner', email: 'new@mail.example' },
      },
    },
    importFidesManifest: { input: { yaml: manifestOf('new_system') } },
    reconcileInventory: { input: {} },
    processors: {},
    processingRecords: { filter: { accountId } },
    processingRecordDocument: { format: 'HTML', accountId },
    addProcessor: {
      input: {
        name: 'New Processor',
        role: 'PROCESSOR',
        country: 'FR',
        regions: ['eu-west'],
        categories: ['USAGE'],
        purposes: ['SERVICE_PROVISION'],
        contractOn: '2025-07-01',
      },
    },
    updateProcessor: { input: { processorId: DEMO_PROCESSOR, name: 'Other Name', regions: ['eu-north'] } },
    endProcessor: { input: { processorId: EDGE_PROCESSOR } },
    approvals: {},
    retentionRules: {},
    proposeRetentionRule: { input: aRule },
    approveRetentionRule: { input: { approvalId: own.approvalIds[0] } },
    rejectApproval: { input: { approvalId: own.approvalIds[1] } },
    withdrawApproval: { input: { approvalId: own.ownApprovalId } },
    recordRecipient: {
      input: {
        accountId,
        entries: [
          {
            subjectId: member,
            categories: ['ACCOUNT'],
            processorId: DEMO_PROCESSOR,
            purpose: 'SERVICE_PROVISION',
            at: '2026-03-15T12:00:00.000Z',
          },
        ],
      },
    },
    createWebhookEndpoint: {
      input: { url: 'https://hooks.example/new', label: 'New endpoint', kinds: ['subject.created'] },
    },
    updateWebhookEndpoint: {
      input: {
        webhookEndpointId: own.webhookEndpointId,
        url: 'https://hooks.example/other',
        label: 'Other',
        kinds: [],
      },
    },
    setWebhookEndpointState: { input: { webhookEndpointId: own.webhookEndpointId, state: 'PAUSED' } },
    deleteWebhookEndpoint: { input: { webhookEndpointId: own.webhookEndpointId } },
    rotateWebhookKeys: { input: { webhookEndpointId: own.webhookEndpointId, overlapHours: 1 } },
    sendTestWebhook: { input: { webhookEndpointId: own.webhookEndpointId } },
    redeliverWebhook: { input: { webhookDeliveryId: own.webhookDeliveryId } },
    redeliverWebhooks: {
      input: {
        webhookEndpointId: own.webhookEndpointId,
        from: '2026-03-15T00:00:00Z',
        to: '2026-03-16T00:00:00Z',
        states: ['DEAD'],
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
    rotateApiClientSecret: { input: { apiClientId: own.apiClientId } },
    rotatePlatformClientSecret: { input: { apiClientId: own.platformClientId } },
    updateApiClient: { input: { apiClientId: own.apiClientId, label: 'Other label' } },
    updatePlatformClient: { input: { apiClientId: own.platformClientId, label: 'Other label' } },
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
