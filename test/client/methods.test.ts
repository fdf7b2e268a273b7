import { readFileSync } from 'node:fs'
import { buildSchema, type GraphQLObjectType } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { operations, type SubjectQuery, type SubjectQueryVariables } from '../../client/generated/operations.ts'
import { createClient, isProblem, paginate, type TypedDocument, unwrap } from '../../client/src/index.ts'
import { openWorld, type World } from '../kit/world.ts'
import { clientOf, newGateway, newIntegration, serve } from './kit.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

test('each query, mutation and subscription of the schema is a method', () => {
  const schema = buildSchema(readFileSync('client/schema.graphql', 'utf8'))
  const fieldsOf = (type: GraphQLObjectType | null | undefined) => Object.keys(type?.getFields() ?? {})
  const fields = [
    ...fieldsOf(schema.getQueryType()),
    ...fieldsOf(schema.getMutationType()),
    ...fieldsOf(schema.getSubscriptionType()).map((name) => `follow${name[0]?.toUpperCase()}${name.slice(1)}`),
  ]
  expect(Object.keys(operations).sort()).toEqual(fields.sort())
  expect(fields.length).toBeGreaterThan(20)
})

test('every document of the package is accepted by the server', async () => {
  const refused: string[] = []
  const names = Object.entries(operations).flatMap(([name, { kind }]) => (kind === 'subscription' ? [] : [name]))
  const client = clientOf(world, 'subject', { retriesMax: 0 })
  for (const name of names) {
    const input = { accountId: 'x', filter: {}, bucket: 'DAY', id: 'x' }
    const method = client[name as 'viewer'] as (given: unknown) => Promise<unknown>
    const code = await method(input).then(
      () => 'OK',
      (error: { code: string }) => error.code,
    )
    if (!['OK', 'BAD_USER_INPUT', 'FORBIDDEN'].includes(code)) refused.push(`${name}: ${code}`)
  }
  expect(refused).toEqual([])
})

test('a subject is created, found by reference, corrected and read', async () => {
  const client = clientOf(world, 'integration')
  const { subject } = unwrap(await client.createSubject({ reference: 'ref-1', name: 'Gina Gray', country: 'DE' }))
  const { edges, totalCount } = await client.subjects({ filter: { reference: 'ref-1' } })
  expect([totalCount, edges[0]?.node]).toEqual([1, subject])
  unwrap(await client.updateSubject({ subjectId: subject.id, name: null, country: 'AT' }))
  expect(await client.subject({ id: subject.id })).toEqual({
    ...subject,
    name: null,
    country: 'AT',
    updatedAt: '2026-03-15T12:00:00.000Z',
  })
})

test('what a mutation refuses is a typed member of its result', async () => {
  const client = clientOf(world, 'integration')
  await client.createSubject({ reference: 'ref-2' })
  const result = await client.createSubject({ reference: 'ref-2' })
  expect(result).toEqual({
    __typename: 'ReferenceTaken',
    code: 'SUBJECT.REFERENCE_TAKEN',
    message: expect.any(String),
    retryable: false,
  })
  expect(isProblem(result)).toBe(true)
  expect(() => unwrap(result)).toThrow(/^SUBJECT\.REFERENCE_TAKEN: /)
})

test('the same idempotency key creates one subject and answers the same', async () => {
  const client = clientOf(world, 'integration')
  const input = { reference: 'ref-3', idempotencyKey: 'a-key-of-mine' }
  expect(await client.createSubject(input)).toEqual(await client.createSubject(input))
  const other = client.createSubject({ ...input, reference: 'ref-4' })
  await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', retryable: false })
})

test('what is not allowed is an error with code and request id', async () => {
  const refused = clientOf(world, 'gateway').subjects()
  await expect(refused).rejects.toMatchObject({
    name: 'PrivacyApiError',
    code: 'FORBIDDEN',
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    retryable: false,
  })
})

test('a connection is walked page by page', async () => {
  const client = clientOf(world, 'integration')
  const { totalCount } = await client.subjects({ first: 1 })
  const ids: string[] = []
  for await (const { id } of paginate((after) => client.subjects({ first: 2, after }))) ids.push(id)
  expect(ids.length).toBe(totalCount)
  expect(new Set(ids).size).toBe(totalCount)
})

test('usage goes in and comes back summed', async () => {
  const { account: accountId } = world.ids
  const event = { requestId: 'u-1', kind: 'INFERENCE', model: 'm/one', endpointKind: 'BATCH' } as const
  const events = [{ ...event, occurredAt: new Date('2026-03-15T11:30:00Z'), inputTokens: 7, outputTokens: 3 }]
  const gateway = clientOf(world, 'gateway')
  const recorded = { events: 1, inputTokens: 7, outputTokens: 3 }
  const none = { events: 0, inputTokens: 0, outputTokens: 0 }
  expect(await gateway.recordUsage({ accountId, events })).toMatchObject({ recorded, duplicates: none })
  expect(await gateway.recordUsage({ accountId, events })).toMatchObject({ recorded: none, duplicates: recorded })
  const bad = await gateway.recordUsage({ accountId, events: [{ ...event, occurredAt: new Date(0), inputTokens: -1 }] })
  expect(bad).toMatchObject({ __typename: 'UsageEventNotValid', index: 0 })
  const filter = { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z' }
  const summary = await clientOf(world, 'subject').usageSummary({ filter, bucket: 'DAY', groupBy: ['MODEL'] })
  expect(summary.edges.map(({ node }) => [node.bucketStart, node.model, node.requests, node.inputTokens])).toEqual([
    ['2026-03-15T00:00:00.000Z', 'm/one', 1, 7],
  ])
})

test('a document of the caller is typed and answered', async () => {
  const client = clientOf(world, 'subject')
  const text = 'query($id: ID!) { subject(id: $id) { id } }'
  const document = text as TypedDocument<Pick<SubjectQuery, 'subject'>, SubjectQueryVariables>
  const { subject } = await client.request(document, { id: world.ids.owner })
  expect(subject).toEqual({ id: world.ids.owner })
})

test('client credentials open a listening server, and a disabled client loses it', async () => {
  const server = await serve(world)
  try {
    const clientCredentials = await newIntegration(world)
    const client = createClient({ url: server.url, clientCredentials, retriesMax: 0 })
    const { principal, account } = await client.viewer()
    expect([principal, account?.id]).toEqual(['INTEGRATION', world.ids.account])
    const owner = clientOf(world, 'subject')
    const all = await paginate((after) => owner.apiClients({ after })).toArray({ limit: 100 })
    const own = all.find(({ clientId }) => clientId === clientCredentials.clientId)
    unwrap(await owner.disableApiClient({ apiClientId: own?.id ?? '' }))
    await expect(client.viewer()).rejects.toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: 401 })
  } finally {
    await server.stop()
  }
})

test('a token that the server has ended early is renewed without the caller seeing it', async () => {
  const server = await serve(world)
  try {
    const statuses: number[] = []
    const client = createClient({
      url: server.url,
      clientCredentials: await newGateway(world),
      onResponse: ({ status }) => statuses.push(status),
    })
    await client.viewer()
    world.clock.move(700)
    expect((await client.viewer()).principal).toBe('GATEWAY')
    expect(statuses).toEqual([200, 401, 200])
  } finally {
    await server.stop()
  }
})
