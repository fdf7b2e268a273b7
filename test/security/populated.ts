import type { DemoPrincipal } from '../../src/demo/demo-tokens.ts'
import { tenantKey } from '../../src/schema/global-id.ts'
import { newId } from '../../src/time/id.ts'
import { propose, staffMember } from '../api/retention-rules-kit.ts'
import type { World } from '../kit/world.ts'
import { documentOf } from './documents.ts'
import { foldSomething } from './populated-usage.ts'
import { manifestOf } from './valid-variables.ts'

/** What an account has beside its demo data: global ids of the API, UUIDs and codes. */
export type Holdings = {
  readonly accountId: string
  readonly subjectIds: readonly string[]
  readonly apiClientId: string
  /** A gateway's client, of the platform. */
  readonly platformClientId: string
  readonly auditEventIds: readonly string[]
  readonly jobId: string
  readonly systemId: string
  readonly datasetId: string
  readonly webhookEndpointId: string
  readonly webhookDeliveryId: string
  readonly inventoryItemIds: readonly string[]
  readonly legalHoldId: string
  /** Rules that another member of staff proposed. */
  readonly approvalIds: readonly string[]
  /** A rule that the demo's member of staff proposed. */
  readonly ownApprovalId: string
  readonly invitationCode: string
  /** The first cursor of each list that its owner sees. */
  readonly cursors: readonly string[]
}

/** Puts rows into every table, for both accounts. @returns what the first and the second account hold */
export async function populate(world: World): Promise<[first: Holdings, second: Holdings]> {
  const { demo, resources, clock, runner } = world
  const expiresAt = new Date(clock.now().getTime() + 3_600_000)
  await resources.db.auth(async (tx) => {
    await tx.oauthState.create({ data: { kind: 'Test', id: 'test', payload: {}, expiresAt } })
    const clientId = '0199aa00-0000-7000-8000-000100000002'
    await tx.revokedToken.create({ data: { jti: 'test', clientId, revokedAt: clock.now(), expiresAt } })
  })
  const firstSubjects = demo.accounts[0]?.subjectIds ?? []
  const secondSubjects = demo.accounts[1]?.subjectIds ?? []
  const before = [
    await fill(world, 'subject', demo.accounts[0]?.id ?? '', firstSubjects.at(-1) ?? ''),
    await fill(world, 'otherSubject', demo.accounts[1]?.id ?? '', secondSubjects.at(-1) ?? ''),
  ]
  await runner.runDue()
  await findSomething(world, demo.accounts)
  await foldSomething(
    world,
    demo.accounts.map(({ id }) => localOf(id)),
  )
  const holdings: Holdings[] = []
  for (const [index, as] of (['subject', 'otherSubject'] as const).entries()) {
    const account = demo.accounts[index]
    const invited = before[index]
    if (!account || !invited) throw new Error('the demo has two accounts')
    const lists = await listsOf(world, as)
    holdings.push({ accountId: account.id, subjectIds: account.subjectIds, ...invited, ...lists })
  }
  return holdings as [Holdings, Holdings]
}

/** A finding about a person of each account, as a comparison writes it. */
async function findSomething(world: World, accounts: World['demo']['accounts']): Promise<void> {
  const { db } = world.resources
  for (const { id, subjectIds } of accounts)
    await db.worker(async (tx) => {
      const accountId = localOf(id)
      const made = await tx.reconciliation.findFirstOrThrow({ where: { comparedId: accountId } })
      const of = { reconciliationHomeId: made.accountId, reconciliationId: made.id }
      const what = { kind: 'MISSING', system: 'usage', category: 'USAGE', locator: 'usage_event/2026-01' } as const
      const subjectId = localOf(subjectIds[0] ?? '').split('/')[1] ?? ''
      const finding = { ...of, ...what, accountId, id: newId(world.clock), subjectId, rows: 1 }
      await tx.reconciliationFinding.createMany({ data: [finding] })
    })
}

const localOf = (id: string) => Buffer.from(id, 'base64').toString('utf8').split(':')[1] ?? ''

/** Asks for a root field with everything below it. @throws Error when it is refused: the world would lack its rows */
export async function call(world: World, as: DemoPrincipal | { token: string }, name: string, variables: object) {
  const answer = await world.ask(as, documentOf(name), variables)
  const { [name]: result } = answer.data ?? {}
  if (answer.errors || !result || 'code' in result) throw new Error(`${name}: ${JSON.stringify(answer)}`)
  return result
}

async function fill(world: World, as: 'subject' | 'otherSubject', accountId: string, subjectId: string) {
  const key = `populate-${as}`
  const invite = { name: 'Invited Person', email: `invited@${as.toLowerCase()}.example`, role: 'MEMBER' }
  const invited = await call(world, as, 'inviteMember', { input: { ...invite, idempotencyKey: key } })
  const hook = { url: `https://hooks.example/${as}`, label: 'Made endpoint', idempotencyKey: key }
  const endpoint = await call(world, as, 'createWebhookEndpoint', { input: hook })
  const created = { reference: `made-${as}`, name: 'Made Person', idempotencyKey: key }
  await call(world, as, 'createSubject', { input: created })
  const client = await call(world, as, 'createApiClient', { input: { label: 'Made client', idempotencyKey: key } })
  const platform = await call(world, 'staff', 'createPlatformClient', { input: { kind: 'GATEWAY', label: 'Made' } })
  const requestId = `request-${as.toLowerCase()}`
  const inference = { kind: 'INFERENCE', model: 'm/one', endpointKind: 'SERVERLESS', inputTokens: 1, outputTokens: 1 }
  const event = { ...inference, occurredAt: '2026-03-15T11:00:00.000Z', requestId, subjectId }
  await call(world, 'gateway', 'recordUsage', { input: { accountId, events: [event], idempotencyKey: key } })
  const [processor] = (await call(world, as, 'processors', { filter: { country: 'SE' } })).edges
  const received = { subjectId, categories: ['ACCOUNT'], processorId: processor.node.id, purpose: 'SERVICE_PROVISION' }
  const entries = [{ ...received, at: world.clock.now() }]
  await call(world, 'gateway', 'recordRecipient', { input: { accountId, entries, idempotencyKey: key } })
  await call(world, as, 'importFidesManifest', {
    input: { yaml: manifestOf(`made_${as.toLowerCase()}`), idempotencyKey: key },
  })
  await call(world, 'staff', 'reconcileInventory', { input: { accountId } })
  const held = { subjectId, category: 'PAYMENT', authority: 'Made court', reason: 'Made case', reviewOn: '2026-09-15' }
  const hold = await call(world, 'staff', 'placeHold', { input: { ...held, confidential: false } })
  const fileHash = (as === 'subject' ? 'a' : 'b').repeat(64)
  await call(world, 'gateway', 'openUsageImport', { input: { accountId, fileHash, shiftMs: 1 } })
  // An export ends at the instant that it was asked for.
  world.clock.move(60)
  const exported = await call(world, as, 'exportAudit', { input: { idempotencyKey: key } })
  const officer = await staffMember(world, 'PRIVACY_OFFICER')
  const approvalIds = [await propose(world, officer), await propose(world, officer)]
  const ownApprovalId = await propose(world, 'staff')
  return {
    approvalIds,
    ownApprovalId,
    invitationCode: String(invited.invitationCode),
    apiClientId: String(client.apiClient.id),
    platformClientId: String(platform.apiClient.id),
    jobId: String(exported.job.id),
    legalHoldId: String(hold.legalHold.id),
    webhookEndpointId: String(endpoint.webhookEndpoint.id),
  }
}

async function listsOf(world: World, as: 'subject' | 'otherSubject') {
  const cursors: string[] = []
  for (const name of [
    'accounts',
    'subjects',
    'apiClients',
    'usageEvents',
    'inventoryItems',
    'auditEvents',
    'webhookEndpoints',
    'webhookDeliveries',
    'datasets',
  ]) {
    const list = await call(world, as, name, {})
    for (const edge of list.edges.slice(0, 1)) cursors.push(edge.cursor)
  }
  const audit = await call(world, as, 'auditEvents', {})
  const auditEventIds = audit.edges.map((edge: { node: { id: string } }) => edge.node.id)
  const items = await call(world, as, 'inventoryItems', {})
  const inventoryItemIds = items.edges.map((edge: { node: { id: string } }) => edge.node.id)
  const systems = await call(world, as, 'systems', { filter: { builtIn: false } })
  const systemId = String(systems.edges[0]?.node.id)
  const datasets = await call(world, as, 'datasets', {})
  const datasetId = String(datasets.edges[0]?.node.id)
  const deliveries = await call(world, as, 'webhookDeliveries', {})
  const webhookDeliveryId = String(deliveries.edges[0]?.node.id)
  if (cursors.length < 5 || auditEventIds.length === 0 || inventoryItemIds.length === 0)
    throw new Error('the lists of the world are empty')
  return { cursors, auditEventIds, inventoryItemIds, webhookDeliveryId, systemId, datasetId }
}

/** The UUIDs and other words that only one account's answers may hold: what a leak would show. */
export function secretsOf(holdings: Holdings): string[] {
  const local = (id: string) => Buffer.from(id, 'base64').toString('utf8').split(':')[1] ?? ''
  const { apiClientId, jobId, subjectIds, auditEventIds, inventoryItemIds } = holdings
  const { webhookEndpointId, webhookDeliveryId, systemId, datasetId } = holdings
  const ids = [
    apiClientId,
    jobId,
    webhookEndpointId,
    webhookDeliveryId,
    systemId,
    datasetId,
    ...subjectIds,
    ...auditEventIds,
    ...inventoryItemIds,
  ]
  const uuids = [local(holdings.accountId), ...ids.map((id) => local(id).split('/')[1] ?? '')]
  return [...new Set([...uuids, ...ids, holdings.accountId])].filter((secret) => secret.length > 0)
}

/** The global id of a row of an account that does not exist. */
export function missingId(typename: string, accountId: string, id: string): string {
  return Buffer.from(`${typename}:${typename === 'Account' ? id : tenantKey({ accountId, id })}`).toString('base64')
}
