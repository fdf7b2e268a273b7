import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import type { Caller } from '../../src/db/caller.ts'
import type { Tx } from '../../src/db/database.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { openWorld, type World } from '../kit/world.ts'
import { rootFieldsOf } from '../schema/schema-walk.ts'
import { callersOf } from '../security/callers.ts'
import { documentOf, schema } from '../security/documents.ts'
import { type Holdings, populate } from '../security/populated.ts'
import { validVariables } from '../security/valid-variables.ts'
import { keyOf, localId, type Who } from './calls.ts'
import { type HoldAnswer, itemsOf, place, release } from './holds-kit.ts'
import { batchItem, recordItems } from './inventory-kit.ts'

let world: World
let own: Holdings
let callers: Awaited<ReturnType<typeof callersOf>>
let accountId: string
const as = (name: string): Who => ({ token: callers[name] ?? '' })

const OUTSIDE_STAFF = ['OWNER', 'ADMIN', 'MEMBER', 'INTEGRATION']
const OTHER_STAFF = ['STAFF SUPPORT', 'STAFF ENGINEER', 'STAFF SECURITY', 'STAFF AUDITOR']
const STATES = ['LIVE', 'HELD', 'RESTRICTED', 'ERASED', 'ANONYMISED']

beforeAll(async () => {
  world = await openWorld()
  ;[own] = await populate(world)
  callers = await callersOf(world)
  accountId = localId(world.ids.account)
  const { id: member } = keyOf(world.ids.member)
  await recordItems(world, accountId, [
    batchItem(accountId, member, { locator: 'object/1' }),
    batchItem(accountId, member, { locator: 'object/2' }),
  ])
  await world.resources.db.worker(
    (tx) => tx.inventoryItem.updateMany({ where: { accountId, locator: 'object/2' }, data: { state: 'RESTRICTED' } }),
    accountId,
  )
  // What the demo left to be done, so that nothing but holds changes below.
  await world.runner.runDue()
  const now = world.clock.now()
  await world.resources.db.worker(
    (tx) =>
      tx.inventoryItem.updateMany({
        where: { accountId, dueAt: { lte: now }, state: { in: ['LIVE', 'RESTRICTED'] } },
        data: { state: 'ANONYMISED', doneAt: now, attemptAt: null },
      }),
    accountId,
  )
  // Whatever a hold writes now has another time than what was there.
  world.clock.move(60)
})
afterAll(() => world.close())

const itemId = async (locator: string) => {
  const [item] = await itemsOf(world, accountId, { locator })
  return globalId('InventoryItem', tenantKey({ accountId, id: item?.id ?? '' }))
}

const NODE = `query($id: ID!) { node(id: $id) { ... on InventoryItem { state stateChangedAt keptUntil hold { since reviewOn } } } }`
const READS = rootFieldsOf(schema).filter(({ operation }) => operation === 'query')

/** What a caller is answered to every read, with everything below it, and to every question about a state. */
async function everything(who: Who, but: readonly string[]): Promise<Record<string, string>> {
  const answers: Record<string, string> = {}
  const variables = validVariables(own)
  const ask = async (name: string, document: string, given: object) => {
    const { data, errors } = await world.ask(who, document, given)
    const answer = JSON.stringify([data, errors?.map(({ extensions }) => extensions['code'])])
    // When a client was last used is written down a while after it.
    answers[name] = answer.replaceAll(/"(lastUsedAt|resetsAt)":[^,}]*|"remaining":\d+/g, '')
  }
  for (const { name } of READS.filter((read) => !but.includes(read.name)))
    await ask(name, documentOf(name, { of: 'query', nestedFirst: 3 }), variables[name] ?? {})
  for (const locator of ['object/1', 'object/2']) await ask(`node ${locator}`, NODE, { id: await itemId(locator) })
  for (const state of STATES) {
    const filter = { state }
    for (const name of ['inventoryItems', 'inventoryCounts'])
      for (const groupBy of name === 'inventoryItems' ? [''] : ['STATE', 'CATEGORY', 'SYSTEM', 'PURPOSE', 'ACCOUNT'])
        await ask(`${name} ${state} ${groupBy}`, documentOf(name, { of: 'query' }), { filter, groupBy })
  }
  for (const state of ['RUNNING', 'HELD', 'DUE', 'FAILED', 'DONE'])
    await ask(`retentionTimers ${state}`, documentOf('retentionTimers', { of: 'query' }), {
      filter: { states: [state] },
    })
  const status = { accountId: world.ids.account, periodDays: 30 }
  await ask('retentionStatus of the account', documentOf('retentionStatus', { of: 'query' }), status)
  return answers
}

/** Confidential holds of every scope, over everything that the member has and the account holds. */
async function placeAll(): Promise<HoldAnswer[]> {
  const targets = [
    { itemId: await itemId('object/1') },
    { subjectId: world.ids.member, category: 'CONTENT_BATCH' },
    { subjectId: world.ids.member },
    { accountId: world.ids.account },
  ]
  const placed: HoldAnswer[] = []
  for (const target of targets) placed.push(await place(world, { ...target, confidential: true }))
  return placed
}

/** The questions that were answered differently. */
const differing = (after: Record<string, string>, before: Record<string, string>) =>
  [...new Set([...Object.keys(after), ...Object.keys(before)])].filter((key) => after[key] !== before[key])

// The quota counts requests; what Staff reads of persons is written down, and the audit shows it to Staff.
const COUNTED = ['viewer']

test('a hold that is not confidential is seen in what is compared below', async () => {
  const before = await everything(as('OWNER'), COUNTED)
  const { id } = await place(world, { accountId: world.ids.account })
  const told = differing(await everything(as('OWNER'), COUNTED), before)
  await release(world, id)
  for (const question of [
    'inventoryItems',
    'node object/1',
    'node object/2',
    'inventoryItems HELD ',
    'inventoryCounts HELD STATE',
    'retentionTimers HELD',
    'retentionTimers RUNNING',
    'retentionStatus of the account',
  ])
    expect(told).toContain(question)
})

describe('of confidential holds of every scope nothing is told', () => {
  test.each(OUTSIDE_STAFF)('to %s, by any read, filter or count', async (name) => {
    const before = await everything(as(name), COUNTED)
    expect(Object.keys(before).length).toBeGreaterThan(50)
    expect(Object.values(before).filter((answer) => answer.includes('"LIVE')).length).toBeGreaterThan(1)
    const placed = await placeAll()
    const after = await everything(as(name), COUNTED)
    for (const { id } of placed) await release(world, id)
    expect(differing(after, before)).toEqual([])
    expect(differing(await everything(as(name), COUNTED), before)).toEqual([])
  })

  test.each(OTHER_STAFF)('to %s, whose reads alone are audited', async (name) => {
    const but = [...COUNTED, 'auditEvents', 'nodes']
    const before = await everything(as(name), but)
    const placed = await placeAll()
    const after = await everything(as(name), but)
    for (const { id } of placed) await release(world, id)
    expect(differing(after, before)).toEqual([])
  })
})

test('one hold that is not confidential is told where several are, and no more than that it is there', async () => {
  const [account] = [await place(world, { accountId: world.ids.account, confidential: true })]
  world.clock.move(60)
  const since = world.clock.now().toISOString()
  const person = await place(world, { subjectId: world.ids.member, reviewOn: '2026-12-01' })
  world.clock.move(60)
  const category = await place(world, {
    subjectId: world.ids.member,
    category: 'CONTENT_BATCH',
    reviewOn: '2026-10-01',
  })
  const query = `query($id: ID!) { node(id: $id) { ... on InventoryItem { state stateChangedAt hold { since reviewOn } } } }`
  const shown = async (who: Who, locator = 'object/2') =>
    (await world.ask(who, query, { id: await itemId(locator) })).data.node
  const told = { state: 'HELD', stateChangedAt: since, hold: { since, reviewOn: '2026-10-01' } }
  for (const name of [...OUTSIDE_STAFF, 'STAFF SUPPORT']) expect([name, await shown(as(name))]).toEqual([name, told])
  const keeper = await shown('staff')
  expect(keeper).toMatchObject({ state: 'HELD', hold: { reviewOn: '2026-09-15' } })
  expect(keeper.hold.since < since).toBe(true)
  world.clock.move(60)
  const releasedAt = world.clock.now().toISOString()
  await release(world, person.id)
  expect(await shown(as('MEMBER'))).toMatchObject({ state: 'HELD', hold: { reviewOn: '2026-10-01' } })
  await release(world, category.id)
  expect(await shown(as('MEMBER'))).toEqual({ state: 'RESTRICTED', stateChangedAt: releasedAt, hold: null })
  expect(await shown('staff')).toMatchObject({ state: 'HELD', hold: { reviewOn: '2026-09-15' } })
  world.clock.move(60)
  await release(world, account?.id ?? '')
  expect(await shown(as('MEMBER'))).toEqual({ state: 'RESTRICTED', stateChangedAt: releasedAt, hold: null })
  expect(await shown('staff')).toEqual({ state: 'RESTRICTED', stateChangedAt: releasedAt, hold: null })
})

test('a person is told of a hold on one of its items, and on its account', async () => {
  const query = '{ inventoryItems { edges { node { locator state hold { reviewOn } } } } }'
  const held = async (name: string) =>
    (await world.ask(as(name), query, {})).data.inventoryItems.edges
      .map(({ node }: { node: { locator: string; state: string; hold: unknown } }) => node)
      .filter(({ state, hold }: { state: string; hold: unknown }) => state === 'HELD' && hold !== null)
      .map(({ locator }: { locator: string }) => locator)
  const item = await place(world, { itemId: await itemId('object/1') })
  expect(await held('MEMBER')).toEqual(['object/1'])
  expect(await held('END_USER')).toEqual([])
  await release(world, item.id)
  const account = await place(world, { accountId: world.ids.account })
  expect(await held('MEMBER')).toContain('object/2')
  expect(await held('END_USER')).toContain('subject')
  await release(world, account.id)
  expect(await held('MEMBER')).toEqual([])
})

describe('the second wall', () => {
  const { SELF, ACCOUNT } = { SELF: 'SELF', ACCOUNT: 'ACCOUNT' } as const
  const caller = (more: Partial<Caller>): Caller => ({ ...systemSession(accountId), principal: 'SUBJECT', ...more })
  /** Of these holds, the scopes of those that the database shows. */
  const seen = (who: Caller, holds: readonly HoldAnswer[]) =>
    world.resources.db.read(who, async (tx: Tx) => {
      const rows = await tx.legalHold.findMany({ where: { id: { in: holds.map(({ id }) => keyOf(id).id) } } })
      return rows.map(({ scope }) => scope).sort()
    })

  test('shows owners and persons the holds that concern them and are not confidential, others none', async () => {
    const { id: member } = keyOf(world.ids.member)
    const { id: endUser } = keyOf(world.ids.endUser)
    const placed: HoldAnswer[] = await placeAll()
    const callers = {
      owner: caller({ reach: ACCOUNT, subjectId: keyOf(world.ids.owner).id }),
      member: caller({ reach: SELF, subjectId: member }),
      endUser: caller({ reach: SELF, subjectId: endUser }),
      integration: caller({ principal: 'INTEGRATION', reach: ACCOUNT, subjectId: null }),
      gateway: caller({ principal: 'GATEWAY', reach: 'NONE', subjectId: null }),
      elsewhere: caller({ accountId: localId(world.ids.otherAccount), reach: ACCOUNT }),
      support: caller({ principal: 'STAFF', accountId: null, reach: 'NONE', scopes: new Set(['inventory:read']) }),
      auditor: caller({ principal: 'STAFF', accountId: null, reach: 'NONE', scopes: new Set(['audit:read']) }),
      keeper: caller({ principal: 'STAFF', accountId: null, reach: 'NONE', scopes: new Set(['holds:manage']) }),
    }
    const answer = async (holds: readonly HoldAnswer[]) => {
      const answers: Record<string, string[]> = {}
      for (const [name, who] of Object.entries(callers)) answers[name] = await seen(who, holds)
      return answers
    }
    const nothing = {
      owner: [],
      member: [],
      endUser: [],
      integration: [],
      gateway: [],
      elsewhere: [],
      support: [],
      auditor: [],
    }
    const all = ['ACCOUNT', 'CATEGORY', 'ITEM', 'SUBJECT']
    expect(await answer(placed)).toEqual({ ...nothing, keeper: all })
    for (const { id } of placed) await release(world, id)
    const told = [
      await place(world, { itemId: await itemId('object/1') }),
      await place(world, { subjectId: world.ids.member, category: 'CONTENT_BATCH' }),
      await place(world, { subjectId: world.ids.member }),
      await place(world, { accountId: world.ids.account }),
    ]
    expect(await answer(told)).toEqual({
      ...nothing,
      ...{ owner: all, member: all, integration: all, support: all, keeper: all },
      endUser: ['ACCOUNT'],
    })
    for (const { id } of told) await release(world, id)
  })

  test('lets nobody but Staff with holds:manage write a hold, and none be deleted', async () => {
    const row = await place(world, { accountId: world.ids.account })
    const { id } = keyOf(row.id)
    const attempts: readonly (readonly [Caller, (tx: Tx) => Promise<unknown>])[] = (
      [
        caller({ reach: ACCOUNT, subjectId: keyOf(world.ids.owner).id }),
        caller({ principal: 'STAFF', reach: 'NONE', scopes: new Set(['inventory:read', 'retention:manage']) }),
        systemSession(accountId),
      ] as Caller[]
    ).flatMap((who) => [
      [who, (tx: Tx) => tx.legalHold.updateMany({ where: { id }, data: { confidential: true } })] as const,
      [who, (tx: Tx) => tx.$executeRaw`delete from legal_hold where id = ${id}::uuid`] as const,
    ])
    for (const [who, attempt] of attempts)
      await world.resources.db.read(who, attempt).then(
        (done) => expect([0, { count: 0 }]).toContainEqual(done),
        (error: Error) => expect(error.message).toMatch(/42501|permission denied|row-level security/),
      )
    expect(await world.resources.db.worker((tx) => tx.legalHold.count({ where: { id, confidential: false } }))).toBe(1)
    await release(world, row.id)
  })
})
