import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Scope } from '../../src/auth/permissions.ts'
import { matrixColumns } from '../../src/cli/docs/authorization-page.ts'
import { type Answer, openWorld, type World } from '../kit/world.ts'
import { notEmpty, rootFieldsOf } from '../schema/schema-walk.ts'
import { type Callers, callersOf } from './callers.ts'
import { documentOf, schema } from './documents.ts'
import { type Place, placeName, placesOf } from './input-places.ts'
import { type Holdings, missingId, populate, secretsOf } from './populated.ts'
import { validVariables, withValue } from './valid-variables.ts'

/** Thousands of requests: more than the usual time on a machine with other work. */
vi.setConfig({ testTimeout: 180_000 })

let world: World
let callers: Callers
let own: Holdings
let foreign: Holdings
let secrets: string[]

beforeAll(async () => {
  world = await openWorld()
  ;[own, foreign] = await populate(world)
  callers = await callersOf(world)
  secrets = secretsOf(foreign)
  if (secrets.length < 6) throw new Error('there is nothing that could leak')
})
afterAll(() => world.close())

const columns = new Map(matrixColumns().map(({ name, scopes }) => [name, scopes]))
const isOpen = (caller: string, scope: string) => columns.get(caller)?.has(scope as Scope) ?? false

const PLATFORM_ONLY = ['disablePlatformClient', 'updatePlatformClient', 'rotatePlatformClientSecret']

/** Where a caller reaches another account by right, so that its answer is none of a leak. */
function byRight(caller: string, { root, operation, name }: Place): boolean {
  if (caller.startsWith('STAFF')) return operation === 'query' || !PLATFORM_ONLY.includes(root)
  // A gateway names the account that it records usage of.
  return caller === 'GATEWAY' && name === 'accountId'
}

/** The request id of a usage event is the gateway's own word. */
const isIdLike = ({ name, type }: Place) =>
  type.name === 'ID' ||
  (/(^id$|Ids?$)/.test(name) && name !== 'requestId') ||
  ['code', 'after', 'before'].includes(name)

function ask(caller: string, root: string, variables: unknown, headers?: Record<string, string>): Promise<Answer> {
  const token = callers[caller]
  return world.ask(token ? { token } : null, documentOf(root), variables as object, headers)
}

/** An answer as bytes, without the id of its request and of the job that it made, and without what counts requests. */
function textOf({ status, data, errors }: Answer): string {
  const told = errors?.map(({ extensions: { requestId: _, ...rest }, ...error }) => ({ ...error, ...rest }))
  return JSON.stringify({ status, data, errors: told })
    .replaceAll(/"Sm9iO[A-Za-z0-9+/=]+"/g, '"(a job)"')
    .replaceAll(/"quota":\{[^{}]*\}/g, '"quota":"(counted)"')
}

/** What an answer shows of the other account. A processor is told, in its own feed, whose data it received. */
function leaks(answer: Answer, caller?: string, root?: string): string[] {
  const text = JSON.stringify(answer)
  const isFeed = caller === 'PROCESSOR' && root === 'events'
  const account = [foreign.accountId, Buffer.from(foreign.accountId, 'base64').toString().slice('Account:'.length)]
  return secrets.filter((secret) => text.includes(secret) && !(isFeed && account.includes(secret)))
}

/** Pairs of a value of the other account and one of the same form that nobody has. */
function twins({ name }: Place): [foreign: string, missing: string][] {
  if (name === 'code')
    return [[foreign.invitationCode, Buffer.from(randomUUID().repeat(2).slice(0, 64)).toString('base64url')]]
  if (name === 'after' || name === 'before') return foreign.cursors.map((cursor) => [cursor, missingCursor(cursor)])
  const account = Buffer.from(foreign.accountId, 'base64').toString().slice('Account:'.length)
  const [subject = ''] = foreign.subjectIds
  if (name === 'actorId') return [[uuidOf(subject), randomUUID()]]
  return [
    [foreign.accountId, missingId('Account', '', randomUUID())],
    [subject, missingId('Subject', account, randomUUID())],
    [subject, missingId('Subject', randomUUID(), randomUUID())],
    [foreign.apiClientId, missingId('ApiClient', account, randomUUID())],
    [foreign.jobId, missingId('Job', account, randomUUID())],
    [foreign.auditEventIds[0] ?? '', missingId('AuditEvent', account, randomUUID())],
    [foreign.inventoryItemIds[0] ?? '', missingId('InventoryItem', account, randomUUID())],
    [foreign.systemId, missingId('System', account, randomUUID())],
    [foreign.datasetId, missingId('Dataset', account, randomUUID())],
    [foreign.webhookEndpointId, missingId('WebhookEndpoint', account, randomUUID())],
    [foreign.webhookDeliveryId, missingId('WebhookDelivery', account, randomUUID())],
  ]
}

const uuidOf = (globalId: string) => Buffer.from(globalId, 'base64').toString().split('/')[1] ?? ''
const missingCursor = (cursor: string) =>
  Buffer.from(
    Buffer.from(cursor, 'base64')
      .toString()
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, () => randomUUID()),
  ).toString('base64')

const MALFORMED = ['', 'x', "' or 1=1 --", 'QWNjb3VudDo=', '0199aa00-0000-7000-8000-000200000001']

const places = notEmpty(placesOf().filter(isIdLike))

/** Tries one place as one caller. @returns what went wrong, and how many calls it made */
async function probe(caller: string, place: Place): Promise<{ tried: number; wrong: string[] }> {
  const at = `${caller} ${placeName(place)}`
  const variables = validVariables(own)[place.root]
  const send = (value: string) => ask(caller, place.root, withValue(variables, place.path, value))
  const open = isOpen(caller, place.scope)
  const pairs = open ? twins(place) : twins(place).slice(0, 1)
  const wrong: string[] = []
  let tried = 0
  for (const [theirs, nobodys] of pairs) {
    const [answer, twin] = [await send(theirs), await send(nobodys)]
    tried += 2
    const shown = leaks(answer, caller, place.root)
    if (shown.length > 0) wrong.push(`${at}: shows ${shown[0]}`)
    if (textOf(answer) !== textOf(twin)) wrong.push(`${at}: ${textOf(answer)} is not ${textOf(twin)}`)
  }
  for (const value of open ? MALFORMED : []) {
    const answer = await send(value)
    tried += 1
    const shown = leaks(answer, caller, place.root)
    if (shown.length > 0) wrong.push(`${at}: shows ${shown[0]} for a malformed value`)
    if (answer.errors?.some(({ extensions }) => extensions['code'] === 'INTERNAL'))
      wrong.push(`${at}: breaks at ${value}`)
  }
  return { tried, wrong }
}

async function probeAll(operation: Place['operation']) {
  const total = { tried: 0, byRight: 0 }
  const wrong: string[] = []
  for (const place of places.filter((each) => each.operation === operation))
    for (const caller of Object.keys(callers)) {
      if (isOpen(caller, place.scope) && byRight(caller, place)) {
        total.byRight += 1
        continue
      }
      const result = await probe(caller, place)
      total.tried += result.tried
      wrong.push(...result.wrong)
    }
  return { ...total, wrong, leaked: wrong.length }
}

test('every root field has variables to begin from', () => {
  expect(Object.keys(validVariables(own)).sort()).toEqual(
    [...new Set(rootFieldsOf(schema).map(({ name }) => name))].sort(),
  )
})

test('a query answers for an id of another tenant as for none, byte by byte', async () => {
  const { wrong, ...figures } = await probeAll('query')
  expect(wrong).toEqual([])
  expect(figures).toMatchInlineSnapshot(`
    {
      "byRight": 220,
      "leaked": 0,
      "tried": 9112,
    }
  `)
})

test('a mutation answers for an id of another tenant as for none, byte by byte', async () => {
  const { wrong, ...figures } = await probeAll('mutation')
  expect(wrong).toEqual([])
  expect(figures).toMatchInlineSnapshot(`
    {
      "byRight": 29,
      "leaked": 0,
      "tried": 2660,
    }
  `)
})

test('whatever hangs below its own rows, a caller of one account meets no row of another', async () => {
  let tried = 0
  for (const { name, operation } of rootFieldsOf(schema)) {
    if (operation !== 'query') continue
    for (const caller of Object.keys(callers).filter((each) => !each.startsWith('STAFF'))) {
      expect({ caller, name, leaks: leaks(await ask(caller, name, validVariables(own)[name]), caller, name) }).toEqual({
        caller,
        name,
        leaks: [],
      })
      tried += 1
    }
  }
  expect(tried).toBe(297)
})

test('a probe can fail: Staff by right is shown what would be a leak to others', async () => {
  expect(leaks(await ask('STAFF PRIVACY_OFFICER', 'account', { id: foreign.accountId }))).not.toEqual([])
})

test('naming another account in X-Account-Id is answered as naming none that exists', async () => {
  let tried = 0
  for (const caller of Object.keys(callers).filter((each) => !each.startsWith('STAFF')))
    for (const name of ['viewer', 'accounts', 'subjects', 'usageEvents', 'auditEvents']) {
      const theirs = await ask(caller, name, {}, { 'x-account-id': foreign.accountId })
      const nobodys = await ask(caller, name, {}, { 'x-account-id': missingId('Account', '', randomUUID()) })
      expect(leaks(theirs)).toEqual([])
      expect(textOf(theirs)).toBe(textOf(nobodys))
      tried += 1
    }
  expect(tried).toBe(45)
})

test("an idempotency key of another account's caller opens nothing of that account", async () => {
  const input = { reference: 'made-otherSubject', name: 'Made Person', idempotencyKey: 'populate-otherSubject' }
  const answer = await ask('OWNER', 'createSubject', { input })
  expect(answer.data.createSubject.subject.accountId).toBe(own.accountId)
  expect(leaks(answer)).toEqual([])
})

test("Staff cannot disable a customer's own client as if it were the platform's", async () => {
  const answer = await ask('STAFF PRIVACY_OFFICER', 'disablePlatformClient', {
    input: { apiClientId: foreign.apiClientId },
  })
  expect(answer.data.disablePlatformClient.code).toBe('NOT_AVAILABLE')
})
