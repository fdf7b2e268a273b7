import { generateKeyPairSync } from 'node:crypto'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { fanOut } from '../../src/domains/webhooks/webhooks.feed.ts'
import type { World } from '../kit/world.ts'
import { manifestOf } from '../security/valid-variables.ts'
import { fresh, inference, join, openAccount, perform, person, type Who } from './calls.ts'
import { aRule, propose, staffMember } from './retention-rules-kit.ts'

/** A valid call of a mutation, another valid input, and somebody else who may make the call too. */
export type MutationCase = {
  readonly as: Who
  readonly input: object
  /** Another valid input; null where every other input is refused before the key is looked at. */
  readonly otherInput: object | null
  /** Another caller with the same rights, for whom the same key is another one; absent where there is none. */
  readonly otherCaller?: Who
  /** The words of the input that no record may hold in clear. */
  readonly personal?: readonly string[]
}

const jwks = () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  return JSON.stringify({ keys: [{ kty, crv, x, y, kid: fresh() }] })
}

async function invitation(world: World) {
  const email = `${fresh()}@aster.example`
  const { invitationCode } = await perform(world, 'subject', 'inviteMember', { name: 'Ida', email, role: 'MEMBER' })
  return { email, code: String(invitationCode) }
}

async function client(world: World, as: Who, name: string, more: object) {
  const made = await perform(world, as, name, { label: `bot ${fresh()}`, publicJwks: jwks(), ...more })
  return (made['apiClient'] as { id: string }).id
}

const aProcessor = () => ({
  name: `Processor ${fresh()}`,
  role: 'PROCESSOR',
  country: 'FR',
  regions: ['eu-west'],
  categories: ['ACCOUNT', 'USAGE'],
  purposes: ['SERVICE_PROVISION'],
  contractOn: '2025-07-01',
})

async function processor(world: World) {
  const made = await perform(world, 'staff', 'addProcessor', aProcessor())
  return (made['processor'] as { id: string }).id
}

const HOLD_WORDS = ['District Court of Canary', 'Canary v. Byron']

const aHold = (target: object) => ({
  ...target,
  authority: HOLD_WORDS[0],
  reason: HOLD_WORDS[1],
  reviewOn: '2026-09-15',
  confidential: false,
})

async function hold(world: World) {
  const made = await perform(world, 'staff', 'placeHold', aHold({ subjectId: world.ids.endUser, category: 'USAGE' }))
  return (made['legalHold'] as { id: string }).id
}

const subjectOf = async (world: World) => {
  const made = await perform(world, 'subject', 'createSubject', { reference: `ref-${fresh()}`, name: 'Before' })
  return (made['subject'] as { id: string }).id
}

const endpoints = new WeakMap<World, string[]>()

/** An endpoint of its own; there are never as many as an account may have. */
async function endpoint(world: World) {
  const made = endpoints.get(world) ?? []
  endpoints.set(world, made)
  const oldest = made.length < 8 ? undefined : made.shift()
  if (oldest !== undefined) await perform(world, 'subject', 'deleteWebhookEndpoint', { webhookEndpointId: oldest })
  const outcome = await perform(world, 'subject', 'createWebhookEndpoint', { url: `https://hooks.example/${fresh()}` })
  const { id } = outcome['webhookEndpoint'] as { id: string }
  made.push(id)
  return id
}

/** A delivery of a test to an endpoint of its own. */
async function delivery(world: World) {
  const endpointId = await endpoint(world)
  await perform(world, 'subject', 'sendTestWebhook', { webhookEndpointId: endpointId })
  await sequenceEvents(world.resources.db, world.clock, [fanOut(world.clock)])
  const found = await world.ask(
    'subject',
    'query ($filter: WebhookDeliveryFilter) { webhookDeliveries(filter: $filter) { edges { node { id } } } }',
    { filter: { endpointId } },
  )
  return String(found.data.webhookDeliveries.edges[0].node.id)
}

/** For each mutation of the schema a valid call on fresh records. A test fails when one is missing. */
export const MUTATION_CASES: Readonly<Record<string, (world: World) => Promise<MutationCase>>> = {
  async createAccount() {
    const email = `${fresh()}@owner.example`
    const input = { name: 'Canary Corp', country: 'DE', region: 'eu', owner: { name: 'Olga Canary', email } }
    return {
      as: 'staff',
      input,
      otherInput: { ...input, region: 'eu-2' },
      personal: ['Canary Corp', 'Olga Canary', email],
    }
  },
  async updateAccount(world) {
    const input = { accountId: world.ids.account, name: `Aster ${fresh()}`, region: 'eu-central' }
    return {
      as: 'subject',
      input,
      otherInput: { ...input, name: 'Aster' },
      otherCaller: 'staff',
      personal: [input.name],
    }
  },
  async closeAccount(world) {
    const { owner, accountId } = await openAccount(world)
    return { as: owner, input: { accountId }, otherInput: null }
  },
  async reopenAccount(world) {
    const { owner, accountId } = await openAccount(world)
    await perform(world, owner, 'closeAccount', { accountId })
    return { as: owner, input: { accountId }, otherInput: null }
  },
  async inviteMember() {
    const input = { name: 'Iris Canary', email: `${fresh()}@aster.example`, role: 'MEMBER' }
    return {
      as: 'subject',
      input,
      otherInput: { ...input, role: 'ADMIN' },
      otherCaller: 'otherSubject',
      personal: [input.name, input.email],
    }
  },
  async acceptInvitation(world) {
    const { email, code } = await invitation(world)
    return { as: await person(world, { email }), input: { code }, otherInput: null, personal: [email] }
  },
  async changeMemberRole(world) {
    const { id } = await join(world, 'MEMBER')
    const { who } = await join(world, 'ADMIN')
    const input = { subjectId: id, role: 'ADMIN' }
    return { as: 'subject', input, otherInput: { ...input, role: 'MEMBER' }, otherCaller: who }
  },
  async removeMember(world) {
    const [{ id }, other] = [await join(world, 'MEMBER'), await join(world, 'MEMBER')]
    return { as: 'subject', input: { subjectId: id }, otherInput: { subjectId: other.id } }
  },
  async createSubject() {
    const input = {
      reference: `ref-${fresh()}`,
      name: 'Selma Canary',
      email: `${fresh()}@mail.example`,
      country: 'US',
      subdivision: 'US-CA',
    }
    return {
      as: 'integration',
      input,
      otherInput: { ...input, name: 'Another' },
      otherCaller: 'otherIntegration',
      personal: [input.reference, input.name, input.email],
    }
  },
  async updateSubject(world) {
    const input = { subjectId: await subjectOf(world), name: 'Tove Canary', email: `${fresh()}@mail.example` }
    return {
      as: 'integration',
      input,
      otherInput: { ...input, name: 'Another' },
      otherCaller: 'subject',
      personal: [input.name, input.email],
    }
  },
  async createApiClient() {
    const input = { label: 'Canary bot', scopes: ['subjects:read'] }
    return {
      as: 'subject',
      input,
      otherInput: { label: 'Other bot' },
      otherCaller: 'otherSubject',
      personal: ['Canary bot'],
    }
  },
  async createPlatformClient() {
    const input = { label: 'Canary edge', kind: 'GATEWAY', publicJwks: jwks() }
    return { as: 'staff', input, otherInput: { ...input, label: 'Other edge' }, personal: ['Canary edge'] }
  },
  async updateApiClient(world) {
    const apiClientId = await client(world, 'subject', 'createApiClient', {})
    const input = { apiClientId, label: 'Canary label', scopes: ['subjects:read'], allowedNetworks: ['192.0.2.0/24'] }
    return { as: 'subject', input, otherInput: { apiClientId, label: 'Other label' }, personal: ['Canary label'] }
  },
  async updatePlatformClient(world) {
    const apiClientId = await client(world, 'staff', 'createPlatformClient', { kind: 'GATEWAY' })
    const input = { apiClientId, label: 'Canary label', publicJwks: jwks() }
    return { as: 'staff', input, otherInput: { apiClientId, label: 'Other label' }, personal: ['Canary label'] }
  },
  async rotateApiClientSecret(world) {
    const apiClientId = await client(world, 'subject', 'createApiClient', { publicJwks: null })
    return { as: 'subject', input: { apiClientId }, otherInput: { apiClientId, overlapHours: 0 } }
  },
  async rotatePlatformClientSecret(world) {
    const apiClientId = await client(world, 'staff', 'createPlatformClient', { kind: 'GATEWAY', publicJwks: null })
    return { as: 'staff', input: { apiClientId }, otherInput: { apiClientId, overlapHours: 0 } }
  },
  async disableApiClient(world) {
    const [id, other] = [
      await client(world, 'subject', 'createApiClient', {}),
      await client(world, 'subject', 'createApiClient', {}),
    ]
    return { as: 'subject', input: { apiClientId: id }, otherInput: { apiClientId: other } }
  },
  async disablePlatformClient(world) {
    const [id, other] = [
      await client(world, 'staff', 'createPlatformClient', { kind: 'GATEWAY' }),
      await client(world, 'staff', 'createPlatformClient', { kind: 'GATEWAY' }),
    ]
    return { as: 'staff', input: { apiClientId: id }, otherInput: { apiClientId: other } }
  },
  async exportAudit(world) {
    const filter = { accountId: world.ids.account }
    return { as: 'staff', input: { filter }, otherInput: {}, otherCaller: 'subject' }
  },
  async recordUsage(world) {
    const input = { accountId: world.ids.account, events: [inference(fresh()), inference(fresh())] }
    return { as: 'gateway', input, otherInput: { ...input, events: [inference(fresh())] } }
  },
  async createWebhookEndpoint() {
    const url = `https://hooks.example/${fresh()}`
    const input = { url, label: 'Canary hook', kinds: ['subject.created'] }
    return {
      as: 'subject',
      input,
      otherInput: { ...input, kinds: [] },
      otherCaller: 'processor',
      personal: [url, 'Canary hook'],
    }
  },
  async updateWebhookEndpoint(world) {
    const input = { webhookEndpointId: await endpoint(world), url: `https://hooks.example/${fresh()}`, label: 'Canary' }
    const personal = [input.url, input.label]
    return { as: 'subject', input, otherInput: { ...input, label: null }, otherCaller: 'integration', personal }
  },
  async setWebhookEndpointState(world) {
    const input = { webhookEndpointId: await endpoint(world), state: 'PAUSED' }
    return { as: 'subject', input, otherInput: { ...input, state: 'DISABLED' } }
  },
  async deleteWebhookEndpoint(world) {
    const [id, other] = [await endpoint(world), await endpoint(world)]
    return { as: 'subject', input: { webhookEndpointId: id }, otherInput: { webhookEndpointId: other } }
  },
  async rotateWebhookKeys(world) {
    const input = { webhookEndpointId: await endpoint(world) }
    return { as: 'subject', input, otherInput: { ...input, overlapHours: 0 }, otherCaller: 'integration' }
  },
  async sendTestWebhook(world) {
    const [id, other] = [await endpoint(world), await endpoint(world)]
    return { as: 'subject', input: { webhookEndpointId: id }, otherInput: { webhookEndpointId: other } }
  },
  async redeliverWebhook(world) {
    const [id, other] = [await delivery(world), await delivery(world)]
    return { as: 'subject', input: { webhookDeliveryId: id }, otherInput: { webhookDeliveryId: other } }
  },
  async redeliverWebhooks(world) {
    const range = { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z' }
    const input = { webhookEndpointId: await endpoint(world), ...range }
    return { as: 'subject', input, otherInput: { ...input, states: [] }, otherCaller: 'integration' }
  },
  async openUsageImport(world) {
    const fileHash = fresh().replaceAll('-', '').padEnd(64, '0')
    const input = { accountId: world.ids.account, fileHash, shiftMs: 1_000 }
    return { as: 'gateway', input, otherInput: { ...input, shiftMs: 2_000 } }
  },
  async importFidesManifest() {
    const text = `Canary ${fresh()}`
    const input = { yaml: manifestOf(`s_${fresh()}`, text) }
    return {
      as: 'subject',
      input,
      otherInput: { ...input, dryRun: true },
      otherCaller: 'otherSubject',
      personal: [text],
    }
  },
  async reconcileInventory(world) {
    return { as: 'staff', input: { accountId: world.ids.account }, otherInput: {} }
  },
  async addProcessor() {
    const input = aProcessor()
    return { as: 'staff', input, otherInput: { ...input, regions: ['eu-north'] } }
  },
  async updateProcessor(world) {
    const input = { processorId: await processor(world), regions: ['eu-west', 'eu-north'] }
    return { as: 'staff', input, otherInput: { ...input, regions: ['eu-south'] } }
  },
  async endProcessor(world) {
    const [id, other] = [await processor(world), await processor(world)]
    return { as: 'staff', input: { processorId: id }, otherInput: { processorId: other } }
  },
  async placeHold(world) {
    const input = aHold({ subjectId: world.ids.endUser, category: 'USAGE' })
    return { as: 'staff', input, otherInput: { ...input, confidential: true }, personal: HOLD_WORDS }
  },
  async changeHoldReview(world) {
    const input = { legalHoldId: await hold(world), reviewOn: '2026-12-31' }
    return { as: 'staff', input, otherInput: { ...input, reviewOn: '2027-01-31' } }
  },
  async releaseHold(world) {
    const input = { legalHoldId: await hold(world), reason: 'Settled with Canary Corp' }
    return { as: 'staff', input, otherInput: { ...input, legalHoldId: await hold(world) }, personal: [input.reason] }
  },
  async proposeRetentionRule() {
    return { as: 'staff', input: aRule, otherInput: { ...aRule, period: 'P7M' } }
  },
  async approveRetentionRule(world) {
    const officer = await staffMember(world, 'PRIVACY_OFFICER')
    const [one, other] = [await propose(world, officer), await propose(world, officer)]
    return { as: 'staff', input: { approvalId: one }, otherInput: { approvalId: other } }
  },
  async rejectApproval(world) {
    const officer = await staffMember(world, 'PRIVACY_OFFICER')
    const [one, other] = [await propose(world, officer), await propose(world, officer)]
    return { as: 'staff', input: { approvalId: one }, otherInput: { approvalId: other } }
  },
  async withdrawApproval(world) {
    const [one, other] = [await propose(world, 'staff'), await propose(world, 'staff')]
    return { as: 'staff', input: { approvalId: one }, otherInput: { approvalId: other } }
  },
  async recordRecipient(world) {
    const entry = {
      subjectId: world.ids.member,
      categories: ['ACCOUNT'],
      processorId: await processor(world),
      purpose: 'SERVICE_PROVISION',
      at: world.clock.now().toISOString(),
    }
    const input = { accountId: world.ids.account, entries: [entry] }
    return { as: 'gateway', input, otherInput: { ...input, entries: [{ ...entry, subjectId: world.ids.owner }] } }
  },
}
