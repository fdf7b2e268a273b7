import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { openWorld, type World } from '../kit/world.ts'
import { call, countRows, fresh, localId, outcomeOf, perform } from './calls.ts'
import { planFaults } from './faults.ts'
import { MUTATION_CASES } from './mutation-cases.ts'

let world: World
let plans: ReturnType<typeof planFaults>
beforeAll(async () => {
  world = await openWorld()
  plans = planFaults(world)
})
afterAll(() => world.close())

const NAMES = Object.keys(MUTATION_CASES)

/** The audit events that each mutation writes, and what kind of record they name. */
const EXPECTED: Readonly<Record<string, readonly (readonly [kind: string, recordType: string])[]>> = {
  createAccount: [
    ['account.created', 'Account'],
    ['account.member_invited', 'Subject'],
  ],
  updateAccount: [['account.updated', 'Account']],
  closeAccount: [['account.closing', 'Account']],
  reopenAccount: [['account.reopened', 'Account']],
  inviteMember: [['account.member_invited', 'Subject']],
  acceptInvitation: [['account.member_joined', 'Subject']],
  changeMemberRole: [['account.member_role_changed', 'Subject']],
  removeMember: [['account.member_removed', 'Subject']],
  createSubject: [['subject.created', 'Subject']],
  updateSubject: [['subject.updated', 'Subject']],
  createApiClient: [['client.created', 'ApiClient']],
  createPlatformClient: [['client.created', 'ApiClient']],
  updateApiClient: [['client.updated', 'ApiClient']],
  updatePlatformClient: [['client.updated', 'ApiClient']],
  rotateApiClientSecret: [['client.secret_rotated', 'ApiClient']],
  rotatePlatformClientSecret: [['client.secret_rotated', 'ApiClient']],
  disableApiClient: [['client.disabled', 'ApiClient']],
  disablePlatformClient: [['client.disabled', 'ApiClient']],
  exportAudit: [['audit.export_requested', 'Job']],
  recordUsage: [['usage.recorded', 'UsageEvent']],
  openUsageImport: [['usage.import_opened', 'UsageImport']],
  addProcessor: [['processor.added', 'Processor']],
  updateProcessor: [['processor.updated', 'Processor']],
  endProcessor: [['processor.ended', 'Processor']],
  proposeRetentionRule: [['retention.rule_proposed', 'Approval']],
  approveRetentionRule: [['retention.rule_approved', 'RetentionRule']],
  rejectApproval: [['approval.rejected', 'Approval']],
  withdrawApproval: [['approval.withdrawn', 'Approval']],
  recordRecipient: [['recipient.recorded', 'InventoryRecipient']],
  placeHold: [['hold.placed', 'LegalHold']],
  changeHoldReview: [['hold.changed', 'LegalHold']],
  releaseHold: [['hold.released', 'LegalHold']],
  importFidesManifest: [['systems.imported', 'System']],
  reconcileInventory: [['inventory.reconciliation_requested', 'Reconciliation']],
  createWebhookEndpoint: [['webhook.endpoint_created', 'WebhookEndpoint']],
  updateWebhookEndpoint: [['webhook.endpoint_updated', 'WebhookEndpoint']],
  setWebhookEndpointState: [['webhook.endpoint_state_changed', 'WebhookEndpoint']],
  deleteWebhookEndpoint: [['webhook.endpoint_deleted', 'WebhookEndpoint']],
  rotateWebhookKeys: [['webhook.keys_rotated', 'WebhookEndpoint']],
  sendTestWebhook: [['webhook.test_sent', 'WebhookEndpoint']],
  redeliverWebhook: [['webhook.redelivery_requested', 'WebhookDelivery']],
  redeliverWebhooks: [['webhook.redelivery_requested', 'WebhookEndpoint']],
}

const rowsOf = (requestId: string) =>
  world.resources.db.worker((tx) => tx.auditEvent.findMany({ where: { requestId }, orderBy: { kind: 'asc' } }))

test.each(NAMES)('%s writes who did what to which record, in which request, and nothing personal', async (name) => {
  const made = await MUTATION_CASES[name]?.(world)
  if (!made) throw new Error('no case')
  const requestId = `req-${fresh()}`
  const answer = await call(world, made.as, name, made.input, { 'x-request-id': requestId })
  expect(outcomeOf(answer, name).code).toBeUndefined()
  expect(answer.headers.get('x-request-id')).toBe(requestId)
  const reads = (row: { kind: string }) => row.kind === 'subject.read_by_staff'
  const rows = (await rowsOf(requestId)).filter((row) => !reads(row))
  expect(rows.map((row) => [row.kind, row.recordType])).toEqual(EXPECTED[name])
  for (const row of rows) {
    expect(row).toMatchObject({ at: world.clock.now(), actorId: expect.any(String), actorKind: expect.any(String) })
    expect(row.count).toBeGreaterThan(0)
    if (row.recordType === 'Subject') expect(row.recordIds).toEqual([row.subjectId])
  }
  const text = JSON.stringify(rows)
  for (const word of made.personal ?? []) expect(text).not.toContain(word)
})

test.each(NAMES)('%s that fails at any statement has changed nothing, the audit not either', async (name) => {
  const made = await MUTATION_CASES[name]?.(world)
  if (!made) throw new Error('no case')
  const accounts = [localId(world.ids.account), localId(world.ids.otherAccount), PLATFORM_ACCOUNT_ID]
  const before = await countRows(world, accounts)
  let failed = 0
  for (let at = 1; ; at += 1) {
    let reached = false
    plans.write = (step) => {
      reached ||= step === at
      return step === at
    }
    const outcome = await perform(world, made.as, name, made.input)
    plans.write = null
    if (!reached) {
      expect(outcome.code).toBeUndefined()
      break
    }
    expect(outcome.code).toBe('INTERNAL')
    expect(await countRows(world, accounts)).toEqual(before)
    failed += 1
  }
  expect(failed).toBeGreaterThan(1)
  expect(await countRows(world, accounts)).not.toEqual(before)
})
