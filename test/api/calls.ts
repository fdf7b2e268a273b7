import { randomUUID } from 'node:crypto'
import { SCOPES } from '../../src/auth/permissions.ts'
import { systemSession } from '../../src/auth/session.ts'
import type { DemoPrincipal } from '../../src/demo/demo-tokens.ts'
import type { Answer, World } from '../kit/world.ts'

/** Who asks: a demo principal, or any token. */
export type Who = DemoPrincipal | { token: string }

const ALL_SCOPES = Object.keys(SCOPES).join(' ')

/** A word that no other call of a test uses. */
export const fresh = () => randomUUID().slice(0, 13)

/** A token for a person of the trusted demo issuer; without an e-mail address the issuer vouches for none. */
export async function person(world: World, options: { sub?: string; email?: string; scope?: string }): Promise<Who> {
  const { sub = `sub-${fresh()}`, email, scope = ALL_SCOPES } = options
  const token = await world.serving.demoIssuer?.issue({ sub, scope, ...(email === undefined ? {} : { email }) })
  return { token: token ?? '' }
}

/** What a mutation answered: its success or problem, or the code of its error. */
export type Outcome = { __typename: string; code?: string; [field: string]: unknown }

/** What is asked of each mutation's success: ids first, so that tests can go on with them. */
export const SELECTIONS: Readonly<Record<string, string>> = {
  createAccount: 'account { id name status country region } invitationCode',
  updateAccount: 'account { id name country region }',
  closeAccount: 'account { id status closingAt }',
  reopenAccount: 'account { id status closingAt }',
  inviteMember: 'subject { id accountRole joinedAt leftAt } invitationCode',
  acceptInvitation: 'subjectId',
  changeMemberRole: 'subject { id accountRole }',
  removeMember: 'subject { id leftAt }',
  createSubject: 'subject { id reference name email country subdivision }',
  updateSubject: 'subject { id reference name email country subdivision }',
  createApiClient: 'apiClient { id clientId authentication scopes allowedNetworks } secret',
  createPlatformClient: 'apiClient { id clientId kind authentication scopes } secret',
  updateApiClient: 'apiClient { id label scopes allowedNetworks authentication }',
  rotateApiClientSecret: 'apiClient { id rotatedAt previousSecretUntil } secret',
  updatePlatformClient: 'apiClient { id label scopes allowedNetworks authentication }',
  rotatePlatformClientSecret: 'apiClient { id rotatedAt previousSecretUntil } secret',
  disableApiClient: 'apiClient { id disabledAt }',
  disablePlatformClient: 'apiClient { id disabledAt }',
  exportAudit: 'job { id state done total downloadPath }',
  recordUsage: 'recorded { events inputTokens outputTokens } duplicates { events inputTokens outputTokens }',
  openUsageImport: 'shiftMs firstRun',
  importFidesManifest:
    'accountId dryRun systems { created updated } datasets { created updated } fields builtIn unknownKeyCount unknownKeys unknownTaxonomyKeys { path key }',
  reconcileInventory: 'job { id state done total downloadPath } reconciliation { id jobId comparedAccountId }',
  addProcessor: 'processor { id name role country regions categories purposes contractOn endedAt }',
  updateProcessor: 'processor { id name role country regions categories purposes contractOn endedAt }',
  endProcessor: 'processor { id endedAt }',
  recordRecipient: 'items',
  placeHold:
    'legalHold { id accountId scope itemId subjectId category state confidential reviewOn marked itemsHeld itemsResumed }',
  changeHoldReview: 'legalHold { id reviewOn reviewOverdue }',
  releaseHold: 'legalHold { id state marked itemsHeld itemsResumed }',
  proposeRetentionRule: 'approval { id state proposedById retentionRule { category period effectiveFrom } }',
  approveRetentionRule:
    'retentionRule { id category trigger period version state effectiveFrom } approval { id state decidedById }',
  rejectApproval: 'approval { id state decidedById }',
  withdrawApproval: 'approval { id state decidedById }',
  createWebhookEndpoint: 'webhookEndpoint { id url label kinds state } secret publicKey',
  updateWebhookEndpoint: 'webhookEndpoint { id url label kinds state }',
  setWebhookEndpointState: 'webhookEndpoint { id state disabledReason }',
  deleteWebhookEndpoint: 'webhookEndpointId',
  rotateWebhookKeys: 'webhookEndpoint { id keys { publicKey expiresAt } } secret publicKey',
  sendTestWebhook: 'webhookEndpoint { id }',
  redeliverWebhook: 'webhookDelivery { id state attempts }',
  redeliverWebhooks: 'job { id state done total }',
}

/** What problems tell beside their code. */
const PROBLEM_FIELDS: Readonly<Record<string, string>> = {
  recordUsage: '... on UsageEventNotValid { index field reason }',
  recordRecipient: '... on RecipientNotAllowed { index field reason }',
  importFidesManifest: '... on FidesNotValid { path reason faults { path reason } }',
}

/** The document of a mutation. */
export function documentOf(name: string): string {
  const Name = `${name[0]?.toUpperCase()}${name.slice(1)}`
  const problem = PROBLEM_FIELDS[name] ?? ''
  const problems = name === 'exportAudit' ? '' : '... on Problem { code }'
  return `mutation($input: ${Name}Input!) { ${name}(input: $input) { __typename
    ... on ${Name}Success { ${SELECTIONS[name]} } ${problem} ${problems} } }`
}

/** Calls a mutation and gives the whole answer. */
export function call(world: World, as: Who | null, name: string, input: object, headers?: Record<string, string>) {
  return world.ask(as, documentOf(name), { input }, headers)
}

/** Calls a mutation. An error is given as `{ __typename: 'Error', code }`. */
export async function perform(
  world: World,
  as: Who | null,
  name: string,
  input: object,
  headers?: Record<string, string>,
): Promise<Outcome> {
  return outcomeOf(await call(world, as, name, input, headers), name)
}

/** The outcome in an answer. */
export function outcomeOf({ data, errors }: Answer, name: string): Outcome {
  const code = errors?.[0]?.extensions['code']
  return code === undefined ? data[name] : { __typename: 'Error', code: String(code) }
}

/** The code of a problem or error; the type's name where it succeeded. */
export async function codeOf(outcome: Promise<Outcome>): Promise<string> {
  const { __typename, code } = await outcome
  return code ?? __typename
}

/** The local part of a global id: an account's UUID, or `account/id`. */
export const localId = (id: unknown) => Buffer.from(String(id), 'base64').toString().split(':')[1] ?? ''

/** Account and id of a tenant's record. */
export function keyOf(id: unknown): { accountId: string; id: string } {
  const [accountId = '', own = ''] = localId(id).split('/')
  return { accountId, id: own }
}

type Invited = { subject: { id: string }; invitationCode: string }

/** Invites a member into the demo's first account and takes the invitation up. */
export async function join(world: World, role: string, name = 'New Member'): Promise<{ who: Who; id: string }> {
  const email = `${fresh()}@aster.example`
  const invited = (await perform(world, 'subject', 'inviteMember', { name, email, role })) as unknown as Invited
  const who = await person(world, { email })
  const accepted = await perform(world, who, 'acceptInvitation', { code: invited.invitationCode })
  if (accepted.__typename !== 'AcceptInvitationSuccess') throw new Error(`the invitation: ${accepted.code}`)
  return { who, id: invited.subject.id }
}

/** An account of its own with an owner who has joined. */
export async function openAccount(world: World): Promise<{ owner: Who; accountId: string; ownerId: string }> {
  const email = `${fresh()}@owner.example`
  const created = (await perform(world, 'staff', 'createAccount', {
    name: 'Carina Care',
    country: 'FR',
    region: 'eu-west',
    owner: { name: 'Gael Petit', email },
  })) as unknown as { account: { id: string }; invitationCode: string }
  const owner = await person(world, { email })
  const accepted = await perform(world, owner, 'acceptInvitation', { code: created.invitationCode })
  if (accepted.__typename !== 'AcceptInvitationSuccess') throw new Error(`the invitation: ${accepted.code}`)
  return { owner, accountId: created.account.id, ownerId: String(accepted['subjectId']) }
}

/** Numbers of rows that mutations write, over all accounts that are named. */
export async function countRows(world: World, accountIds: readonly string[]): Promise<Record<string, number>> {
  const { db } = world.resources
  const counts: Record<string, number> = await db.worker(async (tx) => ({
    // What Staff is shown of an answer is written down with each answer, also with a repeated one.
    audit: await tx.auditEvent.count({ where: { kind: { not: 'subject.read_by_staff' } } }),
    outbox: await tx.outboxEvent.count(),
    jobs: await tx.job.count(),
  }))
  for (const accountId of accountIds) {
    const own = await db.read(systemSession(accountId), async (tx) => ({
      subjects: await tx.subject.count({ where: { accountId } }),
      invitations: await tx.invitation.count({ where: { accountId } }),
      links: await tx.identityLink.count({ where: { accountId } }),
      clients: await tx.apiClient.count({ where: { accountId } }),
      usage: await tx.usageEvent.count({ where: { accountId } }),
    }))
    for (const [table, count] of Object.entries(own)) counts[table] = (counts[table] ?? 0) + count
  }
  return counts
}

/** An inference as a gateway reports it. */
export const inference = (requestId: string, more: object = {}) => ({
  occurredAt: '2026-03-15T11:00:00.000Z',
  requestId,
  kind: 'INFERENCE',
  model: 'm/one',
  endpointKind: 'SERVERLESS',
  inputTokens: 100,
  outputTokens: 10,
  ...more,
})
