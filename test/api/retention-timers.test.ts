import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import type { Who } from './calls.ts'
import { itemId, numberOf, type Planted, plant } from './retention-kit.ts'

const NOW = '2026-03-15T12:00:00.000Z'
const YESTERDAY = '2026-03-14T12:00:00.000Z'

/** One timer in each state; 4 and 5 are due at the same instant, and so is 9, of the other account. */
const PLANTED: readonly Planted[] = [
  { n: 1, due: '2026-03-16T12:00:00.500Z' },
  { n: 2, due: '2026-03-15T11:59:30.000Z', state: 'RESTRICTED' },
  {
    ...{ n: 3, due: '2026-03-15T11:00:00.000Z', attempt: '2026-03-15T12:04:00.000Z', attempts: 2 },
    problem: 'KEYS.PROVIDER_UNAVAILABLE',
  },
  { n: 4, of: 'endUser', due: YESTERDAY, state: 'HELD' },
  { n: 5, of: 'endUser', due: YESTERDAY, state: 'HELD', confidential: true },
  { n: 6, due: '2026-03-10T00:00:00.000Z', state: 'ERASED', done: '2026-03-10T00:01:30.999Z' },
  { n: 7, due: '2026-05-01T00:00:00.000Z', state: 'ANONYMISED', done: '2026-03-10T00:00:00.000Z' },
  { n: 8 },
  { n: 9, of: 'other', due: YESTERDAY },
]

const FIELDS = `itemId state dueAt remainingSeconds action attempts lastProblem nextAttemptAt doneAt driftSeconds`
const LIST = `query($filter: RetentionTimerFilter, $first: Int, $after: String, $last: Int, $before: String) {
  retentionTimers(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { node { ${FIELDS} item { state } rule { trigger period } } } } }`

const ALL = ['RUNNING', 'HELD', 'DUE', 'DONE', 'FAILED']
const COOKIES = { categories: ['COOKIE'] }

let world: World
let owner: Owner
let statements: Statements
let callers: Awaited<ReturnType<typeof callersOf>>
const as = (name: string): Who => ({ token: callers[name] ?? '' })

beforeAll(async () => {
  world = await openWorld({ now: NOW })
  owner = await openOwnerOf(world.resources.db)
  callers = await callersOf(world)
  await plant(world, owner, PLANTED)
  statements = watchStatements()
})
beforeEach(() => world.clock.set(NOW))
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

type Timer = { itemId: string; state: string; [field: string]: unknown }
type Page = { totalCount: number; pageInfo: Record<string, unknown>; edges: { node: Timer }[] }

async function list(who: Who, variables: object): Promise<Page> {
  const { data, errors } = await world.ask(who, LIST, variables)
  if (errors) throw new Error(JSON.stringify(errors))
  return data.retentionTimers
}

const numbers = ({ edges }: Page) => edges.map(({ node }) => numberOf(node.itemId))

async function timers(who: Who, filter: object): Promise<string[]> {
  const { edges } = await list(who, { filter })
  return edges.map(({ node }) => `${numberOf(node.itemId)} ${node.state}`)
}

/** The code of an error, and the field that it names. */
async function refusal(who: Who | null, filter: object, page: object = {}): Promise<string> {
  const { errors } = await world.ask(who, LIST, { filter, ...page })
  const { code, field } = errors?.[0]?.extensions ?? {}
  return field === undefined ? String(code) : `${code} ${field}`
}

describe('a timer', () => {
  test('is in the state that its item and the clock say, in order of its instant', async () => {
    expect(await timers('staff', { ...COOKIES, states: ALL })).toEqual([
      '6 DONE',
      '4 HELD',
      '5 HELD',
      '9 DUE',
      '3 FAILED',
      '2 DUE',
      '1 RUNNING',
      '7 DONE',
      '8 RUNNING',
    ])
  })

  test('is asked for by name when it is done', async () => {
    expect(await timers('subject', COOKIES)).toEqual(['4 HELD', '5 DUE', '3 FAILED', '2 DUE', '1 RUNNING', '8 RUNNING'])
  })

  test('tells all that it is', async () => {
    const { edges } = await list('subject', { filter: { ...COOKIES, states: ['RUNNING', 'FAILED', 'DONE'] } })
    expect(edges.map(({ node: { itemId: id, ...node } }) => [numberOf(id), node])).toMatchInlineSnapshot(`
      [
        [
          6,
          {
            "action": "DELETE",
            "attempts": 0,
            "doneAt": "2026-03-10T00:01:30.999Z",
            "driftSeconds": 90,
            "dueAt": "2026-03-10T00:00:00.000Z",
            "item": {
              "state": "ERASED",
            },
            "lastProblem": null,
            "nextAttemptAt": null,
            "remainingSeconds": null,
            "rule": {
              "period": "P13M",
              "trigger": "CREATED",
            },
            "state": "DONE",
          },
        ],
        [
          3,
          {
            "action": "DELETE",
            "attempts": 2,
            "doneAt": null,
            "driftSeconds": null,
            "dueAt": "2026-03-15T11:00:00.000Z",
            "item": {
              "state": "LIVE",
            },
            "lastProblem": "KEYS.PROVIDER_UNAVAILABLE",
            "nextAttemptAt": "2026-03-15T12:04:00.000Z",
            "remainingSeconds": -3600,
            "rule": {
              "period": "P13M",
              "trigger": "CREATED",
            },
            "state": "FAILED",
          },
        ],
        [
          1,
          {
            "action": "DELETE",
            "attempts": 0,
            "doneAt": null,
            "driftSeconds": null,
            "dueAt": "2026-03-16T12:00:00.500Z",
            "item": {
              "state": "LIVE",
            },
            "lastProblem": null,
            "nextAttemptAt": "2026-03-16T12:00:00.500Z",
            "remainingSeconds": 86401,
            "rule": {
              "period": "P13M",
              "trigger": "CREATED",
            },
            "state": "RUNNING",
          },
        ],
        [
          7,
          {
            "action": "DELETE",
            "attempts": 0,
            "doneAt": "2026-03-10T00:00:00.000Z",
            "driftSeconds": null,
            "dueAt": "2026-05-01T00:00:00.000Z",
            "item": {
              "state": "ANONYMISED",
            },
            "lastProblem": null,
            "nextAttemptAt": null,
            "remainingSeconds": null,
            "rule": {
              "period": "P13M",
              "trigger": "CREATED",
            },
            "state": "DONE",
          },
        ],
        [
          8,
          {
            "action": "DELETE",
            "attempts": 0,
            "doneAt": null,
            "driftSeconds": null,
            "dueAt": null,
            "item": {
              "state": "LIVE",
            },
            "lastProblem": null,
            "nextAttemptAt": null,
            "remainingSeconds": null,
            "rule": {
              "period": "P13M",
              "trigger": "CREATED",
            },
            "state": "RUNNING",
          },
        ],
      ]
    `)
  })

  test('counts down in whole seconds, through its instant and beyond', async () => {
    await plant(world, owner, [{ n: 31, due: '2026-03-15T13:00:00.500Z', system: 'countdown', category: 'PAYMENT' }])
    const remaining = async () => {
      const { edges } = await list('subject', { filter: { systems: ['countdown'] } })
      return edges.map(({ node }) => [numberOf(node.itemId), node.state, node['remainingSeconds']])
    }
    expect(await remaining()).toEqual([[31, 'RUNNING', 3_601]])
    world.clock.set('2026-03-15T13:00:00.500Z')
    expect(await remaining()).toEqual([[31, 'DUE', 0]])
    world.clock.set('2026-03-15T13:00:02.499Z')
    expect(await remaining()).toEqual([[31, 'DUE', -1]])
    world.clock.set('2026-03-15T13:00:02.500Z')
    expect(await remaining()).toEqual([[31, 'DUE', -2]])
  })

  test('is shown with the item it is of, and the item with it', async () => {
    const query = `query($id: ID!) { node(id: $id) { ... on InventoryItem { id state timer { itemId state item { id } } } } }`
    const { data } = await world.ask('subject', query, { id: itemId(world, 4) })
    const id = itemId(world, 4)
    expect(data.node).toEqual({ id, state: 'HELD', timer: { itemId: id, state: 'HELD', item: { id } } })
  })

  test('is there for those who may not read the inventory, without the item', async () => {
    const { edges } = await list(as('STAFF AUDITOR'), { filter: { ...COOKIES, states: ['FAILED'] } })
    expect(edges.map(({ node }) => [numberOf(node.itemId), node['item']])).toEqual([[3, null]])
  })
})

describe('a confidential hold', () => {
  test('is told to those alone who manage holds', async () => {
    const held = { ...COOKIES, states: ['HELD'] }
    expect(await timers('staff', held)).toEqual(['4 HELD', '5 HELD'])
    for (const name of ['OWNER', 'ADMIN', 'INTEGRATION', 'END_USER', 'STAFF ENGINEER', 'STAFF AUDITOR'])
      expect([name, await timers(as(name), held)]).toEqual([name, ['4 HELD']])
  })

  test('leaves a timer as it would be without it', async () => {
    await plant(world, owner, [{ n: 15, of: 'endUser', due: YESTERDAY }])
    const { edges } = await list('subject', { filter: { ...COOKIES, states: ['DUE'], dueTo: NOW } })
    const [hidden, free] = [5, 15].map((n) => edges.find(({ node }) => numberOf(node.itemId) === n)?.node)
    await owner.query("delete from inventory_item where locator = 'place/15'")
    expect(hidden).toMatchObject({ state: 'DUE', item: { state: 'LIVE' }, nextAttemptAt: YESTERDAY })
    expect({ ...hidden, itemId: null }).toEqual({ ...free, itemId: null })
  })

  test('a filter by state finds what is shown in that state', async () => {
    for (const name of ['OWNER', 'END_USER', 'STAFF ENGINEER', 'STAFF PRIVACY_OFFICER']) {
      const shown = await timers(as(name), { ...COOKIES, states: ALL })
      expect(shown.length).toBeGreaterThan(1)
      for (const state of ALL) {
        const expected = shown.filter((timer) => timer.endsWith(state))
        expect([name, state, await timers(as(name), { ...COOKIES, states: [state] })]).toEqual([name, state, expected])
      }
    }
  })
})

describe('pages', () => {
  const equalFilter = { systems: ['equal'] }
  const equal = { system: 'equal', category: 'PAYMENT' } as const
  const ORDER = [21, 22, 23, 24, 25, 26, 27]
  beforeAll(async () => {
    const due = '2026-07-01T00:00:00.000Z'
    const dated = [22, 21, 24, 23, 25].map((n) => ({ n, due, ...equal }))
    await plant(world, owner, [...dated, { n: 27, ...equal }, { n: 26, ...equal }])
  })

  test.each([1, 2, 3, 7, 8])('of %i lead through equal instants and those without one, forwards', async (first) => {
    const seen: number[] = []
    let after: unknown
    for (let page = await list('subject', { filter: equalFilter, first }); ; ) {
      expect(page.totalCount).toBe(7)
      expect(page.pageInfo['hasPreviousPage']).toBe(after !== undefined)
      seen.push(...numbers(page))
      after = page.pageInfo['endCursor']
      if (page.pageInfo['hasNextPage'] !== true || seen.length > ORDER.length) break
      page = await list('subject', { filter: equalFilter, first, after })
    }
    expect(seen).toEqual(ORDER)
  })

  test.each([1, 2, 3, 7, 8])('of %i lead back', async (last) => {
    const seen: number[] = []
    let before: unknown
    for (let page = await list('subject', { filter: equalFilter, last }); ; ) {
      expect(page.pageInfo['hasNextPage']).toBe(before !== undefined)
      seen.unshift(...numbers(page))
      before = page.pageInfo['startCursor']
      if (page.pageInfo['hasPreviousPage'] !== true || seen.length > ORDER.length) break
      page = await list('subject', { filter: equalFilter, last, before })
    }
    expect(seen).toEqual(ORDER)
  })

  test('lie between two cursors', async () => {
    const all = await list('subject', { filter: equalFilter, first: 7 })
    const { edges } = (
      await world.ask(
        'subject',
        `query($filter: RetentionTimerFilter) {
      retentionTimers(filter: $filter) { edges { cursor } } }`,
        { filter: equalFilter },
      )
    ).data.retentionTimers
    const [second, sixth] = [edges[1].cursor, edges[5].cursor]
    expect(numbers(await list('subject', { filter: equalFilter, after: second, before: sixth }))).toEqual([23, 24, 25])
    expect(numbers(await list('subject', { filter: equalFilter, after: second, before: sixth, last: 2 }))).toEqual([
      24, 25,
    ])
    expect(numbers(all)).toEqual(ORDER)
  })

  test('refuse a cursor that no answer gave out', async () => {
    const foreign = Buffer.from('["2026-13-01T00:00:00.000Z","x","y"]').toString('base64url')
    for (const cursor of ['', 'x', foreign, Buffer.from('GPC:S:1').toString('base64'), 'A'.repeat(300)]) {
      expect(await refusal('subject', equalFilter, { after: cursor })).toBe('BAD_USER_INPUT after')
      expect(await refusal('subject', equalFilter, { before: cursor })).toBe('BAD_USER_INPUT before')
    }
  })

  test('hold 100 timers at most, and are refused below none', async () => {
    expect((await list('subject', { filter: equalFilter, first: 0 })).edges).toEqual([])
    expect(await refusal('subject', equalFilter, { first: -1 })).toBe('BAD_USER_INPUT')
    const many = Array.from({ length: 101 }, (_, index) => ({ n: 200 + index, ...equal, system: 'many' }))
    await plant(world, owner, many)
    const ids = `query($first: Int) { retentionTimers(filter: { systems: ["many"] }, first: $first) { edges { node { itemId } } } }`
    const lengthOf = async (first?: number) =>
      (await world.ask('subject', ids, { first })).data.retentionTimers.edges.length
    expect([await lengthOf(), await lengthOf(100), await lengthOf(150)]).toEqual([20, 100, 100])
  })

  test('take three statements each, whatever they hold: two for the keys and one for the rows', async () => {
    const pageOf = async (variables: object) => {
      statements.reset()
      await list('subject', { filter: equalFilter, ...variables })
      return statements.seen.filter((sql) => sql.includes('"due_at"') && !/count\(/i.test(sql)).length
    }
    for (const first of [1, 3, 7]) expect(await pageOf({ first })).toBe(3)
  })
})

describe('a filter', () => {
  test('narrows by person, system, category and instants, the latter half open', async () => {
    expect(await timers('subject', { ...COOKIES, subjectId: world.ids.endUser })).toEqual(['4 HELD', '5 DUE'])
    expect(await timers('subject', { systems: ['banner', 'jar'], states: ['FAILED'] })).toEqual(['3 FAILED'])
    expect(await timers('subject', { categories: ['CONSENT', 'SECURITY'] })).toEqual([])
    const range = { ...COOKIES, dueFrom: YESTERDAY, dueTo: '2026-03-15T11:59:30.000Z' }
    expect(await timers('subject', range)).toEqual(['4 HELD', '5 DUE', '3 FAILED'])
  })

  test('that no timer can meet finds none', async () => {
    expect(await timers('subject', { ...COOKIES, states: ['DUE'], dueFrom: '2026-03-15T12:00:00.001Z' })).toEqual([])
    expect(await timers('staff', { ...COOKIES, subjectId: itemOfNobody() })).toEqual([])
  })

  const itemOfNobody = () =>
    Buffer.from(
      `Subject:${Buffer.from(world.ids.account, 'base64').toString().slice(8)}/${'0'.repeat(8)}-0000-7000-8000-000000000000`,
    ).toString('base64')

  test('that contradicts itself is refused by the field', async () => {
    const both = { accountId: world.ids.otherAccount, subjectId: world.ids.member }
    expect(await refusal('staff', both)).toBe('BAD_USER_INPUT filter.subjectId')
    expect(await refusal('staff', { dueFrom: NOW, dueTo: NOW })).toBe('BAD_USER_INPUT filter.dueTo')
    expect(await refusal('staff', { dueFrom: NOW, dueTo: YESTERDAY })).toBe('BAD_USER_INPUT filter.dueTo')
    for (const field of ['categories', 'systems', 'states'])
      expect(await refusal('staff', { [field]: [] })).toBe(`BAD_USER_INPUT filter.${field}`)
    expect(await refusal('staff', { systems: ["x' or true"] })).toBe('BAD_USER_INPUT filter.systems')
    expect(await refusal('staff', { accountId: world.ids.member })).toBe('BAD_USER_INPUT filter.accountId')
    for (const subjectId of ['', 'x', world.ids.account])
      expect(await refusal('staff', { subjectId })).toBe('BAD_USER_INPUT filter.subjectId')
    expect(await refusal('staff', { accountId: '' })).toBe('BAD_USER_INPUT filter.accountId')
  })
})

describe('who sees timers', () => {
  test('is Staff for all, an account for its own, a person for its own data', async () => {
    const seen = async (name: string) => (await timers(as(name), COOKIES)).map((timer) => Number.parseInt(timer, 10))
    expect(await seen('STAFF ENGINEER')).toEqual([4, 5, 9, 3, 2, 1, 8])
    for (const name of ['OWNER', 'ADMIN', 'INTEGRATION'])
      expect([name, await seen(name)]).toEqual([name, [4, 5, 3, 2, 1, 8]])
    expect(await seen('MEMBER')).toEqual([3, 2, 1, 8])
    expect(await seen('END_USER')).toEqual([4, 5])
  })

  test("another account's ids are answered like ids that do not exist", async () => {
    expect(await timers('subject', { accountId: world.ids.otherAccount })).toEqual([])
    expect(await timers('subject', { subjectId: world.ids.other })).toEqual([])
    expect(await timers(as('MEMBER'), { subjectId: world.ids.endUser })).toEqual([])
  })

  test('is nobody without a token, with one that has expired, or without the scope', async () => {
    expect(await refusal(null, COOKIES)).toBe('UNAUTHENTICATED')
    for (const name of ['GATEWAY', 'PROCESSOR', 'STAFF SUPPORT', 'unlinked person'])
      expect([name, await refusal(as(name), COOKIES)]).toEqual([name, 'FORBIDDEN'])
    const token = await world.ownerToken('inventory:read')
    expect(await refusal({ token }, COOKIES)).toBe('FORBIDDEN')
    const ended = { token: await world.ownerToken('retention:read') }
    world.clock.move(43_300)
    expect(await refusal(ended, COOKIES)).toBe('UNAUTHENTICATED')
  })

  test('is noted for the audit where Staff sees those of persons', async () => {
    world.clock.move(3_600)
    await timers(as('STAFF ENGINEER'), { ...COOKIES, states: ['FAILED'] })
    const rows = await owner.query<{ ids: string[] }>(
      `select record_ids as ids from audit_event where kind = 'subject.read_by_staff' and record_type = 'InventoryItem'
       order by id desc limit 1`,
    )
    expect(rows.flatMap(({ ids }) => ids.map((id) => Number(id.slice(-12))))).toEqual([3])
  })
})
