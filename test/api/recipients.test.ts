import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { DEMO_PAYMENT_PROCESSOR_ID, DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, keyOf, localId, openAccount, perform, type Who } from './calls.ts'
import { batchItem, recordItems } from './inventory-kit.ts'
import { recordTrace } from './usage-events-kit.ts'

const inRegister = (id: string) => globalId('Processor', tenantKey({ accountId: PLATFORM_ACCOUNT_ID, id }))
/** May receive ACCOUNT, CONTENT_BATCH and USAGE for SERVICE_PROVISION, by a contract of 2025-05-02. */
const COMPUTE = inRegister(DEMO_PROCESSOR_ID)
/** May receive ACCOUNT, PAYMENT and USAGE for PAYMENT_PROCESSING and FRAUD_PREVENTION, of 2025-06-11. */
const PAYMENT = inRegister(DEMO_PAYMENT_PROCESSOR_ID)

let world: World
/** A gateway's instant at which everything of the world had been collected. */
const AT = '2026-03-15T12:00:00.000Z'

beforeAll(async () => {
  world = await openWorld()
  const event = { requestId: 'feb-1', occurredAt: '2026-02-10T10:00:00.000Z', kind: 'API_REQUEST' }
  await recordTrace(world, world.ids.account, [
    { ...event, subjectId: world.ids.member },
    { ...event, requestId: 'mar-1', occurredAt: '2026-03-01T00:00:00.000Z', subjectId: world.ids.member },
    { ...event, requestId: 'feb-2' },
  ])
})
afterAll(() => world.close())

const received = (more: object = {}) => ({
  subjectId: world.ids.member,
  categories: ['USAGE'],
  processorId: COMPUTE,
  purpose: 'SERVICE_PROVISION',
  at: AT,
  ...more,
})
const record = (entries: object[], as: Who = 'gateway', accountId = world.ids.account) =>
  perform(world, as, 'recordRecipient', { accountId, entries })

type Note = { processor: { name: string }; purpose: { key: string }; firstAt: string; lastAt: string }
type Row = { locator: string; name: string; purpose: string; firstAt: string; lastAt: string }

/** Who received a person's data, as its account sees it. */
async function recipientsOf(subjectId: string | null, as: Who = 'subject'): Promise<Row[]> {
  const query = `query($f: InventoryFilter) { inventoryItems(filter: $f) { edges { node { subjectId locator
    recipients { edges { node { processor { name } purpose { key } firstAt lastAt } } } } } } }`
  const { data, errors } = await world.ask(as, query, { f: subjectId === null ? {} : { subjectId } })
  if (errors) throw new Error(JSON.stringify(errors))
  type Item = { subjectId: string | null; locator: string; recipients: { edges: { node: object }[] } }
  return data.inventoryItems.edges
    .map(({ node }: { node: Item }) => node)
    .filter((item: Item) => subjectId !== null || item.subjectId === null)
    .flatMap(({ locator, recipients }: Item) =>
      recipients.edges.map(({ node }) => {
        const { purpose, processor, firstAt, lastAt } = node as Note
        return { locator, name: processor.name, purpose: purpose.key, firstAt, lastAt }
      }),
    )
    .sort((a: Row, b: Row) => (`${a.locator}${a.name}` < `${b.locator}${b.name}` ? -1 : 1))
}

const rowsOf = (processor: string) =>
  world.resources.db.worker((tx) => tx.inventoryRecipient.count({ where: { processorId: keyOf(processor).id } }))

async function addProcessor(more: object = {}): Promise<string> {
  const made = await perform(world, 'staff', 'addProcessor', {
    name: 'Test Vendor',
    role: 'PROCESSOR',
    country: 'FR',
    regions: [],
    categories: ['ACCOUNT', 'USAGE', 'PAYMENT'],
    purposes: ['SERVICE_PROVISION', 'PAYMENT_PROCESSING'],
    contractOn: '2026-01-01',
    ...more,
  })
  return (made['processor'] as { id: string }).id
}

test('what a processor received is seen on every living item of the person and the category', async () => {
  expect(await record([received(), received({ processorId: PAYMENT, purpose: 'PAYMENT_PROCESSING' })])).toEqual({
    __typename: 'RecordRecipientSuccess',
    items: 4,
  })
  const compute = { name: 'Norrvik Compute', purpose: 'SERVICE_PROVISION', firstAt: AT, lastAt: AT }
  const payment = { name: 'Quillpay', purpose: 'PAYMENT_PROCESSING', firstAt: AT, lastAt: AT }
  expect(await recipientsOf(world.ids.member)).toEqual([
    { locator: 'usage_event/2026-02', ...compute },
    { locator: 'usage_event/2026-02', ...payment },
    { locator: 'usage_event/2026-03', ...compute },
    { locator: 'usage_event/2026-03', ...payment },
  ])
  expect(await recipientsOf(world.ids.member, { token: await world.memberToken() })).toHaveLength(4)
  expect(await recipientsOf(null)).toEqual([])
})

test('data of nobody in particular has recipients too', async () => {
  expect(await record([received({ subjectId: null, at: '2026-03-15T11:00:00.000Z' })])).toMatchObject({ items: 1 })
  expect((await recipientsOf(null)).map(({ locator }) => locator)).toEqual(['usage_event/2026-02'])
})

test('only items that may be used for the purpose, and were collected by then, are noted', async () => {
  const processorId = await addProcessor()
  const february = '2026-02-20T00:00:00.000Z'
  expect(await record([received({ processorId, at: february })])).toMatchObject({ items: 1 })
  // Of the three items of a member, the sign-in serves AUTHENTICATION alone.
  expect(await record([received({ processorId, categories: ['ACCOUNT'] })])).toMatchObject({ items: 1 })
  expect(await rowsOf(processorId)).toBe(2)
})

test('the same again changes nothing; an earlier and a later time widen the note', async () => {
  const processorId = await addProcessor()
  const at = (instant: string) => [
    received({ processorId, subjectId: world.ids.owner, categories: ['ACCOUNT'], at: instant }),
  ]
  world.clock.move(4 * 3_600)
  const [early, middle, late] = ['2026-03-15T12:30:00.000Z', '2026-03-15T14:00:00.000Z', '2026-03-15T15:00:00.000Z']
  const results = []
  for (const instant of [middle, middle, late, early, middle]) results.push((await record(at(instant)))['items'])
  expect(results).toEqual([1, 0, 1, 1, 0])
  expect(await recipientsOf(world.ids.owner)).toEqual([
    { locator: 'subject', name: 'Test Vendor', purpose: 'SERVICE_PROVISION', firstAt: early, lastAt: late },
  ])
  const events = await world.resources.db.worker((tx) =>
    tx.outboxEvent.findMany({ where: { processorId: keyOf(processorId).id, kind: 'recipient.recorded' } }),
  )
  expect(events).toHaveLength(3)
})

test('twenty who say it at once leave one note', async () => {
  const processorId = await addProcessor()
  const all = await Promise.all(
    Array.from({ length: 20 }, () => record([received({ processorId }), received({ processorId })])),
  )
  expect(all.map((outcome) => outcome.__typename)).toEqual(Array(20).fill('RecordRecipientSuccess'))
  expect(all.reduce((sum, outcome) => sum + Number(outcome['items']), 0)).toBe(2)
  expect(await rowsOf(processorId)).toBe(2)
})

describe('a report is refused, and nothing of it is stored, where', () => {
  const refused = async (processorId: string, bad: object) => {
    const before = await rowsOf(processorId)
    const outcome = await record([received({ processorId }), received({ processorId, ...bad })])
    expect(await rowsOf(processorId)).toBe(before)
    return outcome
  }

  test('the processor has ended', async () => {
    const processorId = await addProcessor()
    const living = await addProcessor()
    await perform(world, 'staff', 'endProcessor', { processorId })
    expect(await refused(living, { processorId })).toEqual({
      __typename: 'RecipientNotAllowed',
      code: 'RECIPIENT.NOT_ALLOWED',
      index: 1,
      field: 'processorId',
      reason: 'names a processor that has ended',
    })
  })

  test('the processor has no contract, or had none then', async () => {
    const without = await addProcessor({ contractOn: null })
    expect(await refused(await addProcessor(), { processorId: without })).toMatchObject({
      index: 1,
      field: 'processorId',
    })
    const later = await addProcessor({ contractOn: '2026-03-01' })
    expect(await refused(later, { at: '2026-02-28T23:59:59.999Z' })).toMatchObject({ index: 1, field: 'at' })
  })

  test('the register does not allow the category or the purpose', async () => {
    const processorId = await addProcessor()
    expect(await refused(processorId, { categories: ['USAGE', 'SECURITY'] })).toMatchObject({ field: 'categories' })
    expect(await refused(processorId, { purpose: 'SECURITY' })).toMatchObject({ field: 'purpose' })
  })

  test('nothing that is held of a category may be used for the purpose', async () => {
    const processorId = await addProcessor()
    const reason = 'names a category of which nothing is held for the purpose'
    const sold = { categories: ['USAGE', 'ACCOUNT'], purpose: 'PAYMENT_PROCESSING' }
    expect(await refused(processorId, sold)).toMatchObject({ index: 1, field: 'categories', reason })
    expect(await refused(processorId, { categories: ['PAYMENT'] })).toMatchObject({
      index: 1,
      field: 'categories',
      reason,
    })
  })

  test('the time lies ahead, or no category is named', async () => {
    const processorId = await addProcessor()
    expect(await refused(processorId, { at: '2027-01-01T00:00:00.000Z' })).toMatchObject({ field: 'at' })
    expect(await refused(processorId, { categories: [] })).toMatchObject({ field: 'categories' })
  })

  test('the data is gone', async () => {
    const { accountId, id } = keyOf(world.ids.endUser)
    await recordItems(world, accountId, [batchItem(accountId, id)])
    const batch = received({ subjectId: world.ids.endUser, categories: ['CONTENT_BATCH'] })
    expect(await record([batch])).toMatchObject({ items: 1 })
    await world.resources.db.worker((tx) =>
      tx.inventoryItem.updateMany({
        where: { accountId, category: 'CONTENT_BATCH' },
        data: { state: 'ERASED', doneAt: world.clock.now(), resumesAs: null, attemptAt: null },
      }),
    )
    expect(await codeOf(record([batch]))).toBe('RECIPIENT.NOT_ALLOWED')
  })
})

describe('what is not there is not available', () => {
  test.each<[string, () => object]>([
    ['a person of another account', () => ({ subjectId: world.ids.other })],
    ['a person that nobody knows', () => ({ subjectId: unknown('Subject', localId(world.ids.account)) })],
    ['a processor that nobody knows', () => ({ processorId: unknown('Processor', PLATFORM_ACCOUNT_ID) })],
    ['a processor of another account', () => ({ processorId: unknown('Processor', localId(world.ids.otherAccount)) })],
  ])('%s', async (_name, more) => {
    expect(await codeOf(record([received(more())]))).toBe('NOT_AVAILABLE')
  })

  test('an account that nobody knows', async () => {
    const nowhere = globalId('Account', 'ffffffff-ffff-4fff-bfff-fffffffffff0')
    expect(await codeOf(record([received({ subjectId: null })], 'gateway', nowhere))).toBe('NOT_AVAILABLE')
  })

  function unknown(typename: string, accountId: string): string {
    return globalId(typename, tenantKey({ accountId, id: '0199aa00-0000-7000-8000-00000000dead' }))
  }
})

test('only gateways report, 1 to 500 entries at once', async () => {
  for (const who of ['subject', 'integration', 'processor', 'staff'] as const)
    expect(await codeOf(record([received()], who))).toBe('FORBIDDEN')
  expect(await codeOf(record([]))).toBe('BAD_USER_INPUT')
  expect(await codeOf(record(Array.from({ length: 501 }, () => received())))).toBe('LIMIT_EXCEEDED')
  const processorId = await addProcessor()
  expect(await record(Array.from({ length: 500 }, () => received({ processorId })))).toMatchObject({ items: 2 })
})

test('what was received is noted while an account closes', async () => {
  const { owner, accountId, ownerId } = await openAccount(world)
  expect(await codeOf(perform(world, owner, 'closeAccount', { accountId }))).toBe('CloseAccountSuccess')
  const at = world.clock.now().toISOString()
  const entry = received({ subjectId: ownerId, categories: ['ACCOUNT'], at })
  expect(await record([entry], 'gateway', accountId)).toMatchObject({ items: 1 })
})

test('a processor is told a number in its feed, and no person', async () => {
  const processorId = await addProcessor()
  await record([received({ processorId })])
  await world.runner.runDue()
  const made = await perform(world, 'staff', 'createPlatformClient', { kind: 'PROCESSOR', label: 'V', processorId })
  const { clientId } = made['apiClient'] as { clientId: string }
  const token = await world.serving.oauth.issueAccessToken(clientId, ['events:read'], 600)
  const query = `{ events { edges { node { kind accountId subjectId
    ... on RecipientRecordedEvent { processorId items } } } } }`
  const { data } = await world.ask({ token }, query)
  expect(data.events.edges.at(-1).node).toEqual({
    kind: 'recipient.recorded',
    accountId: world.ids.account,
    subjectId: null,
    processorId,
    items: 2,
  })
})
