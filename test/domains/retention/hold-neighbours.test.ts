import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { globalId, tenantKey } from '../../../src/schema/global-id.ts'
import { keyOf } from '../../api/calls.ts'
import { place, release, staffNow } from '../../api/holds-kit.ts'
import { openSweeping, type Sweeping } from './sweep-kit.ts'

/** Batch content of 2026-03-01T00:00Z is kept for 30 days, cookies of 2025-03-01T00:00Z for 13 months. */
const WRITTEN = '2026-03-15T12:00:00.000Z'
const DUE = '2026-04-01T00:00:00.000Z'

let s: Sweeping
let run = 0
let placed: string[] = []
beforeAll(async () => {
  s = await openSweeping({ now: WRITTEN })
})
afterEach(async () => {
  for (const id of placed) await release(s.world, id, await staffNow(s.world))
  placed = []
  await sweep()
})
afterAll(() => s.close())

const sweep = () => sweepRetention(s.deps, s.systems)

/** Writes, while nothing is due: two pieces of the member's batch content, a cookie of it, and one each of others. */
async function write(): Promise<void> {
  run += 1
  s.world.clock.set(WRITTEN)
  const [home, elsewhere] = s.accounts
  const of = (id: string) => keyOf(id).id
  const { member, endUser, other } = s.world.ids
  const batch = { category: 'CONTENT_BATCH', system: 'test.one', startsAt: '2026-03-01T00:00:00.000Z' } as const
  const cookie = { category: 'COOKIE', system: 'test.two', startsAt: '2025-03-01T00:00:00.000Z' } as const
  await s.write([
    { ...batch, accountId: home, subjectId: of(member), locator: `${run}/member-1` },
    { ...batch, accountId: home, subjectId: of(member), locator: `${run}/member-2` },
    { ...cookie, accountId: home, subjectId: of(member), locator: `${run}/member-cookie` },
    { ...batch, accountId: home, subjectId: of(endUser), locator: `${run}/end-user` },
    { ...batch, accountId: home, subjectId: null, locator: `${run}/nobody` },
    { ...batch, accountId: elsewhere, subjectId: of(other), locator: `${run}/elsewhere` },
  ])
}

/** What is left of them, by the last part of their place. */
async function left(): Promise<string[]> {
  const rows = await s.owner.query<{ place: string }>(
    `select split_part(locator, '/', 2) as place from inventory_item
     where locator like $1 and state not in ('ERASED', 'ANONYMISED') order by 1`,
    `${run}/%`,
  )
  return rows.map(({ place: name }) => name)
}

async function itemId(name: string): Promise<string> {
  const [row] = await s.owner.query<{ account: string; id: string }>(
    'select account_id::text as account, id::text as id from inventory_item where locator = $1',
    `${run}/${name}`,
  )
  return globalId('InventoryItem', tenantKey({ accountId: row?.account ?? '', id: row?.id ?? '' }))
}

test.each<[what: string, target: () => Promise<object>, held: string[]]>([
  ['an item', async () => ({ itemId: await itemId('member-1') }), ['member-1']],
  [
    'a category of a person',
    async () => ({ subjectId: s.world.ids.member, category: 'CONTENT_BATCH' }),
    ['member-1', 'member-2'],
  ],
  ['a person', async () => ({ subjectId: s.world.ids.member }), ['member-1', 'member-2', 'member-cookie']],
  [
    'an account',
    async () => ({ accountId: s.world.ids.account }),
    ['end-user', 'member-1', 'member-2', 'member-cookie', 'nobody'],
  ],
])('a hold on %s keeps that and nothing beside it, and on its release what is overdue goes at once', async (...row) => {
  const [, target, held] = row
  await write()
  const { id } = await place(s.world, await target(), await staffNow(s.world))
  placed.push(id)
  s.world.clock.set(DUE)
  expect((await sweep()).ended).toBe(6 - held.length)
  expect(await left()).toEqual(held)
  s.world.clock.move(30 * 86_400)
  expect((await sweep()).ended).toBe(0)
  const staff = await staffNow(s.world)
  await release(s.world, id, staff)
  placed = []
  expect((await sweep()).ended).toBe(held.length)
  expect(await left()).toEqual([])
})

test('a hold whose items are not marked yet keeps them all the same', async () => {
  await write()
  const { id } = await place(s.world, { subjectId: s.world.ids.member }, await staffNow(s.world))
  placed.push(id)
  await s.owner.query(
    `update inventory_item set state = 'LIVE', resumes_as = null, attempt_at = due_at where locator like $1`,
    `${run}/%`,
  )
  await s.owner.query('update legal_hold set mark_pending = true, mark_cursor = null where id = $1::uuid', keyOf(id).id)
  s.world.clock.set(DUE)
  expect((await sweep()).ended).toBe(3)
  expect(await left()).toEqual(['member-1', 'member-2', 'member-cookie'])
})

test('two holds keep what either names, until both are released', async () => {
  await write()
  const staff = await staffNow(s.world)
  const item = await place(s.world, { itemId: await itemId('member-1') }, staff)
  const category = await place(s.world, { subjectId: s.world.ids.member, category: 'CONTENT_BATCH' }, staff)
  placed.push(item.id, category.id)
  s.world.clock.set(DUE)
  expect((await sweep()).ended).toBe(4)
  await release(s.world, category.id, await staffNow(s.world))
  placed = [item.id]
  expect((await sweep()).ended).toBe(1)
  expect(await left()).toEqual(['member-1'])
  await release(s.world, item.id, await staffNow(s.world))
  placed = []
  expect((await sweep()).ended).toBe(1)
  expect(await left()).toEqual([])
})

test('what is not due when its hold is released is ended in its time', async () => {
  await write()
  const { id } = await place(s.world, { subjectId: s.world.ids.member }, await staffNow(s.world))
  await release(s.world, id, await staffNow(s.world))
  expect((await sweep()).ended).toBe(0)
  s.world.clock.set('2026-03-30T23:59:59.999Z')
  expect((await sweep()).ended).toBe(0)
  s.world.clock.set('2026-03-31T00:00:00.000Z')
  expect((await sweep()).ended).toBe(5)
  expect(await left()).toEqual(['member-cookie'])
  s.world.clock.set(DUE)
  expect((await sweep()).ended).toBe(1)
})
