import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import { keyOf, localId, type Who } from './calls.ts'
import { addProcessor, type Filled, fillInventory } from './inventory-kit.ts'

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

const LIST = `query($filter: InventoryFilter, $first: Int, $after: String) {
  inventoryItems(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { id accountId subjectId system locator } } } }`

type Place = { id: string; accountId: string; subjectId: string | null; system: string; locator: string }

/** The places of all items of a filter, in order of their words. */
async function places(who: Who, filter: object = {}): Promise<string[]> {
  const { data, errors } = await world.ask(who, LIST, { filter, first: 100 })
  if (errors) return [String(errors[0]?.extensions['code'])]
  const found = data.inventoryItems.edges.map(({ node }: { node: Place }) => `${node.system} ${node.locator}`)
  expect(data.inventoryItems.totalCount).toBe(found.length)
  return found.toSorted()
}

const ALL = [
  'accounts account',
  'accounts identity_link',
  'accounts identity_link',
  'accounts subject',
  'accounts subject',
  'accounts subject',
  'accounts subject',
  'batch object/1',
  'usage usage_event/2026-02',
  'usage usage_event/2026-02',
  'usage usage_event/2026-03',
]
const OF_MEMBER = [
  'accounts identity_link',
  'accounts subject',
  'usage usage_event/2026-02',
  'usage usage_event/2026-03',
]

describe('a person sees of itself', () => {
  const OWN = `query($filter: InventoryFilter) { inventoryItems(filter: $filter) { edges { node {
    category { key name description fideslangKeys dpvTerms sensitivity clause } system locator
    purposes { key name fideslangKey dpvTerm } legalBasis { key name article dpvTerm } collectedAt state
    retention { description trigger period action clause source } keptUntil
    recipients { edges { node { processor { name country role } purpose { key name } firstAt lastAt } } } } } } }`

  test('what is held, why, on which ground, how long, and who received it', async () => {
    const { data, errors } = await world.ask(as('MEMBER'), OWN, { filter: { category: 'USAGE' } })
    expect(errors).toBeUndefined()
    const recipient = (name: string, firstAt: string, purpose: object) => ({
      node: {
        processor: { name, country: 'IE', role: 'PROCESSOR' },
        purpose,
        firstAt,
        lastAt: '2026-03-03T00:00:00.000Z',
      },
    })
    expect(data.inventoryItems.edges).toEqual([
      {
        node: {
          category: {
            key: 'USAGE',
            name: 'Usage data',
            description: 'Which requests were made, when and from what kind of device; never content.',
            fideslangKeys: [
              'user.behavior',
              'user.behavior.browsing_history',
              'user.device',
              'user.device.ip_address',
              'user.device.telemetry',
            ],
            dpvTerms: ['pd:ServiceConsumptionBehaviour', 'pd:BrowsingBehaviour', 'pd:IPAddress', 'pd:UserAgent'],
            sensitivity: 'PERSONAL',
            clause: '§1.4',
          },
          system: 'usage',
          locator: 'usage_event/2026-02',
          purposes: [
            {
              key: 'SERVICE_PROVISION',
              name: 'Running the service',
              fideslangKey: 'essential.service',
              dpvTerm: 'dpv:ServiceProvision',
            },
            {
              key: 'PAYMENT_PROCESSING',
              name: 'Payment',
              fideslangKey: 'essential.service.payment_processing',
              dpvTerm: 'dpv:PaymentManagement',
            },
            {
              key: 'USAGE_REPORTING',
              name: 'Reports of usage',
              fideslangKey: 'analytics.reporting',
              dpvTerm: 'dpv:ServiceUsageAnalytics',
            },
          ],
          legalBasis: { key: 'CONTRACT', name: 'Contract', article: 'GDPR Art. 6(1)(b)', dpvTerm: 'eu-gdpr:A6-1-b' },
          collectedAt: '2026-02-09T10:00:00.000Z',
          state: 'LIVE',
          retention: {
            description: 'Kept for 13 months; then only sums remain that name nobody.',
            trigger: 'CREATED',
            period: 'P13M',
            action: 'DROP_PARTITION',
            clause: '§7.4',
            source: 'setting of the operator; the policy, §7.4, names no number',
          },
          keptUntil: '2027-03-01T00:00:00.000Z',
          recipients: {
            edges: [
              recipient('Kite Cloud', '2026-03-02T00:00:00.000Z', {
                key: 'SERVICE_PROVISION',
                name: 'Running the service',
              }),
              recipient('Brook Billing', '2026-03-02T12:00:00.000Z', { key: 'PAYMENT_PROCESSING', name: 'Payment' }),
            ],
          },
        },
      },
    ])
  })

  test('no end where nothing has started the period', async () => {
    const { data } = await world.ask(as('MEMBER'), OWN, { filter: { locator: 'subject' } })
    const [{ node }] = data.inventoryItems.edges
    expect([node.retention.trigger, node.retention.period, node.keptUntil]).toEqual(['ACCOUNT_CLOSED', 'P30D', null])
  })

  test('its items below itself as well, and nobody else its own', async () => {
    const query = `query($id: ID!) { subject(id: $id) { inventory(first: 2) { pageInfo { hasNextPage }
      edges { node { subjectId } } } } }`
    const { data } = await world.ask(as('MEMBER'), query, { id: world.ids.member })
    const { edges, pageInfo } = data.subject.inventory
    expect(edges.map(({ node }: { node: Place }) => node.subjectId)).toEqual([world.ids.member, world.ids.member])
    expect(pageInfo.hasNextPage).toBe(true)
    expect((await world.ask(as('MEMBER'), query, { id: world.ids.endUser })).data.subject).toBeNull()
  })
})

describe('texts come', () => {
  const NAMES = `{ inventoryItems(filter: { locator: "subject" }) { edges { node { category { name }
    purposes { name } legalBasis { name } retention { description } } } } }`
  const words = async (header: Record<string, string>) => {
    const { data } = await world.ask(as('MEMBER'), NAMES, undefined, header)
    return data.inventoryItems.edges[0].node
  }
  const ENGLISH = {
    category: { name: 'Account data' },
    purposes: [{ name: 'Running the service' }, { name: 'Signing in' }, { name: 'Service messages' }],
    legalBasis: { name: 'Contract' },
    retention: { description: 'Kept while the account is in use; deleted 30 days after it is closed.' },
  }

  test('in German where that is wanted most', async () => {
    expect(await words({ 'accept-language': 'fr;q=0.9, de-CH;q=0.8, en;q=0.5' })).toEqual({
      category: { name: 'Kontodaten' },
      purposes: [{ name: 'Betrieb des Dienstes' }, { name: 'Anmeldung' }, { name: 'Mitteilungen zum Dienst' }],
      legalBasis: { name: 'Vertrag' },
      retention: {
        description: 'Aufbewahrt, solange das Konto genutzt wird; 30 Tage nach dessen Schließung gelöscht.',
      },
    })
  })

  test.each([{}, { 'accept-language': 'en, de;q=0.9' }, { 'accept-language': 'fr' }, { 'accept-language': 'de;q=0' }])(
    'in English to %j',
    async (header) => {
      expect(await words(header)).toEqual(ENGLISH)
    },
  )

  test('in English, and soon, to a header that is hostile', async () => {
    for (const header of ['de,'.repeat(5_000), `${'a-'.repeat(400)}`, '%00', ';q=;q=;q=', '__proto__'])
      expect(await words({ 'accept-language': header })).toEqual(ENGLISH)
  })
})

describe('items are found by', () => {
  test.each<[string, object, string[]]>([
    ['nothing', {}, ALL],
    ['category', { category: 'CONTENT_BATCH' }, ['batch object/1']],
    ['system', { system: 'usage' }, ALL.slice(8)],
    ['locator', { system: 'usage', locator: 'usage_event/2026-03' }, ['usage usage_event/2026-03']],
    ['a part of a locator, which is none', { locator: 'usage_event' }, []],
    ['purpose', { purpose: 'FRAUD_PREVENTION' }, ['usage usage_event/2026-03']],
    ['legal basis', { legalBasis: 'LEGITIMATE_INTERESTS' }, ['usage usage_event/2026-03']],
    ['state', { state: 'HELD' }, ['batch object/1']],
    ['begin of collection', { collectedFrom: '2026-03-15T12:00:00.000Z' }, ALL.slice(0, 7)],
    ['end of collection', { collectedTo: '2026-03-01T00:00:00.000Z' }, ALL.slice(8, 10)],
    [
      'time of collection',
      { collectedFrom: '2026-03-01T00:00:00.000Z', collectedTo: '2026-03-01T00:00:00.001Z' },
      ['usage usage_event/2026-03'],
    ],
    ['all together', { category: 'USAGE', system: 'usage', purpose: 'SECURITY' }, []],
  ])('%s', async (_by, filter, found) => {
    expect(await places('subject', filter)).toEqual(found)
  })

  test('person and account', async () => {
    expect(await places('subject', { subjectId: world.ids.member })).toEqual(OF_MEMBER)
    expect(await places('subject', { accountId: world.ids.account })).toEqual(ALL)
    expect(await places('subject', { accountId: world.ids.account, subjectId: world.ids.endUser })).toEqual([
      'accounts subject',
      'batch object/1',
    ])
  })

  test('who received them', async () => {
    const twice = ['batch object/1', 'usage usage_event/2026-02']
    expect(await places('subject', { processorId: filled.cloud })).toEqual(twice)
    expect(await places('subject', { processorId: filled.billing })).toEqual(twice.slice(1))
    expect(await places('subject', { processorId: await addProcessor(world, 'Nobody') })).toEqual([])
  })

  test('their ids', async () => {
    const { data } = await world.ask('subject', LIST, { filter: { state: 'HELD' } })
    const id = data.inventoryItems.edges[0].node.id
    const node = `query($id: ID!) { node(id: $id) { ... on InventoryItem { locator state } } }`
    expect((await world.ask('subject', node, { id })).data.node).toEqual({ locator: 'object/1', state: 'HELD' })
    const answers = []
    for (const who of [as('MEMBER'), 'otherSubject', 'otherIntegration', as('STAFF AUDITOR'), null] as const)
      answers.push((await world.ask(who, node, { id })).data.node)
    expect(answers).toEqual([null, null, null, null, null])
  })

  test.each([
    ['system', { system: "' or true --" }],
    ['locator', { locator: 'bruno@aster.example' }],
    ['subjectId', { subjectId: 'x' }],
    ['accountId', { accountId: 'x' }],
    ['processorId', { processorId: 'x' }],
    ['collectedTo', { collectedFrom: '2026-03-02T00:00:00Z', collectedTo: '2026-03-01T00:00:00Z' }],
  ])('no %s that none can have', async (field, filter) => {
    const { errors } = await world.ask('subject', LIST, { filter })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: `filter.${field}` })
  })

  test('pages of any size, each once', async () => {
    for (const first of [1, 3, 100]) {
      const ids: string[] = []
      for (let after: string | null = null; ; ) {
        const { data } = await world.ask('subject', LIST, { first, after })
        const { edges, pageInfo } = data.inventoryItems as {
          edges: { node: Place }[]
          pageInfo: { hasNextPage: boolean; endCursor: string }
        }
        ids.push(...edges.map(({ node }) => node.id))
        after = pageInfo.endCursor
        if (!pageInfo.hasNextPage) break
      }
      expect([ids.length, new Set(ids).size]).toEqual([11, 11])
    }
  })
})

describe('who sees what', () => {
  test('owners, admins and machines of the account see all of it', async () => {
    for (const who of [as('OWNER'), as('ADMIN'), as('INTEGRATION')]) expect(await places(who)).toEqual(ALL)
  })

  test('a member and an end user see their own', async () => {
    expect(await places(as('MEMBER'))).toEqual(OF_MEMBER)
    expect(await places(as('END_USER'))).toEqual(['accounts subject', 'batch object/1'])
    expect(await places(as('MEMBER'), { subjectId: world.ids.endUser })).toEqual([])
  })

  test('staff with the scope sees every account', async () => {
    expect(await places(as('STAFF PRIVACY_OFFICER'))).toHaveLength(17)
    expect(await places(as('STAFF SUPPORT'), { accountId: world.ids.otherAccount })).toEqual([
      'accounts account',
      'accounts identity_link',
      'accounts subject',
      'accounts subject',
      'usage usage_event/2026-02',
    ])
  })

  test.each(['STAFF AUDITOR', 'STAFF ENGINEER', 'STAFF SECURITY', 'PROCESSOR', 'GATEWAY'])(
    '%s sees no item',
    async (name) => {
      expect(await places(as(name))).toEqual(['FORBIDDEN'])
    },
  )

  test('nobody sees items without a token', async () => {
    expect((await world.ask(null, LIST)).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED')
  })

  test("staff that sees an item sees who received it, an account's own processor too", async () => {
    const accountId = localId(world.ids.account)
    const own = keyOf(await addProcessor(world, 'Own Office', accountId))
    const at = world.clock.now()
    await world.resources.db.worker(async (tx) => {
      const { id: itemId } = await tx.inventoryItem.findFirstOrThrow({
        where: { accountId, system: 'usage', category: 'SECURITY' },
      })
      const received = { processorHomeId: own.accountId, processorId: own.id, firstAt: at, lastAt: at }
      await tx.inventoryRecipient.createMany({ data: [{ accountId, itemId, purpose: 'SECURITY', ...received }] })
    }, accountId)
    const query = `{ inventoryItems(filter: { category: SECURITY }) { edges { node { recipients { edges { node {
      processor { name } } } } } } } }`
    for (const name of ['STAFF SUPPORT', 'STAFF PRIVACY_OFFICER', 'MEMBER', 'OWNER', 'INTEGRATION']) {
      const { data, errors } = await world.ask(as(name), query)
      expect(errors).toBeUndefined()
      expect(data.inventoryItems.edges[0].node.recipients.edges).toEqual([
        { node: { processor: { name: 'Own Office' } } },
      ])
    }
  })

  test("another account's ids are answered like ids that do not exist", async () => {
    const foreign = await addProcessor(world, 'Of the other', localId(world.ids.otherAccount))
    expect(await places('subject', { accountId: world.ids.otherAccount })).toEqual([])
    expect(await places('subject', { subjectId: world.ids.other })).toEqual([])
    expect(await places('subject', { processorId: foreign })).toEqual([])
    expect(await places('otherSubject', { processorId: filled.cloud })).toEqual([])
    expect(await places('otherIntegration', { locator: 'object/1' })).toEqual([])
  })
})

test('what staff saw of a person is in the audit, once a record', async () => {
  const query = `query($filter: InventoryFilter) { inventoryItems(filter: $filter) { edges { node { id locator } } } }`
  const before = await auditOf(world.ids.endUser)
  const { data } = await world.ask(as('STAFF SUPPORT'), query, { filter: { subjectId: world.ids.endUser } })
  const ids = data.inventoryItems.edges.map(({ node }: { node: Place }) => keyOf(node.id).id)
  expect(ids).toHaveLength(2)
  const known = new Set(before.map((event) => event.id))
  const added = (await auditOf(world.ids.endUser)).filter((event) => !known.has(event.id))
  expect(added.map(({ recordType, recordIds }) => [recordType, ...recordIds]).toSorted()).toEqual(
    ids.map((id: string) => ['InventoryItem', id]).toSorted(),
  )
})

/** Reads of a person by staff. */
function auditOf(subject: string) {
  const { accountId, id } = keyOf(subject)
  const where = { accountId, subjectId: id, kind: 'subject.read_by_staff' }
  return world.resources.db.worker((tx) => tx.auditEvent.findMany({ where }), accountId)
}
