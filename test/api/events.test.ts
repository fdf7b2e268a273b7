import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO_ACCOUNTS } from '../../src/demo/demo-data.ts'
import { DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { writeEventCursor } from '../../src/domains/events/cursor.rules.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { DELIVERED_SECONDS, deleteDeliveredEvents, dispatchOutbox } from '../../src/domains/events/events.jobs.ts'
import { EVENTS } from '../../src/domains/events/events.rules.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { openWorld, type World } from '../kit/world.ts'
import { localId, perform, type Who } from './calls.ts'
import { EVENT, happen } from './stream-kit.ts'

const [FIRST, SECOND] = DEMO_ACCOUNTS
const accountId = FIRST.id
const [owner = '', member = '', endUser = '', another = ''] = FIRST.subjects.map(({ id }) => id)

let world: World
let memberToken: Who
beforeAll(async () => {
  world = await openWorld()
  memberToken = { token: await world.memberToken() }
  await sequenceEvents(world.resources.db, world.clock)
})
afterAll(() => world.close())

const EVENTS_QUERY = `query ($after: String, $first: Int, $filter: EventFilter) {
  events(after: $after, first: $first, filter: $filter) {
    edges { cursor node { ${EVENT} } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`
type Node = { id: string; sequence: number; kind: string; subjectId: string | null; accountId: string; cursor: string }
type Page = {
  edges: { cursor: string; node: Node }[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null; startCursor: string | null }
}

const ask = (as: Who | null, variables: object = {}) => world.ask(as, EVENTS_QUERY, variables)
async function pageOf(as: Who, variables: object = {}): Promise<Page> {
  const answer = await ask(as, variables)
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.events
}
const numbers = (page: Page) => page.edges.map(({ node }) => node.sequence)
const endOf = async (feedId: string) => {
  const counter = await world.resources.db.worker((tx) => tx.eventCounter.findUnique({ where: { feedId } }))
  return writeEventCursor({ feedId, sequence: counter?.sequence ?? 0n })
}
async function refusalOf(as: Who | null, variables: object) {
  const { errors } = await ask(as, variables)
  const { requestId: _, ...extensions } = errors?.[0]?.extensions ?? {}
  return { message: errors?.[0]?.message, ...extensions }
}

test('a week of events is read page by page, in order, without gap or double', async () => {
  const start = await endOf(accountId)
  world.clock.move(-7 * 86_400)
  for (let hour = 0; hour < 7 * 24; hour += 1) {
    world.clock.move(3_600)
    await happen(world, { accountId, subjectId: hour % 2 ? endUser : another }, hour % 5 === 0)
  }
  await sequenceEvents(world.resources.db, world.clock)
  const seen: number[] = []
  let pages = 0
  for (let after: string | null = start; ; ) {
    const page: Page = await pageOf('integration', { after, first: 50 })
    seen.push(...numbers(page))
    pages += 1
    if (!page.pageInfo.hasNextPage) break
    after = page.pageInfo.endCursor
  }
  const first = seen[0] ?? 0
  expect(pages).toBe(4)
  expect(seen).toEqual(Array.from({ length: 168 }, (_, index) => first + index))
})

test('a page is at most 100, 20 where nothing is said, and may be empty', async () => {
  const start = writeEventCursor({ feedId: accountId, sequence: 0n })
  expect((await pageOf('subject', { after: start })).edges).toHaveLength(20)
  expect((await pageOf('subject', { after: start, first: 1_000 })).edges).toHaveLength(100)
  expect(await pageOf('subject', { after: await endOf(accountId), first: 0 })).toEqual({
    edges: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
  })
  expect(await refusalOf('subject', { first: -1 })).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' })
})

test('each caller sees its feed: an account whole, a person itself, a processor no person, others none', async () => {
  const after = { account: await endOf(accountId), processor: await endOf(DEMO_PROCESSOR_ID) }
  await happen(world, { accountId, subjectId: member })
  await happen(world, { accountId, subjectId: endUser, processorId: DEMO_PROCESSOR_ID })
  const subjectOf = (id: string) => globalId('Subject', tenantKey({ accountId, id }))
  const subjects = async (as: Who, cursor: string) =>
    (await pageOf(as, { after: cursor })).edges.map(({ node }) => node.subjectId)
  expect(await subjects('subject', after.account)).toEqual([subjectOf(member), subjectOf(endUser)])
  expect(await subjects('integration', after.account)).toEqual([subjectOf(member), subjectOf(endUser)])
  expect(await subjects(memberToken, after.account)).toEqual([subjectOf(member)])
  const { edges } = await pageOf('processor', { after: after.processor })
  expect(edges.map(({ node }) => [node.kind, node.accountId, node.subjectId])).toEqual([
    ['subject.updated', globalId('Account', accountId), null],
  ])
  expect(JSON.stringify(edges)).not.toContain(world.ids.endUser)
  await happen(world, { accountId: SECOND.id, subjectId: SECOND.subjects[0].id })
  const theirs = (await pageOf('otherSubject')).edges.map(({ node }) => node.accountId)
  expect([...new Set(theirs)]).toEqual([world.ids.otherAccount])
  for (const as of ['staff', 'gateway'] as const) expect(await refusalOf(as, {})).toMatchObject({ code: 'FORBIDDEN' })
  expect(await refusalOf(null, {})).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('an event shows what its kind carries, ids as global ids', async () => {
  const after = await endOf(SECOND.id)
  const made = await perform(world, 'otherSubject', 'createApiClient', { label: 'bot' })
  const { id: apiClientId } = made['apiClient'] as { id: string }
  await perform(world, 'otherSubject', 'disableApiClient', { apiClientId })
  await perform(world, 'otherSubject', 'closeAccount', { accountId: world.ids.otherAccount })
  await sequenceEvents(world.resources.db, world.clock)
  const { edges } = await pageOf('otherIntegration', {
    after,
    filter: { kinds: ['client.disabled', 'account.closing'] },
  })
  const at = world.clock.now().toISOString()
  const common = { version: 1, occurredAt: at, accountId: world.ids.otherAccount, subjectId: null }
  expect(edges.map(({ node: { id: _, sequence: _s, cursor: _c, ...node } }) => node)).toEqual([
    { ...common, __typename: 'ClientDisabledEvent', kind: 'client.disabled', clientId: apiClientId },
    { ...common, __typename: 'AccountClosingEvent', kind: 'account.closing', closingAt: at },
  ])
})

test('a filter by person, kind and time shows what it names; a person of another account is nobody', async () => {
  world.clock.move(60)
  const from = world.clock.now().toISOString()
  await happen(world, { accountId, subjectId: owner, processorId: DEMO_PROCESSOR_ID })
  world.clock.move(60)
  const to = world.clock.now().toISOString()
  await happen(world, { accountId, subjectId: owner })
  const count = async (filter: object, as: Who = 'subject') => (await pageOf(as, { filter, first: 100 })).edges.length
  expect(await count({ from })).toBe(2)
  expect(await count({ from, to })).toBe(1)
  expect(await count({ from, kinds: ['subject.created'] })).toBe(0)
  expect(await count({ from, kinds: [] })).toBe(0)
  expect(await count({ from, subjectId: world.ids.owner })).toBe(2)
  expect(await count({ from, subjectId: world.ids.member })).toBe(0)
  expect(await count({ subjectId: world.ids.other })).toBe(0)
  expect(await count({ from }, 'processor')).toBe(1)
  expect(await count({ from, subjectId: world.ids.owner }, 'processor')).toBe(0)
  const bad = [
    [{ kinds: ['no.such'] }, 'filter.kinds'],
    [{ from: to, to: from }, 'filter.to'],
    [{ subjectId: world.ids.account }, 'filter.subjectId'],
  ] as const
  for (const [filter, field] of bad)
    expect(await refusalOf('subject', { filter })).toMatchObject({ code: 'BAD_USER_INPUT', field })
})

test('a cursor of another feed, of no feed, or of a number not given out yet is refused alike', async () => {
  const refusal = { message: 'after is not a cursor of this feed.', code: 'BAD_USER_INPUT', field: 'after' }
  const ahead = writeEventCursor({ feedId: accountId, sequence: 1_000_000n })
  const wrong = [await endOf(SECOND.id), await endOf(DEMO_PROCESSOR_ID), ahead, '', 'x', `${await endOf(accountId)}=`]
  for (const after of wrong) {
    expect(await refusalOf('subject', { after })).toEqual(refusal)
    expect(await refusalOf(memberToken, { after })).toEqual(refusal)
  }
  expect(await refusalOf('processor', { after: await endOf(accountId) })).toEqual(refusal)
})

test('a cursor older than what is kept is refused with the one to go on from, never passed over', async () => {
  const { db } = world.resources
  await dispatchOutbox(db, world.clock, [])
  world.clock.move(DELIVERED_SECONDS)
  await happen(world, { accountId, subjectId: endUser })
  await deleteDeliveredEvents(db, world.clock.now())
  const old = writeEventCursor({ feedId: accountId, sequence: 3n })
  const fresh = { token: await world.ownerToken('events:read') }
  const self = { token: await world.memberToken() }
  for (const as of [fresh, self]) {
    const refusal = await refusalOf(as, { after: old })
    expect(refusal).toMatchObject({ code: 'CURSOR_EXPIRED', field: 'after' })
    const { oldestCursor } = refusal as unknown as { oldestCursor: string }
    expect((await pageOf(as, { after: oldestCursor })).edges).toHaveLength(as === fresh ? 1 : 0)
  }
  expect((await pageOf(fresh)).edges).toHaveLength(1)
})

test('every kind of the catalogue has a type of its own, and no field that hides one of all events', async () => {
  const token = await world.ownerToken('events:read')
  const { data } = await world.ask({ token }, '{ __type(name: "Event") { possibleTypes { name } fields { name } } }')
  const types: string[] = data.__type.possibleTypes.map(({ name }: { name: string }) => name)
  expect(types).toHaveLength(Object.keys(EVENTS).length)
  expect(types).toContain('AccountMemberJoinedEvent')
  const common: string[] = data.__type.fields.map(({ name }: { name: string }) => name)
  const fields = Object.values(EVENTS).flatMap((definition) => Object.keys(definition.fields))
  expect(fields.filter((name) => common.includes(name) && !['accountId', 'subjectId'].includes(name))).toEqual([])
  expect(localId(world.ids.account)).toBe(accountId)
})
