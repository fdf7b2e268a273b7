import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { type Caller, PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { codeOf, fresh, join, keyOf, localId, perform } from '../api/calls.ts'
import { openOwnerOf } from '../kit/owner.ts'
import type { World } from '../kit/world.ts'
import { createEndpoint, openReceiver, openWebhookWorld, owner, place, send, verified } from './kit.ts'

let world: World
beforeAll(async () => {
  world = await openWebhookWorld()
  await place(world)
})
afterAll(() => world.close())

const URL = 'https://hooks.example/secret-path'
const remove = async (...ids: string[]) => {
  for (const webhookEndpointId of ids)
    for (const as of [await owner(world), 'processor'] as const)
      await perform(world, as, 'deleteWebhookEndpoint', { webhookEndpointId })
}

test('the secret is shown once, and kept with the URL and the label in sealed form alone', async () => {
  const input = { url: URL, label: 'Billing sync', idempotencyKey: fresh() }
  const made = await perform(world, 'subject', 'createWebhookEndpoint', input)
  const again = await perform(world, 'subject', 'createWebhookEndpoint', input)
  const endpoint = { url: URL, label: 'Billing sync', kinds: [], state: 'ACTIVE', id: expect.any(String) }
  expect(made).toMatchObject({ webhookEndpoint: endpoint, secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) })
  expect(made['publicKey']).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/)
  expect(again).toEqual({ ...made, secret: null })
  const database = await openOwnerOf(world.resources.db)
  const rows = await database.query(`select e::text as a, k::text as b from webhook_endpoint e, webhook_key k`)
  await database.close()
  const text = JSON.stringify(rows)
  const secret = String(made['secret'])
  for (const word of [URL, 'secret-path', 'Billing', secret, secret.slice(6), 'whsk_'])
    for (const form of [word, Buffer.from(word).toString('hex')]) expect(text).not.toContain(form)
  expect(text).toContain('whpk_')
  expect(world.log.join('')).not.toContain(secret.slice(6))
  await remove((made['webhookEndpoint'] as { id: string }).id)
})

test('owners, admins, integrations and processors have endpoints; nobody else does', async () => {
  const create = (as: Parameters<typeof perform>[1]) => perform(world, as, 'createWebhookEndpoint', { url: URL })
  const { who: admin } = await join(world, 'ADMIN')
  const { who: member } = await join(world, 'MEMBER')
  for (const as of ['subject', 'integration', 'processor', admin] as const) {
    const made = await create(as)
    expect(made.__typename).toBe('CreateWebhookEndpointSuccess')
    await remove((made['webhookEndpoint'] as { id: string }).id)
  }
  for (const as of ['staff', 'gateway', member] as const) expect(await codeOf(create(as))).toBe('FORBIDDEN')
  expect(await codeOf(create(null))).toBe('UNAUTHENTICATED')
})

test('another account’s endpoint and delivery are answered like those that do not exist', async () => {
  const theirs = await createEndpoint(world, URL, { as: 'otherSubject' })
  const processors = await createEndpoint(world, URL, { as: 'processor' })
  await perform(world, 'otherSubject', 'sendTestWebhook', { webhookEndpointId: theirs.id })
  await place(world)
  const LIST = '{ webhookDeliveries { edges { node { id } } } webhookEndpoints { edges { node { id } } } }'
  const seen = await world.ask('otherSubject', LIST)
  const deliveryId = String(seen.data.webhookDeliveries.edges[0].node.id)
  const { accountId } = keyOf(theirs.id)
  const missing = (type: string) => Buffer.from(`${type}:${accountId}/${randomUUID()}`).toString('base64')
  const calls: [string, object, object][] = [theirs.id, processors.id].flatMap((id) => {
    const [there, nowhere] = [{ webhookEndpointId: id }, { webhookEndpointId: missing('WebhookEndpoint') }]
    const range = { from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' }
    return [
      ['updateWebhookEndpoint', { ...there, url: URL }, { ...nowhere, url: URL }],
      ['setWebhookEndpointState', { ...there, state: 'PAUSED' }, { ...nowhere, state: 'PAUSED' }],
      ['deleteWebhookEndpoint', there, nowhere],
      ['rotateWebhookKeys', there, nowhere],
      ['sendTestWebhook', there, nowhere],
      ['redeliverWebhooks', { ...there, ...range }, { ...nowhere, ...range }],
    ] as [string, object, object][]
  })
  calls.push(['redeliverWebhook', { webhookDeliveryId: deliveryId }, { webhookDeliveryId: missing('WebhookDelivery') }])
  for (const as of ['subject', 'integration', 'processor'] as const)
    for (const [name, there, nowhere] of calls) {
      if (as === 'processor' && JSON.stringify(there).includes(processors.id)) continue
      expect([as, name, await codeOf(perform(world, as, name, there))]).toEqual([as, name, 'NOT_AVAILABLE'])
      expect(await codeOf(perform(world, as, name, nowhere))).toBe('NOT_AVAILABLE')
    }
  for (const as of ['subject', 'processor', 'staff'] as const) {
    const { data } = await world.ask(as, 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids: [theirs.id, deliveryId],
    })
    expect(data.nodes).toEqual([null, null])
  }
  const { data } = await world.ask('subject', LIST)
  expect(JSON.stringify(data)).not.toContain(theirs.id)
  await perform(world, 'otherSubject', 'deleteWebhookEndpoint', { webhookEndpointId: theirs.id })
  await remove(processors.id)
})

test('a processor hears of what is for it, without persons, and of nothing else', async () => {
  const receiver = await openReceiver()
  const endpoint = await createEndpoint(world, receiver.url, { as: 'processor' })
  const processorId = await processorOf(endpoint.id)
  const accountId = localId(world.ids.account)
  const subjectId = keyOf(world.ids.endUser).id
  await world.resources.db.write({ caller: systemSession(accountId), requestId: 'r' }, async (tx) => {
    const event = { accountId, kind: 'subject.updated', subjectId, payload: { subjectId } } as const
    await emitEvent(tx, world.clock, { ...event, processorId })
    await emitEvent(tx, world.clock, { ...event, processorId: randomUUID() })
    await emitEvent(tx, world.clock, event)
  })
  await place(world)
  expect(await send(world)).toBe(1)
  const [arrival] = receiver.arrivals
  if (!arrival) throw new Error('nothing arrived')
  expect(verified(arrival, endpoint)).toEqual({ v1: 1, v1a: 1 })
  expect(JSON.parse(arrival.body).data).toMatchObject({ accountId: world.ids.account, subjectId: null })
  expect(arrival.body).not.toContain(subjectId)
  const list = (filter: object) =>
    world.ask(
      'processor',
      `query ($filter: WebhookDeliveryFilter) { webhookDeliveries(filter: $filter) { totalCount edges { node {
        subjectId state endpoint { url } log { edges { node { number status problem } } } } } } }`,
      { filter },
    )
  expect((await list({ endpointId: endpoint.id })).data.webhookDeliveries).toEqual({
    totalCount: 1,
    edges: [
      {
        node: {
          subjectId: null,
          state: 'DELIVERED',
          endpoint: { url: receiver.url },
          log: { edges: [{ node: { number: 1, status: 204, problem: null } }] },
        },
      },
    ],
  })
  expect((await list({ subjectId: world.ids.endUser })).data.webhookDeliveries.totalCount).toBe(0)
  const rows = (caller: Caller) => world.resources.db.read(caller, (tx) => tx.webhookEndpoint.count())
  const as = (id: string): Caller => ({
    ...{ principal: 'PROCESSOR', callerId: randomUUID(), accountId: null, subjectId: null, reach: 'NONE' },
    ...{ processorId: id, scopes: new Set(['webhooks:read']) },
  })
  expect([await rows(as(processorId)), await rows(as(randomUUID()))]).toEqual([1, 0])
  await remove(endpoint.id)
  await receiver.close()
})

async function processorOf(endpointId: string): Promise<string> {
  const { accountId, id } = keyOf(endpointId)
  expect(accountId).toBe(PLATFORM_ACCOUNT_ID)
  const where = { accountId_id: { accountId, id } }
  const row = await world.resources.db.worker((tx) => tx.webhookEndpoint.findUniqueOrThrow({ where }))
  return row.processorId ?? ''
}

test('there are 20 endpoints at most, however many are asked for at once', async () => {
  const calls = Array.from({ length: 25 }, () => perform(world, 'otherSubject', 'createWebhookEndpoint', { url: URL }))
  const made = await Promise.all(calls)
  const ids = made.flatMap((each) => (each.code ? [] : [(each['webhookEndpoint'] as { id: string }).id]))
  expect(ids.length).toBe(20)
  expect(new Set(made.flatMap(({ code }) => code ?? []))).toEqual(new Set(['WEBHOOK.TOO_MANY_ENDPOINTS']))
  for (const webhookEndpointId of ids)
    await perform(world, 'otherSubject', 'deleteWebhookEndpoint', { webhookEndpointId })
})

test('what is wrong with an input is told by its field and the reason, without repeating it', async () => {
  const { id } = await createEndpoint(world, URL)
  const refusals: [string, object, string, string][] = [
    ['createWebhookEndpoint', { url: 'ftp://hooks.example/' }, 'url', 'url must begin with https://.'],
    ['createWebhookEndpoint', { url: 'https://u:p@hooks.example/' }, 'url', 'url must hold no credentials.'],
    ['createWebhookEndpoint', { url: 'https://10.0.0.1/' }, 'url', 'url must not name an address that is not public.'],
    ['updateWebhookEndpoint', { webhookEndpointId: id, url: `${URL}#a` }, 'url', 'url must have no fragment.'],
    ['updateWebhookEndpoint', { webhookEndpointId: id, url: null }, 'url', 'url must not be null.'],
    ['createWebhookEndpoint', { url: URL, label: ' ' }, 'label', 'label must have 1 to 100 characters.'],
    [
      'createWebhookEndpoint',
      { url: URL, kinds: ['no.such'] },
      'kinds',
      'kinds names a kind of event that does not exist.',
    ],
    [
      'rotateWebhookKeys',
      { webhookEndpointId: id, overlapHours: 169 },
      'overlapHours',
      'overlapHours must be 0 to 168.',
    ],
    [
      'rotateWebhookKeys',
      { webhookEndpointId: id, overlapHours: -1 },
      'overlapHours',
      'overlapHours must be 0 to 168.',
    ],
    [
      'redeliverWebhooks',
      { webhookEndpointId: id, from: '2026-01-02T00:00:00Z', to: '2026-01-02T00:00:00Z' },
      'to',
      'to must lie after from.',
    ],
  ]
  for (const [name, input, field, message] of refusals) {
    const Name = `${name[0]?.toUpperCase()}${name.slice(1)}`
    const document = `mutation ($input: ${Name}Input!) { ${name}(input: $input) { __typename } }`
    const { errors } = await world.ask(await owner(world), document, { input })
    expect(errors?.map((error) => [error.message, error.extensions['field']])).toEqual([[message, field]])
  }
  await remove(id)
})
