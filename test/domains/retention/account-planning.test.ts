import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { planAccounts } from '../../../src/domains/retention/account-planning.jobs.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { watchStatements } from '../../kit/statements.ts'
import { openWorld, type World } from '../../kit/world.ts'
import { attemptsOf, change, closingOf, openOwned, recordPieces, timersOf } from './closing-kit.ts'

const START = '2026-03-15T12:00:00.000Z'
/** ACCOUNT, closed at START, and CONTENT_BATCH of 2026-03-01 08:00, 30 days each. */
const CLOSED_DUE = '2026-04-14 12:00'
const BATCH_DUE = '2026-03-31 08:00'

let world: World
let owner: Owner
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
})
afterEach(() => world.clock.set(START))
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** Plans up to `batches` batches. */
async function plan(batches = Number.POSITIVE_INFINITY): Promise<number> {
  let begun = 0
  const signal = {
    get aborted() {
      begun += 1
      return begun > batches
    },
  }
  return planAccounts(world.resources, signal as AbortSignal)
}

const pendingOf = async (accountId: string) => {
  const [row] = await owner.query<{ pending: boolean; cursor: string | null }>(
    'select plan_pending as pending, plan_cursor::text as cursor from account where id = $1::uuid',
    accountId,
  )
  return row
}

test('a closing starts the timers of every category at its own instant, and leaves those that are due earlier', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  await recordPieces(world, accountId, 1)
  const kept = { category: 'PAYMENT', system: 'payments', legalBasis: 'LEGAL_OBLIGATION' } as const
  await recordPieces(world, accountId, 1, { ...kept, locator: 'invoice/1' })
  await recordPieces(world, accountId, 1, { category: 'USAGE', system: 'usage', locator: 'usage_event/2026-03' })
  await recordPieces(world, accountId, 1, { category: 'SECURITY', system: 'usage', locator: 'usage_event/2026-03' })
  const before = await timersOf(world, accountId)
  expect(before).toEqual([
    'ACCOUNT | account | LIVE | ACCOUNT_CLOSED | - | -',
    'ACCOUNT | identity_link | LIVE | ACCOUNT_CLOSED | - | -',
    'ACCOUNT | subject | LIVE | ACCOUNT_CLOSED | - | -',
    'CONTENT_BATCH | object/0 | LIVE | CREATED | 2026-03-31T08:00:00.000Z | 2026-03-31T08:00:00.000Z',
    'PAYMENT | invoice/1 | LIVE | CREATED | 2036-03-01T08:00:00.000Z | 2036-03-01T08:00:00.000Z',
    'USAGE | usage_event/2026-03 | LIVE | CREATED | 2027-04-01T08:00:00.000Z | -',
    'SECURITY | usage_event/2026-03 | LIVE | CREATED | 2027-04-01T08:00:00.000Z | -',
  ])
  await change(world, await signIn(), 'closeAccount', account)
  expect(await plan()).toBe(7)
  expect(await timersOf(world, accountId)).toEqual([
    'ACCOUNT | account | LIVE | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z',
    'ACCOUNT | identity_link | LIVE | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z',
    'ACCOUNT | subject | LIVE | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z',
    'CONTENT_BATCH | object/0 | LIVE | CREATED | 2026-03-31T08:00:00.000Z | 2026-03-31T08:00:00.000Z',
    'PAYMENT | invoice/1 | LIVE | CREATED | 2036-03-01T08:00:00.000Z | 2036-03-01T08:00:00.000Z',
    'USAGE | usage_event/2026-03 | LIVE | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z',
    'SECURITY | usage_event/2026-03 | LIVE | CREATED | 2027-04-01T08:00:00.000Z | -',
  ])
  await change(world, await signIn(), 'reopenAccount', account)
  expect(await plan()).toBe(7)
  expect(await timersOf(world, accountId)).toEqual(before)
  expect(await pendingOf(accountId)).toEqual({ pending: false, cursor: null })
})

test('2,503 items are planned a thousand at a time; how far it is can be read; a kill between two loses nothing', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  await recordPieces(world, accountId, 2_500, { retentionStartsAt: null })
  await change(world, await signIn(), 'closeAccount', account)
  const progress = async () => {
    const closing = await closingOf(world, await signIn(), account)
    return [closing?.planned, closing?.total, closing?.goes.map((line) => line.split(' | ')[2])]
  }
  expect(await progress()).toEqual([0, 2_503, ['3', '2500']])
  expect(await plan(1)).toBe(1_000)
  expect(await progress()).toEqual([1_000, 2_503, ['3', '2500']])
  expect(await attemptsOf(world, accountId)).toEqual({ '-': 1_503, [CLOSED_DUE]: 1_000 })
  expect(await plan(1)).toBe(1_000)
  expect(await plan()).toBe(503)
  expect(await progress()).toEqual([2_503, 2_503, ['3', '2500']])
  expect(await attemptsOf(world, accountId)).toEqual({ [CLOSED_DUE]: 2_503 })
  expect(await plan()).toBe(0)
})

test('a reopening in the middle of planning begins anew: what was planned by the closing goes back', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  await recordPieces(world, accountId, 1_500, { retentionStartsAt: null })
  await recordPieces(world, accountId, 1, { locator: 'dated', system: 'dated' })
  const before = await attemptsOf(world, accountId)
  expect(before).toEqual({ '-': 1_503, [BATCH_DUE]: 1 })
  await change(world, await signIn(), 'closeAccount', account)
  await plan(1)
  await change(world, await signIn(), 'reopenAccount', account)
  expect(await pendingOf(accountId)).toEqual({ pending: true, cursor: null })
  await plan(1)
  await change(world, await signIn(), 'closeAccount', account)
  await plan(1)
  await change(world, await signIn(), 'reopenAccount', account)
  await plan()
  expect(await attemptsOf(world, accountId)).toEqual(before)
})

test('several workers at once plan each item, and end at the same plan', async () => {
  const accounts = [await openOwned(world), await openOwned(world)]
  for (const { accountId } of accounts) await recordPieces(world, accountId, 2_100, { retentionStartsAt: null })
  for (const { account, owner: signIn } of accounts) await change(world, await signIn(), 'closeAccount', account)
  const counts = await Promise.all(Array.from({ length: 4 }, () => plan()))
  expect(counts.reduce((sum, count) => sum + count)).toBe(2 * 2_103)
  for (const { accountId } of accounts) {
    expect(await attemptsOf(world, accountId)).toEqual({ [CLOSED_DUE]: 2_103 })
    expect(await pendingOf(accountId)).toEqual({ pending: false, cursor: null })
  }
})

test('what is held has a date and no attempt; what failed keeps its pause where its date stays', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  await recordPieces(world, accountId, 3)
  const mark = (place: string, columns: string) =>
    owner.query(`update inventory_item set ${columns} where account_id = $1::uuid and locator = $2`, accountId, place)
  await mark('object/0', `state = 'HELD', resumes_as = 'LIVE', attempt_at = null`)
  await mark('object/1', `attempts = 2, last_problem = 'ERASURE.FAILED', attempt_at = '2026-03-31T09:00:00Z'`)
  await mark('subject', `state = 'RESTRICTED'`)
  await mark('account', `state = 'HELD', resumes_as = 'LIVE'`)
  await change(world, await signIn(), 'closeAccount', account)
  await plan()
  expect(await timersOf(world, accountId)).toEqual([
    'ACCOUNT | account | HELD | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | -',
    'ACCOUNT | identity_link | LIVE | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z',
    'ACCOUNT | subject | RESTRICTED | ACCOUNT_CLOSED | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z',
    'CONTENT_BATCH | object/0 | HELD | CREATED | 2026-03-31T08:00:00.000Z | -',
    'CONTENT_BATCH | object/1 | LIVE | CREATED | 2026-03-31T08:00:00.000Z | 2026-03-31T09:00:00.000Z',
    'CONTENT_BATCH | object/2 | LIVE | CREATED | 2026-03-31T08:00:00.000Z | 2026-03-31T08:00:00.000Z',
  ])
})

test('what was made due by hand stays due, whether its account closes or reopens', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  await owner.query(
    `update inventory_item set planned_version = 2147483647, due_at = '2026-03-01T00:00:00Z', state = 'HELD',
       resumes_as = 'LIVE', attempt_at = null
     where account_id = $1::uuid and locator = 'identity_link'`,
    accountId,
  )
  const byHand = async () => (await timersOf(world, accountId)).filter((line) => line.includes('identity_link'))
  const before = ['ACCOUNT | identity_link | HELD | ACCOUNT_CLOSED | 2026-03-01T00:00:00.000Z | -']
  expect(await byHand()).toEqual(before)
  await change(world, await signIn(), 'closeAccount', account)
  expect(await plan()).toBe(3)
  expect(await byHand()).toEqual(before)
  await change(world, await signIn(), 'reopenAccount', account)
  expect(await plan()).toBe(3)
  expect(await byHand()).toEqual(before)
})

test('what has ended is not touched, and an account without anything is done at once', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  await owner.query(
    `update inventory_item set state = 'ERASED', done_at = '2026-03-01', attempt_at = null where account_id = $1::uuid`,
    accountId,
  )
  await change(world, await signIn(), 'closeAccount', account)
  expect(await plan()).toBe(0)
  expect(await pendingOf(accountId)).toEqual({ pending: false, cursor: null })
  const ended = await owner.query('select due_at from inventory_item where account_id = $1::uuid', accountId)
  expect(ended).toEqual([{ due_at: null }, { due_at: null }, { due_at: null }])
})

test('where nothing is to be planned it takes one statement to see that', async () => {
  await plan()
  const statements = watchStatements()
  try {
    await plan()
    expect(statements.seen.filter((sql) => /from account/.test(sql))).toHaveLength(1)
    expect(statements.seen.filter((sql) => /inventory_item/.test(sql))).toEqual([])
  } finally {
    statements.stop()
  }
})
