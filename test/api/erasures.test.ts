import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import { localId, type Who } from './calls.ts'
import { plantedId } from './retention-kit.ts'

const NOW = '2026-03-15T12:00:00.000Z'

let world: World
let owner: Owner
let statements: Statements
let callers: Awaited<ReturnType<typeof callersOf>>
const as = (name: string): Who => ({ token: callers[name] ?? '' })

/** Writes an entry of the ledger; finished where it says how many rows were counted. */
async function enter(n: number, entry: Readonly<Record<string, string | number>>, accountId: string): Promise<void> {
  const row = { cause: 'RETENTION', action: 'DELETE', system: 'banner', category: 'COOKIE', items: 1, ...entry }
  const finished = entry['rows'] === undefined ? {} : { remaining: 0, finished_at: NOW, keys_destroyed: 1 }
  await owner.query(
    'insert into erasure select * from jsonb_populate_record(null::erasure, $1::text::jsonb)',
    JSON.stringify({ account_id: accountId, id: plantedId(n), begun_at: NOW, ...row, ...finished }),
  )
}

beforeAll(async () => {
  world = await openWorld({ now: NOW })
  owner = await openOwnerOf(world.resources.db)
  callers = await callersOf(world)
  const [own, other] = [localId(world.ids.account), localId(world.ids.otherAccount)]
  await enter(1, { items: 500, rows: 1_200, line_id: plantedId(90), begun_at: '2026-03-01T00:00:00.000Z' }, own)
  await enter(2, { category: 'CONTENT_BATCH', system: 'batch', action: 'SHRED', cause: 'REQUEST', rows: 3 }, own)
  await enter(3, { cause: 'CALLER', action: 'ANONYMISE' }, own)
  await enter(4, { rows: 2 }, other)
  await enter(5, { rows: 0, cause: 'REPLAY' }, PLATFORM_ACCOUNT_ID)
  statements = watchStatements()
})
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

const FIELDS = `id accountId lineId cause action system category items begunAt finishedAt rows remaining keysDestroyed`
const LIST = `query($filter: ErasureFilter, $first: Int, $after: String, $last: Int, $before: String) {
  erasures(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { ${FIELDS} } } } }`

async function list(who: Who, variables: object = {}) {
  const { data, errors } = await world.ask(who, LIST, variables)
  if (errors) throw new Error(JSON.stringify(errors))
  return data.erasures
}

const numbersOf = (page: { edges: { node: { id: string } }[] }) =>
  page.edges.map(({ node }) => Number(localId(node.id).slice(-12)))
const found = async (who: Who, filter: object = {}) => numbersOf(await list(who, { filter }))

async function refusal(who: Who | null, variables: object): Promise<string> {
  const { code, field } = (await world.ask(who, LIST, variables)).errors?.[0]?.extensions ?? {}
  return field === undefined ? String(code) : `${code} ${field}`
}

describe('the ledger of what was ended', () => {
  test('tells what was done, why, and what was counted afterwards', async () => {
    const { edges } = await list('subject', { filter: { system: 'banner' } })
    const shown = edges.map(({ node: { id, accountId, ...node } }: { node: Record<string, unknown> }) => {
      expect([accountId, localId(id).length]).toEqual([world.ids.account, 73])
      return node
    })
    expect(shown).toMatchInlineSnapshot(`
      [
        {
          "action": "ANONYMISE",
          "begunAt": "2026-03-15T12:00:00.000Z",
          "category": "COOKIE",
          "cause": "CALLER",
          "finishedAt": null,
          "items": 1,
          "keysDestroyed": null,
          "lineId": null,
          "remaining": null,
          "rows": null,
          "system": "banner",
        },
        {
          "action": "DELETE",
          "begunAt": "2026-03-01T00:00:00.000Z",
          "category": "COOKIE",
          "cause": "RETENTION",
          "finishedAt": "2026-03-15T12:00:00.000Z",
          "items": 500,
          "keysDestroyed": 1,
          "lineId": "00000000-0000-7000-8000-000000000090",
          "remaining": 0,
          "rows": 1200,
          "system": "banner",
        },
      ]
    `)
  })

  test('is found by each of its columns', async () => {
    expect(await found('subject')).toEqual([3, 2, 1])
    expect(await found('staff', { category: 'COOKIE' })).toEqual([5, 4, 3, 1])
    expect(await found('staff', { system: 'batch' })).toEqual([2])
    expect(await found('staff', { cause: 'REPLAY' })).toEqual([5])
    expect(await found('staff', { action: 'SHRED' })).toEqual([2])
    expect(await found('staff', { accountId: world.ids.otherAccount })).toEqual([4])
    expect(await found('subject', { from: '2026-03-01T00:00:00.000Z', to: NOW })).toEqual([1])
    expect(await found('subject', { from: NOW })).toEqual([3, 2])
    expect(await found('subject', { action: 'SHRED', system: 'banner' })).toEqual([])
  })

  test('is found by its id, by whom may see it', async () => {
    const id = globalId('Erasure', tenantKey({ accountId: localId(world.ids.account), id: plantedId(2) }))
    const ask = async (who: Who) =>
      (await world.ask(who, 'query($id: ID!) { node(id: $id) { id ... on Erasure { rows } } }', { id })).data.node
    expect(await ask('subject')).toEqual({ id, rows: 3 })
    expect(await ask(as('STAFF AUDITOR'))).toEqual({ id, rows: 3 })
    expect(await ask(as('MEMBER'))).toBeNull()
    expect(await ask(as('STAFF SUPPORT'))).toBeNull()
  })

  test('has pages both ways', async () => {
    const first = await list('staff', { first: 2 })
    expect([first.totalCount, numbersOf(first), first.pageInfo.hasNextPage]).toEqual([5, [5, 4], true])
    const after = first.pageInfo.endCursor
    expect(numbersOf(await list('staff', { first: 9, after }))).toEqual([3, 2, 1])
    const last = await list('staff', { last: 2 })
    expect([numbersOf(last), last.pageInfo.hasPreviousPage]).toEqual([[2, 1], true])
    expect(numbersOf(await list('staff', { last: 9, before: last.pageInfo.startCursor }))).toEqual([5, 4, 3])
  })

  test('takes as many statements for all as for one', async () => {
    const ask = async (first: number) => {
      statements.reset()
      await list('subject', { first })
      return statements.seen.length
    }
    expect(await ask(1)).toBe(5)
    expect(await ask(100)).toBe(5)
  })
})

describe('who sees it', () => {
  test('is Staff whole, an account its own, a person nothing', async () => {
    expect(await found(as('STAFF ENGINEER'))).toEqual([5, 4, 3, 2, 1])
    for (const name of ['OWNER', 'ADMIN', 'INTEGRATION'])
      expect([name, await found(as(name))]).toEqual([name, [3, 2, 1]])
    for (const name of ['MEMBER', 'END_USER']) expect([name, await found(as(name))]).toEqual([name, []])
    expect(await found('subject', { accountId: world.ids.otherAccount })).toEqual([])
  })

  test('is nobody without the scope or with a token that has ended', async () => {
    for (const name of ['GATEWAY', 'PROCESSOR', 'STAFF SUPPORT', 'STAFF SECURITY'])
      expect([name, await refusal(as(name), {})]).toEqual([name, 'FORBIDDEN'])
    expect(await refusal(null, {})).toBe('UNAUTHENTICATED')
    const ended = { token: await world.ownerToken('retention:read') }
    expect(await found(ended)).toEqual([3, 2, 1])
    world.clock.move(43_300)
    expect(await refusal(ended, {})).toBe('UNAUTHENTICATED')
    world.clock.set(NOW)
  })

  test('is told by the field what cannot be asked', async () => {
    expect(await refusal('staff', { filter: { from: NOW, to: NOW } })).toBe('BAD_USER_INPUT filter.to')
    expect(await refusal('staff', { filter: { system: 'Not a key' } })).toBe('BAD_USER_INPUT filter.system')
    for (const accountId of ['', 'x', world.ids.member])
      expect(await refusal('staff', { filter: { accountId } })).toBe('BAD_USER_INPUT filter.accountId')
    expect(await refusal('staff', { after: 'x' })).toBe('BAD_USER_INPUT after')
  })
})
