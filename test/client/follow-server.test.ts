import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClientWith } from '../../client/src/client.ts'
import { createClient, type PrivacyApiError, type PrivacyClient, paginate, unwrap } from '../../client/src/index.ts'
import { systemTools } from '../../client/src/tools.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { openWorld, type World } from '../kit/world.ts'
import { bodyOf, clientOf, listen, newIntegration } from './kit.ts'

let world: World
let server: RunningServer
let clientCredentials: { clientId: string; clientSecret: string }
beforeAll(async () => {
  world = await openWorld()
  server = await startServer({
    resources: { ...world.resources, close: async () => {} },
    env: readServerEnv({ NODE_ENV: 'test', PORT: '0', WORKER: 'off', DEMO: 'off' }),
    log: createLog({ level: 'silent' }),
    streamPollMs: 20,
  })
  clientCredentials = await newIntegration(world)
})
afterAll(async () => {
  await server.stop()
  await world.close()
})

const place = () => sequenceEvents(world.resources.db, world.clock)

/** Makes persons known, each of which is an event. @returns their references */
async function happen(count: number, word: string): Promise<string[]> {
  const references = Array.from({ length: count }, (_, index) => `${word}-${index}`)
  const client = clientOf(world, 'integration')
  for (const reference of references) unwrap(await client.createSubject({ reference }))
  await place()
  return references
}

/** The cursor of the last event so far. */
async function lastCursor(client: PrivacyClient): Promise<string> {
  const events = await paginate((after) => client.events({ first: 100, after })).toArray({ limit: 10_000 })
  return events.at(-1)?.cursor ?? ''
}

async function take(client: PrivacyClient, count: number, after: string) {
  const seen: { sequence: number; kind: string; subjectId: string | null | undefined }[] = []
  for await (const { sequence, kind, subjectId } of client.followEvents({ after })) {
    seen.push({ sequence: Number(sequence), kind, subjectId })
    if (seen.length === count) break
  }
  return seen
}

type PassOn = (answer: Response, response: ServerResponse, isStream: boolean) => Promise<void>

/** A server before the server; `pass` writes the answer's body. */
function passOn(pass: PassOn) {
  return listen(async (request, response) => {
    const body = await bodyOf(request)
    const { authorization = '', 'content-type': type = '', accept = '' } = request.headers
    const headers = { authorization, 'content-type': type, accept }
    const answer = await fetch(`${server.url}${request.url}`, { method: 'POST', headers, body })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    await pass(answer, response, accept.includes('text/event-stream'))
  })
}

async function writeAll(answer: Response, response: ServerResponse): Promise<void> {
  for await (const chunk of answer.body ?? []) response.write(chunk)
  response.end()
}

test('a feed is walked page by page, in order and without a gap', async () => {
  await happen(7, 'page')
  const client = clientOf(world, 'integration')
  const events = await paginate((after) => client.events({ first: 3, after })).toArray({ limit: 1_000 })
  expect(events.length).toBeGreaterThan(6)
  expect(events.map(({ sequence }) => Number(sequence))).toEqual(events.map((_, index) => index + 1))
  expect(await paginate((after) => client.events({ first: 3, after })).toArray({ limit: 4 })).toEqual(
    events.slice(0, 4),
  )
})

test('what happens while nobody looks and while somebody does comes once and in order, with its typed fields', async () => {
  const client = createClient({ url: server.url, clientCredentials })
  const after = await lastCursor(client)
  await happen(3, 'before')
  const following = take(client, 6, after)
  await happen(3, 'during')
  const seen = await following
  const first = seen[0]?.sequence ?? 0
  expect(seen.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5].map((index) => first + index))
  expect(new Set(seen.map(({ kind }) => kind))).toEqual(new Set(['subject.created']))
  const { subject } = await client.request<{ subject: { reference: string } }>(
    'query($id: ID!) { subject(id: $id) { reference } }',
    { id: seen[5]?.subjectId ?? '' },
  )
  expect(subject.reference).toBe('during-2')
})

test('of 40 events over a connection that breaks after every few none is lost and none comes twice', async () => {
  let connections = 0
  const between = await passOn(async (answer, response, isStream) => {
    if (!isStream) return writeAll(answer, response)
    connections += 1
    let left = 400 + 531 * connections
    for await (const chunk of answer.body ?? []) {
      response.write(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) break
    }
    setImmediate(() => response.destroy())
  })
  const tools = { ...systemTools, wait: async () => {} }
  const client = createClientWith(tools, { url: between.url, clientCredentials })
  const after = await lastCursor(client)
  const following = take(client, 40, after)
  await happen(40, 'broken')
  const sequences = (await following).map(({ sequence }) => sequence)
  await between.close()
  expect(sequences).toEqual(Array.from({ length: 40 }, (_, index) => (sequences[0] ?? 0) + index))
  expect(connections).toBeGreaterThan(3)
})

test('who follows from now on and is cut off before the first event misses none', async () => {
  const tools = { ...systemTools, wait: async () => {} }
  let streams = 0
  let begun = () => {}
  const first = new Promise<void>((resolve) => {
    begun = resolve
  })
  let cut = () => {}
  const between = await passOn(async (answer, response, isStream) => {
    if (!isStream || ++streams > 1) return writeAll(answer, response)
    cut = () => response.destroy()
    const chunk = await answer.body?.getReader().read()
    response.write(chunk?.value, begun)
  })
  const events = createClientWith(tools, { url: between.url, clientCredentials }).followEvents()
  const next = events.next()
  await first
  await happen(2, 'meanwhile')
  cut()
  const seen = [await next, await events.next()].map(({ value }) => value?.subjectId)
  await events.return?.()
  await between.close()
  const { edges } = await clientOf(world, 'integration').subjects({ filter: { reference: 'meanwhile-0' } })
  expect([seen[0], new Set(seen).size, streams]).toEqual([edges[0]?.node.id, 2, 2])
})

test('a stream outlives its token, and ends with an error when the client is disabled', async () => {
  const credentials = await newIntegration(world)
  const client = createClient({ url: server.url, clientCredentials: credentials })
  const after = await lastCursor(client)
  const events = client.followEvents({ after })
  await happen(1, 'first')
  expect((await events.next()).value?.kind).toBe('subject.created')
  world.clock.move(601)
  await happen(1, 'second')
  expect((await events.next()).value?.kind).toBe('subject.created')
  const owner = clientOf(world, 'subject')
  const all = await paginate((cursor) => owner.apiClients({ after: cursor })).toArray({ limit: 100 })
  const own = all.find(({ clientId }) => clientId === credentials.clientId)
  unwrap(await owner.disableApiClient({ apiClientId: own?.id ?? '' }))
  await place()
  const error: PrivacyApiError = await events.next().then(
    () => {
      throw new Error('it goes on')
    },
    (reason) => reason,
  )
  expect(error).toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: 401, retryable: false })
})

test('who may not read events, or names a bad cursor, is told so', async () => {
  const code = (events: AsyncIterableIterator<unknown>) =>
    events.next().then(
      () => 'an event',
      (error: PrivacyApiError) => error.code,
    )
  expect(await code(clientOf(world, 'gateway').followEvents({}))).toBe('FORBIDDEN')
  expect(await code(clientOf(world, 'integration').followEvents({ after: 'nonsense' }))).toBe('BAD_USER_INPUT')
  expect(await code(clientOf(world, 'integration').followEvents({ filter: { kinds: ['x'] } }))).toBe('BAD_USER_INPUT')
})
