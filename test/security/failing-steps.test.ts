import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Scope } from '../../src/auth/permissions.ts'
import { digestTables, type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { rootFieldsOf } from '../schema/schema-walk.ts'
import { documentOf, inOrderOfLife, schema } from './documents.ts'
import { type Holdings, populate } from './populated.ts'
import { validVariables } from './valid-variables.ts'

let world: World
let owner: Owner
let statements: Statements
let own: Holdings

beforeAll(async () => {
  world = await openWorld()
  ;[own] = await populate(world)
  owner = await openOwnerOf(world.resources.db)
  statements = watchStatements()
})
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

/** What Staff was shown is noted when it is shown, which is after the write. */
const ONLY = { 'public.audit_event': "kind <> 'subject.read_by_staff'" }

const mutations = inOrderOfLife(
  rootFieldsOf(schema)
    .filter(({ operation }) => operation === 'mutation')
    .map(({ name, field }) => ({ name, scope: field.extensions['scope'] as Scope })),
  ({ name }) => name,
)

async function tokenFor({ name, scope }: { name: string; scope: Scope }): Promise<string> {
  const { tokens } = world.demo
  if (scope === 'usage:write' || scope === 'inventory:write') return tokens.gateway
  const ofStaff = ['platform-clients:manage', 'processors:manage', 'inventory:reconcile']
  if (/^(retention|approvals|holds):manage$/.test(scope)) return tokens.staff
  if (ofStaff.includes(scope) || name === 'createAccount') return tokens.staff
  if (scope !== 'identity:link') return tokens.subject
  const issuer = world.serving.demoIssuer
  return (await issuer?.issue({ sub: 'invited', scope, email: 'invited@subject.example' })) ?? ''
}

/**
 * Calls a mutation with its k-th statement failing, for k from 1 until the failing statement comes after the commit.
 * @returns how many statements of the write were made to fail, and how many of them changed a row
 */
async function failEachStep(mutation: { name: string; scope: Scope }): Promise<{ tried: number; changes: string[] }> {
  const token = await tokenFor(mutation)
  const valid = validVariables(own)[mutation.name] as { input: object }
  const variables = { input: { ...valid.input, idempotencyKey: `failing-${mutation.name}` } }
  const before = await digestTables(owner, ONLY)
  const changes: string[] = []
  for (let tried = 0; ; tried += 1) {
    statements.reset(tried + 1)
    const answer = await world.ask({ token }, documentOf(mutation.name), variables)
    const { committedWrites } = statements
    const failed = statements.seen.length === tried + 1
    statements.reset()
    const after = await digestTables(owner, ONLY)
    if (committedWrites > 0) {
      if (JSON.stringify(after) === JSON.stringify(before)) throw new Error(`${mutation.name} changes nothing`)
      return { tried, changes: [...changes, ...(await whatIsMissing(mutation.name, token, variables, after))] }
    }
    if (!failed) throw new Error(`${mutation.name} ended without a commit: ${JSON.stringify(answer)}`)
    if (answer.errors?.[0]?.extensions['code'] !== 'INTERNAL') changes.push(`statement ${tried + 1} is not told`)
    for (const [table, digest] of Object.entries(after))
      if (before[table] !== digest) changes.push(`statement ${tried + 1} changed ${table}`)
  }
}

/**
 * What the first commit had left out. The key of the call is taken by then, so that a repeat has nothing more to do,
 * unless the effect was spread over several transactions.
 */
async function whatIsMissing(name: string, token: string, variables: object, after: Record<string, string>) {
  const answer = await world.ask({ token }, documentOf(name), variables)
  if (answer.errors || 'code' in answer.data[name]) return [`a repeat is refused: ${JSON.stringify(answer)}`]
  const repeated = await digestTables(owner, ONLY)
  return Object.keys(repeated)
    .filter((table) => repeated[table] !== after[table])
    .map((table) => `${table} came later`)
}

test('whichever statement of a mutation fails, no row is changed', async () => {
  const figures: Record<string, number> = {}
  const changes: string[] = []
  for (const mutation of mutations) {
    const result = await failEachStep(mutation)
    figures[mutation.name] = result.tried
    changes.push(...result.changes.map((each) => `${mutation.name}: ${each}`))
  }
  expect(changes).toEqual([])
  expect(figures).toMatchInlineSnapshot(`
    {
      "acceptInvitation": 17,
      "addProcessor": 10,
      "approveRetentionRule": 15,
      "changeHoldReview": 11,
      "changeMemberRole": 12,
      "closeAccount": 12,
      "createAccount": 26,
      "createApiClient": 12,
      "createPlatformClient": 10,
      "createSubject": 21,
      "createWebhookEndpoint": 16,
      "deleteWebhookEndpoint": 11,
      "disableApiClient": 10,
      "disablePlatformClient": 10,
      "endProcessor": 10,
      "exportAudit": 10,
      "importFidesManifest": 16,
      "inviteMember": 20,
      "openUsageImport": 11,
      "placeHold": 14,
      "proposeRetentionRule": 9,
      "reconcileInventory": 11,
      "recordRecipient": 13,
      "recordUsage": 12,
      "redeliverWebhook": 13,
      "redeliverWebhooks": 12,
      "rejectApproval": 10,
      "releaseHold": 14,
      "removeMember": 20,
      "reopenAccount": 12,
      "rotateApiClientSecret": 12,
      "rotatePlatformClientSecret": 12,
      "rotateWebhookKeys": 14,
      "sendTestWebhook": 11,
      "setWebhookEndpointState": 11,
      "updateAccount": 12,
      "updateApiClient": 13,
      "updatePlatformClient": 13,
      "updateProcessor": 10,
      "updateSubject": 19,
      "updateWebhookEndpoint": 14,
      "withdrawApproval": 10,
    }
  `)
})
