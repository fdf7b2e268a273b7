import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, keyOf, type Outcome, perform, type Who } from './calls.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const DEMO = globalId('Processor', tenantKey({ accountId: PLATFORM_ACCOUNT_ID, id: DEMO_PROCESSOR_ID }))

const entry = {
  name: 'Fjellby Mail',
  role: 'PROCESSOR',
  country: 'NO',
  regions: ['eu-north', 'eu-central', 'eu-north'],
  categories: ['COMMUNICATION', 'ACCOUNT'],
  purposes: ['SERVICE_NOTIFICATIONS', 'CUSTOMER_SUPPORT'],
  contractOn: '2024-02-29',
}

type Processor = { id: string; endedAt: string | null } & Record<string, unknown>
const processorOf = (outcome: Outcome) => outcome['processor'] as Processor
const add = (input: object = {}, as: Who = 'staff') => perform(world, as, 'addProcessor', { ...entry, ...input })
const end = (processorId: string, as: Who = 'staff') => perform(world, as, 'endProcessor', { processorId })
const update = (processorId: string, change: object) =>
  perform(world, 'staff', 'updateProcessor', { processorId, ...change })

async function names(filter?: object, as: Who | null = null): Promise<string[]> {
  const query = 'query($f: ProcessorFilter) { processors(filter: $f) { totalCount edges { node { name } } } }'
  const { data } = await world.ask(as, query, { f: filter })
  const list = data.processors.edges.map(({ node }: { node: { name: string } }) => node.name)
  expect(data.processors.totalCount).toBe(list.length)
  return list
}

test('a processor that Staff adds stands in the public register', async () => {
  const added = processorOf(await add())
  expect(added).toEqual({
    id: expect.any(String),
    name: 'Fjellby Mail',
    role: 'PROCESSOR',
    country: 'NO',
    regions: ['eu-central', 'eu-north'],
    categories: ['ACCOUNT', 'COMMUNICATION'],
    purposes: ['CUSTOMER_SUPPORT', 'SERVICE_NOTIFICATIONS'],
    contractOn: '2024-02-29',
    endedAt: null,
  })
  expect(await names()).toEqual(['Fjellby Mail', 'Edgewright', 'Quillpay', 'Norrvik Compute'])
  const { data } = await world.ask(null, 'query($id: ID!) { node(id: $id) { ... on Processor { name } } }', {
    id: added.id,
  })
  expect(data.node).toEqual({ name: 'Fjellby Mail' })
})

describe('the register', () => {
  test.each<[object, string[]]>([
    [{ country: 'IE' }, ['Quillpay']],
    [{ role: 'SUB_PROCESSOR' }, ['Edgewright']],
    [{ category: 'SECURITY' }, ['Edgewright']],
    [{ purpose: 'FRAUD_PREVENTION' }, ['Edgewright', 'Quillpay']],
    [{ purpose: 'FRAUD_PREVENTION', country: 'US' }, ['Edgewright']],
    [{ ended: true }, []],
    [{ ended: false, country: 'SE' }, ['Norrvik Compute']],
  ])('is narrowed by %j', async (filter, expected) => {
    for (const who of [null, 'subject', 'processor', 'gateway'] as const)
      expect(await names(filter, who)).toEqual(expected)
  })
})

test('what is changed is changed, and what is absent stays', async () => {
  const { id } = processorOf(await add({ name: 'Before' }))
  const changed = processorOf(await update(id, { name: 'After', contractOn: null, purposes: ['CUSTOMER_SUPPORT'] }))
  expect(changed).toMatchObject({
    name: 'After',
    country: 'NO',
    contractOn: null,
    purposes: ['CUSTOMER_SUPPORT'],
    categories: ['ACCOUNT', 'COMMUNICATION'],
  })
})

test('an ended processor stays in the register with the time, and is changed no more', async () => {
  const { id } = processorOf(await add({ name: 'Ended Soon', country: 'CH' }))
  const now = world.clock.now().toISOString()
  expect(processorOf(await end(id)).endedAt).toBe(now)
  world.clock.move(60)
  expect(processorOf(await end(id)).endedAt).toBe(now)
  expect(await codeOf(update(id, { name: 'Again' }))).toBe('PROCESSOR.ENDED')
  expect(await names({ country: 'CH', ended: true })).toEqual(['Ended Soon'])
})

describe('what nobody may write', () => {
  test.each([
    { name: '=cmd|calc' },
    { name: '<b>x</b>' },
    { name: '' },
    { name: 'x'.repeat(201) },
    { country: 'ZZ' },
    { regions: ['EU'] },
    { regions: Array.from({ length: 51 }, (_, index) => `eu-${index}`) },
    { categories: [] },
    { purposes: [] },
    { contractOn: '2025-02-29' },
    { contractOn: 'yesterday' },
  ])('%j is refused', async (input) => {
    expect(await codeOf(add(input))).toBe('BAD_USER_INPUT')
  })

  test('only a privacy officer manages the register', async () => {
    for (const who of ['subject', 'integration', 'processor', 'gateway'] as const) {
      expect(await codeOf(add({}, who))).toBe('FORBIDDEN')
      expect(await codeOf(end(DEMO, who))).toBe('FORBIDDEN')
    }
  })

  test('a processor that is not there, or is of another account, is not available', async () => {
    const nowhere = globalId('Processor', tenantKey({ accountId: PLATFORM_ACCOUNT_ID, id: keyOf(world.ids.other).id }))
    const elsewhere = globalId('Processor', tenantKey(keyOf(world.ids.other)))
    for (const id of [nowhere, elsewhere]) {
      expect(await codeOf(end(id))).toBe('NOT_AVAILABLE')
      expect(await codeOf(update(id, { country: 'DE' }))).toBe('NOT_AVAILABLE')
    }
    expect(await codeOf(end(world.ids.other))).toBe('BAD_USER_INPUT')
  })
})

test('every change is in the audit and in the feeds of the platform and of the processor', async () => {
  const { id } = processorOf(await add({ name: 'Told Of' }))
  await update(id, { country: 'DK' })
  await end(id)
  await end(id)
  const uuid = keyOf(id).id
  const { db, clock } = world.resources
  await sequenceEvents(db, clock)
  const [audit, feed] = await db.worker(async (tx) => [
    await tx.auditEvent.findMany({
      where: { recordIds: { has: uuid } },
      orderBy: { id: 'asc' },
      select: { kind: true },
    }),
    await tx.eventFeed.findMany({ where: { feedId: uuid }, orderBy: { sequence: 'asc' }, select: { kind: true } }),
  ])
  const kinds = ['processor.added', 'processor.updated', 'processor.ended']
  expect(audit.map(({ kind }) => kind).toSorted()).toEqual(kinds.toSorted())
  expect(feed.map(({ kind }) => kind)).toEqual(kinds)
})

describe('a client of a processor', () => {
  const VIEWER = '{ viewer { principal } }'
  const create = (input: object) => perform(world, 'staff', 'createPlatformClient', { label: 'Vendor', ...input })

  test('needs a processor of the register that has not ended', async () => {
    const { id } = processorOf(await add({ name: 'With Client' }))
    expect(await codeOf(create({ kind: 'PROCESSOR', processorId: id }))).toBe('CreatePlatformClientSuccess')
    await end(id)
    const elsewhere = globalId('Processor', tenantKey(keyOf(world.ids.other)))
    expect(await codeOf(create({ kind: 'PROCESSOR', processorId: id }))).toBe('NOT_AVAILABLE')
    expect(await codeOf(create({ kind: 'PROCESSOR' }))).toBe('NOT_AVAILABLE')
    expect(await codeOf(create({ kind: 'PROCESSOR', processorId: elsewhere }))).toBe('NOT_AVAILABLE')
    expect(await codeOf(create({ kind: 'PROCESSOR', processorId: keyOf(id).id }))).toBe('BAD_USER_INPUT')
    expect(await codeOf(create({ kind: 'GATEWAY', processorId: DEMO }))).toBe('BAD_USER_INPUT')
  })

  test('is shut out from the moment its processor ends', async () => {
    const { id } = processorOf(await add({ name: 'Shut Out' }))
    const made = await create({ kind: 'PROCESSOR', processorId: id })
    const { clientId } = made['apiClient'] as { clientId: string }
    const token = await world.serving.oauth.issueAccessToken(clientId, [], 600)
    expect((await world.ask({ token }, VIEWER)).data).toEqual({ viewer: { principal: 'PROCESSOR' } })
    await end(id)
    expect((await world.ask({ token }, VIEWER)).status).toBe(401)
    expect((await world.ask('processor', VIEWER)).data).toEqual({ viewer: { principal: 'PROCESSOR' } })
  })
})

test('two who end it at once end it once', async () => {
  const { id } = processorOf(await add({ name: 'Ended Twice' }))
  const [one, two] = await Promise.all([end(id), end(id)])
  expect(processorOf(one)).toEqual(processorOf(two))
  const rows = await world.resources.db.worker((tx) =>
    tx.auditEvent.count({ where: { recordIds: { has: keyOf(id).id }, kind: 'processor.ended' } }),
  )
  expect(rows).toBe(1)
})
