import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId } from '../../src/schema/global-id.ts'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import type { Who } from './calls.ts'
import { type Filled, fillInventory } from './inventory-kit.ts'

let world: World
let filled: Filled
let callers: Awaited<ReturnType<typeof callersOf>>
const as = (name: string): Who => ({ token: callers[name] ?? '' })

beforeAll(async () => {
  world = await openWorld()
  filled = await fillInventory(world)
  callers = await callersOf(world)
})
afterAll(() => world.close())

const COUNTS = `query($by: InventoryGroup!, $filter: InventoryCountFilter, $first: Int, $after: String) {
  inventoryCounts(groupBy: $by, filter: $filter, first: $first, after: $after) {
    pageInfo { hasNextPage hasPreviousPage endCursor } edges { node { key items subjects } } } }`

type Group = { key: string; items: number; subjects: number }

async function counts(who: Who, by: string, filter: object = {}): Promise<string[]> {
  const { data, errors } = await world.ask(who, COUNTS, { by, filter })
  if (errors) return [String(errors[0]?.extensions['code'])]
  return data.inventoryCounts.edges.map(({ node }: { node: Group }) => `${node.key} ${node.items} ${node.subjects}`)
}

describe('items and persons of an account', () => {
  test.each([
    ['CATEGORY', ['ACCOUNT 7 4', 'CONTENT_BATCH 1 1', 'SECURITY 1 1', 'USAGE 2 1']],
    ['SYSTEM', ['accounts 7 4', 'batch 1 1', 'usage 3 1']],
    ['STATE', ['HELD 1 1', 'LIVE 10 4']],
    [
      'PURPOSE',
      [
        'AUTHENTICATION 4 2',
        'FRAUD_PREVENTION 1 1',
        'PAYMENT_PROCESSING 2 1',
        'RIGHTS_FULFILMENT 2 2',
        'SECURITY 1 1',
        'SERVICE_NOTIFICATIONS 2 2',
        'SERVICE_PROVISION 8 4',
        'USAGE_REPORTING 2 1',
      ],
    ],
  ])('are counted by %s, an item with two purposes in both', async (by, groups) => {
    for (const who of [as('OWNER'), as('ADMIN'), as('INTEGRATION')]) expect(await counts(who, by)).toEqual(groups)
  })

  test('are counted by account', async () => {
    expect(await counts('subject', 'ACCOUNT')).toEqual([`${world.ids.account} 11 4`])
  })

  test.each<[string, object, string[]]>([
    ['category', { category: 'USAGE' }, ['usage 2 1']],
    ['system', { system: 'usage' }, ['usage 3 1']],
    ['purpose', { purpose: 'AUTHENTICATION' }, ['accounts 4 2']],
    ['legal basis', { legalBasis: 'LEGITIMATE_INTERESTS' }, ['usage 1 1']],
    ['state', { state: 'HELD' }, ['batch 1 1']],
    ['begin of collection', { collectedFrom: '2026-03-01T00:00:00.001Z' }, ['accounts 7 4', 'batch 1 1']],
    ['end of collection', { collectedTo: '2026-03-01T00:00:00.000Z' }, ['usage 2 1']],
    ['nothing that there is', { state: 'ERASED' }, []],
  ])('are narrowed by %s', async (_by, filter, groups) => {
    expect(await counts('subject', 'SYSTEM', filter)).toEqual(groups)
  })

  test('are narrowed by who received them', async () => {
    expect(await counts('subject', 'SYSTEM', { processorId: filled.cloud })).toEqual(['batch 1 1', 'usage 1 1'])
    expect(await counts('subject', 'SYSTEM', { processorId: filled.billing })).toEqual(['usage 1 1'])
  })

  test('are no way to another account', async () => {
    expect(await counts('subject', 'SYSTEM', { accountId: world.ids.otherAccount })).toEqual([])
    expect(await counts('otherSubject', 'ACCOUNT')).toEqual([`${world.ids.otherAccount} 5 2`])
  })
})

describe('items of all accounts', () => {
  test.each(['PRIVACY_OFFICER', 'ENGINEER', 'SECURITY', 'AUDITOR'])('are counted for %s', async (role) => {
    expect(await counts(as(`STAFF ${role}`), 'ACCOUNT')).toEqual([
      `${globalId('Account', PLATFORM_ACCOUNT_ID)} 1 0`,
      `${world.ids.account} 11 4`,
      `${world.ids.otherAccount} 5 2`,
    ])
    expect(await counts(as(`STAFF ${role}`), 'SYSTEM', { accountId: world.ids.otherAccount })).toEqual([
      'accounts 4 2',
      'usage 1 1',
    ])
  })

  test.each(['STAFF SUPPORT', 'MEMBER', 'END_USER', 'PROCESSOR', 'GATEWAY'])('are not counted for %s', async (name) => {
    expect(await counts(as(name), 'CATEGORY')).toEqual(['FORBIDDEN'])
  })

  test('cannot be narrowed to a person', async () => {
    for (const filter of [{ subjectId: world.ids.member }, { locator: 'subject' }])
      expect(await counts(as('STAFF AUDITOR'), 'CATEGORY', filter)).toEqual(['BAD_USER_INPUT'])
  })
})

test('groups come in pages of any size, each once', async () => {
  for (const first of [1, 3, 8]) {
    const keys: string[] = []
    for (let after: string | null = null; ; ) {
      const { data } = await world.ask('subject', COUNTS, { by: 'PURPOSE', first, after })
      const { edges, pageInfo } = data.inventoryCounts as {
        edges: { node: Group }[]
        pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string }
      }
      expect(pageInfo.hasPreviousPage).toBe(after !== null)
      keys.push(...edges.map(({ node }) => node.key))
      after = pageInfo.endCursor
      if (!pageInfo.hasNextPage) break
    }
    expect([keys.length, new Set(keys).size]).toEqual([8, 8])
  }
})

test.each([
  { after: 'not-a-cursor' },
  { after: Buffer.from("' or 1=1").toString('base64url') },
  { first: 0 },
  { first: 501 },
])('%j is refused in words', async (page) => {
  const { errors } = await world.ask('subject', COUNTS, { by: 'SYSTEM', ...page })
  expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
})

test('categories and purposes are open to everyone, in the language of the caller', async () => {
  const query = `{ dataCategories { key name retention { trigger period action state } } purposes { key name legalBasis { article } } }`
  const { data, errors } = await world.ask(null, query, undefined, { 'accept-language': 'de' })
  expect(errors).toBeUndefined()
  expect(data.dataCategories).toHaveLength(9)
  expect(data.purposes).toHaveLength(11)
  expect(data.dataCategories[2]).toEqual({
    key: 'CONTENT_BATCH',
    name: 'Inhalte der Stapelverarbeitung',
    retention: [
      { trigger: 'CREATED', period: 'P30D', action: 'SHRED', state: 'IN_EFFECT' },
      { trigger: 'DELIVERED', period: 'P1D', action: 'SHRED', state: 'IN_EFFECT' },
      { trigger: 'ACCOUNT_CLOSED', period: 'P30D', action: 'SHRED', state: 'IN_EFFECT' },
    ],
  })
  expect(data.purposes[3]).toEqual({
    key: 'SECURITY',
    name: 'Sicherheit',
    legalBasis: { article: 'GDPR Art. 6(1)(f)' },
  })
})
