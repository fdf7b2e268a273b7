import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { DEMO_ACCOUNTS, demoSub } from '../../src/demo/demo-data.ts'
import { DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { writeEventCursor } from '../../src/domains/events/cursor.rules.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { STREAMS_PER_CALLER_MAX } from '../../src/domains/events/events.hub.ts'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { startServer } from '../../src/server.ts'
import { openWorld, type World } from '../kit/world.ts'
import { perform } from './calls.ts'
import { happen, listen, openStream, type Sent, type Stream, until } from './stream-kit.ts'

const [FIRST, SECOND] = DEMO_ACCOUNTS
const accountId = FIRST.id
const [owner, member, endUser, another] = FIRST.subjects.map(({ id }) => id) as [string, string, string, string]

let world: World
let url: string
let stop: () => Promise<void>
const streams: Stream[] = []
beforeAll(async () => {
  world = await openWorld()
  ;({ url, stop } = await listen(world))
  await sequenceEvents(world.resources.db, world.clock)
})
beforeEach(() => until(async () => (await openCount()) === 0))
afterEach(() => {
  for (const stream of streams.splice(0)) stream.drop()
})
afterAll(async () => {
  world.serving.live.close()
  await stop()
  await world.close()
})

const openCount = async () => {
  const text = await world.metrics.registry.metrics()
  return Number(/^event_streams (\d+)$/m.exec(text)?.[1])
}
async function open(token: string | null, options: Parameters<typeof openStream>[2] = {}): Promise<Stream> {
  const stream = await openStream(url, token, options)
  streams.push(stream)
  return stream
}
const ownerToken = (scope = 'events:read') => world.ownerToken(scope)
const memberOf = (index: number) =>
  world.serving.demoIssuer?.issue({ sub: demoSub(FIRST.subjects[index]?.id ?? ''), scope: 'events:read' }) ?? ''
const numberOf = (sent: Sent | null): number => sent?.data?.data?.events?.sequence
const codeOf = (sent: Sent | null | undefined): string | undefined => sent?.data?.errors?.[0]?.extensions?.code
const lastNumber = async (feedId = accountId) => {
  const counter = await world.resources.db.worker((tx) => tx.eventCounter.findUnique({ where: { feedId } }))
  return Number(counter?.sequence ?? 0)
}
const cursorOf = (sequence: number, feedId = accountId) => writeEventCursor({ feedId, sequence: BigInt(sequence) })
const take = async (stream: Stream, count: number) => {
  const taken: number[] = []
  while (taken.length < count) taken.push(numberOf(await stream.next()))
  return taken
}
const from = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index)

describe('a stream', () => {
  test('without a cursor tells what happens from now on, live, each with its place as the id', async () => {
    await happen(world, { accountId, subjectId: endUser })
    const last = await lastNumber()
    const stream = await open(await ownerToken())
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect(await openCount()).toBe(1)
    await happen(world, { accountId, subjectId: endUser })
    await happen(world, { accountId: SECOND.id, subjectId: SECOND.subjects[0].id })
    await happen(world, { accountId, subjectId: another })
    const [first, second] = [await stream.next(), await stream.next()]
    expect([numberOf(first), numberOf(second)]).toEqual([last + 1, last + 2])
    expect(first).toMatchObject({ event: 'next', id: cursorOf(last + 1) })
    expect(first?.data.data.events).toMatchObject({ __typename: 'SubjectUpdatedEvent', cursor: first?.id, version: 1 })
  })

  test('with a cursor tells first what was missed, then what comes, without gap or double', async () => {
    const last = await lastNumber()
    for (let index = 0; index < 250; index += 1) await happen(world, { accountId, subjectId: endUser }, false)
    await sequenceEvents(world.resources.db, world.clock)
    const stream = await open(await ownerToken(), { variables: { after: cursorOf(last) } })
    const before = await take(stream, 120)
    const writers = Promise.all(
      Array.from({ length: 5 }, async () => {
        for (let index = 0; index < 4; index += 1) await happen(world, { accountId, subjectId: another })
      }),
    )
    const after = await take(stream, 150)
    await writers
    expect([...before, ...after]).toEqual(from(last + 1, 270))
  })

  test('goes on after Last-Event-ID, which stands before the argument', async () => {
    const last = await lastNumber()
    const token = await ownerToken()
    const stream = await open(token)
    for (let index = 0; index < 6; index += 1) await happen(world, { accountId, subjectId: endUser })
    const seen = await take(stream, 3)
    stream.drop()
    const headers = { 'last-event-id': cursorOf(last + 3) }
    const resumed = await open(token, { headers, variables: { after: cursorOf(last) } })
    expect([...seen, ...(await take(resumed, 3))]).toEqual(from(last + 1, 6))
  })

  test('is opened by GET too, with the header against forgery', async () => {
    const stream = await open(await ownerToken(), { method: 'GET' })
    await happen(world, { accountId, subjectId: endUser })
    expect(numberOf(await stream.next())).toBe(await lastNumber())
    const plain = await fetch(`${url}/graphql?query=subscription{events{id}}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${await ownerToken()}` },
    })
    expect(plain.status).toBe(403)
    await plain.body?.cancel()
  })

  test('shows a member what concerns it, a processor its feed without persons, and what a filter names', async () => {
    const [self, processor, filtered] = [
      await open(await memberOf(1)),
      await open(world.demo.tokens.processor),
      await open(await ownerToken(), { variables: { filter: { subjectId: world.ids.endUser } } }),
    ]
    await happen(world, { accountId: SECOND.id, subjectId: SECOND.subjects[0].id })
    await happen(world, { accountId, subjectId: another })
    await happen(world, { accountId, subjectId: endUser, processorId: DEMO_PROCESSOR_ID })
    await happen(world, { accountId, subjectId: member })
    const last = await lastNumber()
    expect(numberOf(await self.next())).toBe(last)
    expect(numberOf(await filtered.next())).toBe(last - 1)
    const told = await processor.next()
    expect(told?.data.data.events).toMatchObject({ subjectId: null, accountId: world.ids.account })
    expect(JSON.stringify(told)).not.toContain(world.ids.endUser)
  })

  test('takes its place back when the reader goes, and leaves no timer or listener', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const opened = await Promise.all(Array.from({ length: 5 }, async () => open(await ownerToken())))
    expect(await openCount()).toBe(5)
    for (const stream of opened) stream.drop()
    await until(async () => (await openCount()) === 0)
    await until(() => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length <= before)
  })
})

describe('a stream is refused', () => {
  const refusal = async (token: string | null, options: Parameters<typeof openStream>[2] = {}) => {
    const stream = await open(token, options)
    return [stream.status, ...(await stream.rest()).flatMap((sent) => codeOf(sent) ?? [])]
  }

  test('to who may not read events, and leaves no place taken', async () => {
    expect(await refusal(world.demo.tokens.staff)).toEqual([200, 'FORBIDDEN'])
    expect(await refusal(world.demo.tokens.gateway)).toEqual([200, 'FORBIDDEN'])
    expect(await refusal(null)).toEqual([200, 'UNAUTHENTICATED'])
    expect(await openCount()).toBe(0)
  })

  test('with a cursor of another feed, one of no answer, or a wrong filter', async () => {
    const token = await ownerToken()
    for (const after of ['x', cursorOf(1, SECOND.id), cursorOf(1_000_000)]) {
      expect(await refusal(token, { variables: { after } })).toEqual([200, 'BAD_USER_INPUT'])
      expect(await refusal(token, { headers: { 'last-event-id': after } })).toEqual([200, 'BAD_USER_INPUT'])
    }
    expect(await refusal(token, { variables: { filter: { kinds: ['no'] } } })).toEqual([200, 'BAD_USER_INPUT'])
    expect(await openCount()).toBe(0)
  })

  test('with a document of two fields, of none, or with a directive on its field', async () => {
    const token = await ownerToken()
    const documents = [
      'subscription { events { id } more: events { id } }',
      'subscription { events @include(if: false) { id } }',
      'subscription { ...F @skip(if: true) } fragment F on Subscription { events { id } }',
      'subscription { __typename }',
    ]
    for (const query of documents)
      expect((await refusal(token, { query })).at(-1), query).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(await openCount()).toBe(0)
  })

  test('to who does not take an event stream', async () => {
    for (const accept of ['application/json', '*/*', 'multipart/mixed']) {
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${await ownerToken()}` },
        body: JSON.stringify({ query: 'subscription { events { id } }' }),
      })
      expect([answer.status, await answer.text()]).toEqual([406, expect.stringContaining('EVENT_STREAM_REQUIRED')])
    }
    expect(await openCount()).toBe(0)
  })

  test('to a caller who has 20 open, until one is closed; another caller is not held up', async () => {
    const token = await ownerToken()
    const opened = await Promise.all(Array.from({ length: STREAMS_PER_CALLER_MAX }, () => open(token)))
    expect((await refusal(token)).at(-1)).toBe('TOO_MANY_STREAMS')
    const other = await open(await memberOf(1))
    expect(await openCount()).toBe(STREAMS_PER_CALLER_MAX + 1)
    other.drop()
    opened[0]?.drop()
    await until(async () => (await openCount()) === STREAMS_PER_CALLER_MAX - 1)
    await open(token)
    expect(await openCount()).toBe(STREAMS_PER_CALLER_MAX)
  })
})

describe('a stream ends', () => {
  const end = async (stream: Stream) => {
    const all = await stream.rest()
    expect(all.at(-1)?.event).toBe('complete')
    expect(all.filter((sent) => numberOf(sent) !== undefined)).toEqual([])
    return all.flatMap((sent) => codeOf(sent) ?? [])
  }

  test('when the token ends, at that instant', async () => {
    const stream = await open((await world.serving.oauth.issueAccessToken(FIRST.clientId, ['events:read'], 60)) ?? '')
    world.clock.move(59)
    await happen(world, { accountId, subjectId: endUser })
    expect(numberOf(await stream.next())).toBe(await lastNumber())
    world.clock.move(1)
    expect(await end(stream)).toEqual(['UNAUTHENTICATED'])
  })

  test('when the token is revoked or the client disabled: before the next event, or within 30 s of silence', async () => {
    const made = await perform(world, 'subject', 'createApiClient', { label: 'bot', scopes: ['events:read'] })
    const { id, clientId } = made['apiClient'] as { id: string; clientId: string }
    const token = () => world.serving.oauth.issueAccessToken(clientId, ['events:read'], 600)
    await sequenceEvents(world.resources.db, world.clock)
    const [told, silent, revoked] = [await open(await token()), await open(await token()), await token()]
    const byRevocation = await open(revoked)
    const { jti } = JSON.parse(Buffer.from(revoked.split('.')[1] ?? '', 'base64url').toString())
    const at = world.clock.now()
    const row = { jti, clientId, revokedAt: at, expiresAt: new Date(at.getTime() + 600_000) }
    await world.resources.db.auth((tx) => tx.revokedToken.createMany({ data: [row] }))
    world.clock.move(30)
    expect(await end(byRevocation)).toEqual(['UNAUTHENTICATED'])
    await perform(world, 'subject', 'disableApiClient', { apiClientId: id })
    await sequenceEvents(world.resources.db, world.clock)
    expect(await end(told)).toEqual(['UNAUTHENTICATED'])
    expect(await end(silent)).toEqual(['UNAUTHENTICATED'])
  })

  test('when a member is removed: it is not told of that any more', async () => {
    const stream = await open(await memberOf(1))
    await perform(world, 'subject', 'removeMember', { subjectId: world.ids.member })
    await sequenceEvents(world.resources.db, world.clock)
    expect(await end(stream)).toEqual(['FORBIDDEN'])
    const denied = world.log.filter((line) => line.includes('graphql.stream_ended') && line.includes('FORBIDDEN'))
    expect(denied).toHaveLength(1)
  })

  test('follows what a changed role shows: an owner who is made a member sees itself alone', async () => {
    const stream = await open(await ownerToken())
    await world.resources.db.write({ caller: systemSession(accountId), requestId: 'r' }, (tx) =>
      tx.subject.updateMany({ where: { accountId, id: owner }, data: { accountRole: 'MEMBER' } }),
    )
    await happen(world, { accountId, subjectId: endUser })
    await happen(world, { accountId, subjectId: owner })
    expect(numberOf(await stream.next())).toBe(await lastNumber())
  })

  test('at once when the server stops, well within its time of grace', async () => {
    const env = readServerEnv({
      NODE_ENV: 'test',
      PORT: '0',
      WORKER: 'off',
      DEMO: 'off',
      PUBLIC_URL: 'http://privacy.test',
      GRACE_SECONDS: '600',
    })
    const resources = { ...world.resources, close: async () => {} }
    const server = await startServer({ resources, env, log: createLog({ level: 'silent' }), streamPollMs: 20 })
    const opened = await Promise.all(
      Array.from({ length: 3 }, () => openStream(server.url, world.demo.tokens.integration)),
    )
    // The test itself would not wait for the time of grace.
    const [, ...ends] = await Promise.all([server.stop(), ...opened.map((stream) => end(stream))])
    expect(ends).toEqual([[], [], []])
  })
})

test('a stream names first the place where it begins, and holds no transaction', async () => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${world.demo.tokens.integration}`,
    },
    body: JSON.stringify({ query: 'subscription { events { id } }' }),
  })
  const reader = response.body?.getReader()
  const first = new TextDecoder().decode((await reader?.read())?.value)
  expect(first).toBe(`id: ${cursorOf(await lastNumber())}\n\n`)
  // The embedded database has one connection: a transaction that stayed open would make this wait for ever.
  await world.resources.db.worker((tx) => tx.$queryRaw`select 1`)
  await reader?.cancel()
})
