import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import type { Who } from './calls.ts'
import { type Planted, plant, plantDrift } from './retention-kit.ts'

const NOW = '2026-03-15T12:00:00.000Z'

const PLANTED: readonly Planted[] = [
  // Due: now, a minute ago (which is not yet overdue), a millisecond more, and two hours ago in vain.
  { n: 1, due: NOW },
  { n: 2, due: '2026-03-15T11:59:00.000Z' },
  { n: 3, due: '2026-03-15T11:58:59.999Z', state: 'RESTRICTED' },
  { n: 4, due: '2026-03-15T10:00:00.000Z', attempts: 3, problem: 'ERASURE.FAILED' },
  // Within a day, its last instant, and beyond it; a partition's counts too.
  { n: 5, due: '2026-03-15T12:00:00.001Z' },
  { n: 6, due: '2026-03-16T12:00:00.000Z', category: 'USAGE' },
  { n: 7, due: '2026-03-16T12:00:00.001Z' },
  { n: 8 },
  // Held: openly and not, overdue and not.
  { n: 9, due: '2026-03-14T12:00:00.000Z', state: 'HELD' },
  { n: 10, due: '2026-03-14T12:00:00.000Z', state: 'HELD', confidential: true },
  { n: 11, due: '2026-03-16T00:00:00.000Z', state: 'HELD', confidential: true },
  { n: 12, due: '2026-05-01T00:00:00.000Z', state: 'HELD', confidential: true },
  // Done, long ago.
  { n: 13, due: '2026-03-01T00:00:00.000Z', state: 'ERASED', done: '2026-03-01T00:00:05.000Z' },
  { n: 14, of: 'other', due: '2026-03-10T12:00:00.000Z' },
]

const COUNTS = `running dueNow overdue oldestOverdueAt oldestOverdueSeconds dueNext24Hours held failed doneInPeriod
  driftSecondsP50 driftSecondsP95 driftSecondsMax`
const STATUS = `query($accountId: ID, $periodDays: Int! = 30) {
  retentionStatus(accountId: $accountId, periodDays: $periodDays) {
    at accountId periodDays totals { ${COUNTS} } categories { category ${COUNTS} } } }`

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

type Counts = { category?: string; [field: string]: unknown }
type Status = { totals: Counts; categories: Counts[]; [field: string]: unknown }

async function status(who: Who, variables: object = {}): Promise<Status> {
  const { data, errors } = await world.ask(who, STATUS, variables)
  if (errors) throw new Error(JSON.stringify(errors))
  return data.retentionStatus
}

const of = ({ categories }: Status, category: string) => categories.find((each) => each.category === category)

async function refusal(who: Who | null, variables: object = {}): Promise<string> {
  const { code, field } = (await world.ask(who, STATUS, variables)).errors?.[0]?.extensions ?? {}
  return field === undefined ? String(code) : `${code} ${field}`
}

const NOTHING = {
  ...{ running: 0, dueNow: 0, overdue: 0, oldestOverdueAt: null, oldestOverdueSeconds: null, dueNext24Hours: 0 },
  ...{ held: 0, failed: 0, doneInPeriod: 0, driftSecondsP50: null, driftSecondsP95: null, driftSecondsMax: null },
}
const COOKIES = {
  ...{ ...NOTHING, category: 'COOKIE', running: 3, dueNow: 4, overdue: 2, dueNext24Hours: 1, held: 4, failed: 1 },
  ...{ oldestOverdueAt: '2026-03-15T10:00:00.000Z', oldestOverdueSeconds: 7_200 },
}

describe('the status of an account', () => {
  test('counts every category by what its timers are, to the millisecond', async () => {
    const answer = await status('staff', { accountId: world.ids.account })
    expect(answer).toMatchObject({ at: NOW, accountId: world.ids.account, periodDays: 30 })
    expect(answer.categories.map(({ category }) => category)).toEqual([
      ...['ACCOUNT', 'CONTENT_REALTIME', 'CONTENT_BATCH', 'PAYMENT', 'USAGE', 'COMMUNICATION', 'COOKIE', 'CONSENT'],
      'SECURITY',
    ])
    expect(of(answer, 'COOKIE')).toEqual(COOKIES)
    expect(of(answer, 'USAGE')).toEqual({ ...NOTHING, category: 'USAGE', running: 1, dueNext24Hours: 1 })
    expect(of(answer, 'CONSENT')).toEqual({ ...NOTHING, category: 'CONSENT' })
    const { category, ...counts } = COOKIES
    const running = 4 + Number(of(answer, 'ACCOUNT')?.['running'])
    expect(answer.totals).toEqual({ ...counts, running, dueNext24Hours: 2 })
  })

  test('counts what only confidential holds keep as due or running, but to those who manage holds', async () => {
    const hidden = {
      ...{ ...COOKIES, held: 1, dueNow: 5, overdue: 3, dueNext24Hours: 2, running: 5 },
      ...{ oldestOverdueAt: '2026-03-14T12:00:00.000Z', oldestOverdueSeconds: 86_400 },
    }
    const accountId = world.ids.account
    for (const name of ['OWNER', 'ADMIN', 'INTEGRATION', 'STAFF ENGINEER', 'STAFF AUDITOR'])
      expect([name, of(await status(as(name), { accountId }), 'COOKIE')]).toEqual([name, hidden])
    expect(of(await status(as('OWNER')), 'COOKIE')).toEqual(hidden)
  })

  test('agrees with the list of timers', async () => {
    const query = `query($states: [RetentionTimerState!]) {
      retentionTimers(filter: { categories: [COOKIE], states: $states }) { totalCount } }`
    for (const who of ['subject', 'staff'] as const) {
      const count = async (...states: string[]) =>
        (await world.ask(who, query, { states })).data.retentionTimers.totalCount
      const counts = of(await status(who), 'COOKIE')
      expect(counts?.['running']).toBe(await count('RUNNING'))
      expect(counts?.['dueNow']).toBe(await count('DUE', 'FAILED'))
      expect([counts?.['held'], counts?.['failed']]).toEqual([await count('HELD'), await count('FAILED')])
    }
  })

  test('goes with the clock, both ways', async () => {
    const overdue = async () => {
      const counts = of(await status({ token: await world.ownerToken('retention:read') }), 'COOKIE')
      return [counts?.['dueNow'], counts?.['overdue'], counts?.['oldestOverdueSeconds'], counts?.['dueNext24Hours']]
    }
    world.clock.set('2026-03-15T12:01:00.001Z')
    expect(await overdue()).toEqual([6, 5, 86_460, 2])
    world.clock.set('2026-03-15T09:59:59.000Z')
    expect(await overdue()).toEqual([1, 1, 79_199, 6])
  })
})

describe('delays', () => {
  test('are told by nearest rank, exact to the second, for each category and for all together', async () => {
    // 20 timers: the tenth is at 3 s, the nineteenth at 40 s.
    await plantDrift(world, owner, 1, { at: '2026-03-15T11:00:00.000Z', late: { 0: 6, 40: 1 } })
    await plantDrift(world, owner, 2, { at: '2026-03-10T11:00:00.000Z', late: { 3: 4, 4: 7, 40: 1, 3600: 1 } })
    // An even number: the second of four, and of one alone its own.
    await plantDrift(world, owner, 3, { at: NOW, category: 'PAYMENT', late: { 1: 1, 2: 1, 8: 1, 9: 1 } })
    await plantDrift(world, owner, 4, { at: NOW, category: 'CONSENT', late: { 5: 1 } })
    // Outside the period: its first instant, and what the clock says is yet to come.
    await plantDrift(world, owner, 5, { at: '2026-02-13T12:00:00.000Z', late: { 70000: 50 } })
    await plantDrift(world, owner, 6, { at: '2026-03-15T12:00:00.001Z', late: { 80000: 50 } })
    await plantDrift(world, owner, 7, { at: NOW, of: 'otherAccount', late: { 90000: 1 } })
    const drift = (counts: Counts | undefined) => [
      counts?.['doneInPeriod'],
      counts?.['driftSecondsP50'],
      counts?.['driftSecondsP95'],
      counts?.['driftSecondsMax'],
    ]
    const own = await status('subject')
    expect(drift(of(own, 'COOKIE'))).toEqual([20, 3, 40, 3_600])
    expect(drift(of(own, 'PAYMENT'))).toEqual([4, 2, 9, 9])
    expect(drift(of(own, 'CONSENT'))).toEqual([1, 5, 5, 5])
    expect(drift(of(own, 'USAGE'))).toEqual([0, null, null, null])
    // 25 timers: the thirteenth, and the twenty-fourth.
    expect(drift(own.totals)).toEqual([25, 4, 40, 3_600])
    const all = await status('staff')
    expect(drift(of(all, 'COOKIE'))).toEqual([21, 4, 3_600, 90_000])
    expect(drift((await status('subject', { periodDays: 31 })).totals)).toEqual([75, 70_000, 70_000, 70_000])
    expect(drift((await status('subject', { periodDays: 1 })).totals)).toEqual([12, 0, 40, 40])
  })
})

describe('who may ask', () => {
  test('Staff asks for all or one account, an account for its own', async () => {
    const all = await status('staff')
    expect([all['accountId'], of(all, 'COOKIE')?.['overdue']]).toEqual([null, 3])
    const other = await status('staff', { accountId: world.ids.otherAccount })
    expect(of(other, 'COOKIE')).toMatchObject({ dueNow: 1, overdue: 1, oldestOverdueSeconds: 432_000 })
    expect((await status('subject'))['accountId']).toBe(world.ids.account)
    expect((await status('subject', { accountId: world.ids.account }))['accountId']).toBe(world.ids.account)
  })

  test('another account is answered like one that does not exist', async () => {
    const missing = Buffer.from('Account:00000000-0000-7000-8000-00000000dead').toString('base64')
    expect(await status('subject', { accountId: world.ids.otherAccount })).toBeNull()
    expect(await status('subject', { accountId: missing })).toBeNull()
    expect(await status('staff', { accountId: missing })).toBeNull()
  })

  test('a person who does not manage its account is told nothing, and whoever lacks the scope is refused', async () => {
    for (const name of ['MEMBER', 'END_USER']) expect([name, await status(as(name))]).toEqual([name, null])
    for (const name of ['GATEWAY', 'PROCESSOR', 'STAFF SUPPORT', 'STAFF SECURITY'])
      expect([name, await refusal(as(name))]).toEqual([name, 'FORBIDDEN'])
    expect(await status(as('MEMBER'), { accountId: world.ids.otherAccount })).toBeNull()
    expect(await refusal(null)).toBe('UNAUTHENTICATED')
    const ended = { token: await world.ownerToken('retention:read') }
    expect((await status(ended))['accountId']).toBe(world.ids.account)
    world.clock.move(43_300)
    expect(await refusal(ended)).toBe('UNAUTHENTICATED')
  })

  test('what cannot be asked is refused by name', async () => {
    for (const periodDays of [0, -1, 367])
      expect(await refusal('staff', { periodDays })).toBe('BAD_USER_INPUT periodDays')
    for (const accountId of ['', 'x', world.ids.member])
      expect(await refusal('staff', { accountId })).toBe('BAD_USER_INPUT accountId')
    expect((await status('staff', { periodDays: 366 }))['periodDays']).toBe(366)
  })
})

test('it takes one statement, and one more where the running are counted', async () => {
  const ask = async (counts: string) => {
    statements.reset()
    await world.ask('subject', `{ retentionStatus { totals { ${counts} } categories { category ${counts} } } }`)
    return statements.seen.filter((sql) => sql.includes('inventory_item')).length
  }
  expect(await ask('dueNow overdue held failed dueNext24Hours driftSecondsP95')).toBe(1)
  expect(await ask(COUNTS)).toBe(2)
})
