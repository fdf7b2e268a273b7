import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Answer, openWorld, type World } from '../kit/world.ts'
import { decidedNames, decisionOn } from './canary-decisions.ts'
import { searchClearText } from './clear-text.ts'
import { documentOf, inOrderOfLife } from './documents.ts'
import { type Place, placeName, placesOf } from './input-places.ts'
import { type Holdings, populate } from './populated.ts'
import { usageEvent, validVariables, withValue } from './valid-variables.ts'

const ADDRESS = '198.51.100.213'
const TEXT_TYPES = ['String', 'ID', 'EmailAddress', 'CountryCode', 'DateTime']

let folder: string
let world: World
let owner: Owner
let own: Holdings

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'privacy-canary-'))
  world = await openWorld({ dataDir: folder })
  ;[own] = await populate(world)
  owner = await openOwnerOf(world.resources.db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

/** Places of text; an enum is closed by the schema, and a cursor or the size of a page is none of a mutation. */
const places = placesOf().filter(({ type }) => TEXT_TYPES.includes(type.name))

const inOrder = (list: Place[]) => inOrderOfLife(list, ({ root }) => root)

async function ask(place: Place, variables: unknown): Promise<Answer> {
  const { tokens } = world.demo
  const { scope, root } = place
  const document = documentOf(root)
  if (scope === 'usage:write' || scope === 'inventory:write') return world.ask('gateway', document, variables as object)
  const ofStaff = ['platform-clients:manage', 'processors:manage', 'inventory:reconcile']
  if (ofStaff.includes(scope) || root === 'createAccount') return world.ask('staff', document, variables as object)
  const email = 'invited@subject.example'
  const token =
    scope === 'identity:link' ? await world.serving.demoIssuer?.issue({ sub: 'invited', scope, email }) : tokens.subject
  return world.ask({ token: token ?? '' }, document, variables as object)
}

const newCanary = () => `canary${randomBytes(10).toString('hex')}`

/** The texts of an answer that may not repeat what was sent: errors, and problems of a mutation. */
function refusalOf({ errors, data }: Answer, root: string): string {
  const result = data?.[root]
  return JSON.stringify([errors ?? [], result && 'code' in result ? result : null])
}

/** Sends a canary through a place: once as the API takes it, once as it is refused. @returns what was answered */
async function send(place: Place, value: string): Promise<{ taken: Answer; refused: Answer }> {
  // A call that repeats a reference or an address is refused for that: each has its own.
  const unique = randomBytes(4).toString('hex')
  let variables: unknown = validVariables(own)[place.root]
  const fresh = { reference: `ref-${unique}`, email: `${unique}@mail.example`, requestId: unique }
  for (const other of places.filter(({ root }) => root === place.root))
    for (const [name, text] of Object.entries(fresh))
      if (other.name === name && place.operation === 'mutation') variables = withValue(variables, other.path, text)
  const taken = await ask(place, withValue(variables, place.path, value))
  const refused = await ask(place, withValue(variables, place.path, `${value} ${'\u0000é'.repeat(200)}`))
  return { taken, refused }
}

test('there is a decision on every text that a caller can send, and on nothing else', () => {
  for (const place of places) expect(decisionOn(place), placeName(place)).toBeDefined()
  const names = new Set(places.map(({ name }) => name))
  expect(decidedNames.filter((name) => !names.has(name))).toEqual([])
})

test('what a caller sends is found in clear in no file, log line or refusal', async ({ annotate }) => {
  const canaries: string[] = []
  const stored: string[] = []
  const open: string[] = []
  const refusals: string[] = []
  for (const place of inOrder(places)) {
    const decision = decisionOn(place)
    const canary = newCanary()
    canaries.push(canary)
    if ('published' in decision) {
      // Meant for everyone; what is outside its alphabet is refused, and a refusal does not repeat it.
      const refused = await ask(place, withValue(validVariables(own)[place.root], place.path, `<${canary}>`))
      const refusal = refusalOf(refused, place.root)
      refusals.push(refusal)
      if (refusal === '[[],null]') open.push(placeName(place))
      continue
    }
    if (!('canary' in decision)) {
      // What is closed takes no sentence, and does not repeat it either.
      const variables = withValue(validVariables(own)[place.root], place.path, `Ada ${canary} Byron`)
      const refusal = refusalOf(await ask(place, variables), place.root)
      refusals.push(refusal)
      if (place.operation === 'mutation' && refusal === '[[],null]') open.push(placeName(place))
      continue
    }
    const { taken, refused } = await send(place, decision.canary(canary))
    if (!taken.errors && !('code' in (taken.data?.[place.root] ?? {}))) stored.push(placeName(place))
    refusals.push(refusalOf(taken, place.root), refusalOf(refused, place.root))
  }
  const event = { ...usageEvent('canary-address'), ip: ADDRESS }
  await world.ask('gateway', documentOf('recordUsage'), { input: { accountId: own.accountId, events: [event] } })
  await world.runner.runDue()
  const needles = [...canaries, ADDRESS]
  const { hits, files, bytes, way } = await searchClearText(world, owner, needles)
  const heard = needles.filter((needle) => [...world.log, ...refusals].some((text) => text.includes(needle)))
  expect({ hits, heard, open }).toEqual({ hits: [], heard: [], open: [] })
  await annotate(`searched the ${way}: ${files} files, ${bytes} bytes, ${world.log.length} log lines`)
  // Where the server's files cannot be read, only the folder of keys is searched by file.
  expect(files).toBeGreaterThan(way === 'data directory' ? 100 : 0)
  expect(bytes).toBeGreaterThan(way === 'data directory' ? 1_000_000 : 100)
  expect(world.log.length).toBeGreaterThan(50)
  expect({ inputs: canaries.length, storedOf: stored }).toMatchInlineSnapshot(`
    {
      "inputs": 280,
      "storedOf": [
        "subjects.filter.email",
        "subjects.filter.reference",
        "acceptInvitation.input.idempotencyKey",
        "addProcessor.input.idempotencyKey",
        "changeMemberRole.input.idempotencyKey",
        "createAccount.input.idempotencyKey",
        "createAccount.input.name",
        "createAccount.input.owner.email",
        "createAccount.input.owner.name",
        "createApiClient.input.idempotencyKey",
        "createApiClient.input.label",
        "createPlatformClient.input.idempotencyKey",
        "createPlatformClient.input.label",
        "createSubject.input.email",
        "createSubject.input.idempotencyKey",
        "createSubject.input.name",
        "createSubject.input.reference",
        "createWebhookEndpoint.input.idempotencyKey",
        "createWebhookEndpoint.input.label",
        "createWebhookEndpoint.input.url",
        "exportAudit.input.idempotencyKey",
        "importFidesManifest.input.idempotencyKey",
        "importFidesManifest.input.yaml",
        "inviteMember.input.email",
        "inviteMember.input.idempotencyKey",
        "inviteMember.input.name",
        "openUsageImport.input.idempotencyKey",
        "reconcileInventory.input.idempotencyKey",
        "recordRecipient.input.idempotencyKey",
        "recordUsage.input.events.0.userAgent",
        "recordUsage.input.idempotencyKey",
        "redeliverWebhook.input.idempotencyKey",
        "redeliverWebhooks.input.idempotencyKey",
        "rotateApiClientSecret.input.idempotencyKey",
        "rotatePlatformClientSecret.input.idempotencyKey",
        "rotateWebhookKeys.input.idempotencyKey",
        "sendTestWebhook.input.idempotencyKey",
        "setWebhookEndpointState.input.idempotencyKey",
        "updateAccount.input.idempotencyKey",
        "updateAccount.input.name",
        "updateApiClient.input.idempotencyKey",
        "updateApiClient.input.label",
        "updatePlatformClient.input.idempotencyKey",
        "updatePlatformClient.input.label",
        "updateProcessor.input.idempotencyKey",
        "updateSubject.input.email",
        "updateSubject.input.idempotencyKey",
        "updateSubject.input.name",
        "updateSubject.input.reference",
        "updateWebhookEndpoint.input.idempotencyKey",
        "updateWebhookEndpoint.input.label",
        "updateWebhookEndpoint.input.url",
        "deleteWebhookEndpoint.input.idempotencyKey",
        "disableApiClient.input.idempotencyKey",
        "disablePlatformClient.input.idempotencyKey",
        "endProcessor.input.idempotencyKey",
        "removeMember.input.idempotencyKey",
        "closeAccount.input.idempotencyKey",
        "reopenAccount.input.idempotencyKey",
      ],
    }
  `)
})

test('a search can fail: text in a plain column is found in the table and in the write-ahead log', async () => {
  const planted = newCanary()
  await owner.query(`insert into oauth_state (kind, id, payload) values ('Planted', '${planted}', '{}') returning kind`)
  const { way, hits } = await searchClearText(world, owner, [planted])
  if (way === 'tables') return expect(hits).toEqual([`public.oauth_state: ${planted}`])
  expect(hits.some((hit) => /^[0-9A-F]{24}: /.test(hit))).toBe(true)
  expect(hits.some((hit) => /^[0-9]+: /.test(hit))).toBe(true)
})

test('encrypted text comes back to whom it belongs to, so that not finding it is no loss', async () => {
  const canary = newCanary()
  const input = { reference: canary, name: `Ada ${canary}` }
  const answer = await world.ask('subject', documentOf('createSubject'), { input })
  // The account may be closing by now; then the other one stands for it.
  const result = answer.data.createSubject.subject
    ? answer
    : await world.ask('otherSubject', documentOf('createSubject'), { input })
  expect(result.data.createSubject.subject.name).toBe(`Ada ${canary}`)
  expect((await searchClearText(world, owner, [canary])).hits).toEqual([])
})
