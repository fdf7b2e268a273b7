import { afterAll, beforeAll, expect, test } from 'vitest'
import { globalId, tenantKey } from '../../../src/schema/global-id.ts'
import { perform } from '../../api/calls.ts'
import { place, release } from '../../api/holds-kit.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'
import { change, closingOf, type Owned, openOwned, recordPieces, staff, timersOf } from './closing-kit.ts'

const CLOSING_AT = '2026-03-15T12:00:00.000Z'
const CLOSES_AT = '2026-04-14T12:00:00.000Z'

let world: World
let owner: Owner
beforeAll(async () => {
  world = await openWorld({ now: '2026-03-15T11:50:00.000Z' })
  owner = await openOwnerOf(world.resources.db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

async function work(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await world.runner.runDue()
    world.clock.move(1)
  }
}

/** An account with a person, closed at {@link CLOSING_AT}, and what was placed on it before. */
async function closing(hold?: (of: Owned, subjectId: string) => object) {
  world.clock.set('2026-03-15T11:50:00.000Z')
  const account = await openOwned(world)
  const who = await account.owner()
  const made = await perform(world, who, 'createSubject', { reference: 'kept', name: 'Kept Person' })
  const subjectId = (made['subject'] as { id: string }).id
  const held = hold ? await place(world, hold(account, subjectId), await staff(world)) : null
  world.clock.set(CLOSING_AT)
  // The clock was set back, and the worker's timetable with it.
  await owner.query('delete from schedule')
  expect(await change(world, await account.owner(), 'closeAccount', account.account)).toBe('CloseAccountSuccess')
  await work()
  return { ...account, subjectId, hold: held?.id ?? '' }
}

const statusOf = async (accountId: string) =>
  (
    await owner.query<{ line: string }>(
      `select status::text || ' ' || (name_cipher is null)::text as line from account where id = $1::uuid`,
      accountId,
    )
  )[0]?.line

const nameOf = async (subjectId: string) => {
  const query = 'query ($id: ID!) { subject(id: $id) { name status } }'
  return (await world.ask(await staff(world), query, { id: subjectId })).data.subject
}

const closed = `CONTRACT | 3 | DELETE | ${CLOSES_AT} | ${CLOSES_AT} | ACCOUNT_CLOSED P30D §7.1`

test('a person under a hold stays, and the account is closed all the same; released, it goes at once', async () => {
  const { account, accountId, subjectId, hold, owner: signIn } = await closing((_, id) => ({ subjectId: id }))
  const held = [`ACCOUNT | CONTRACT | 1 | DELETE | ${CLOSES_AT} | ${CLOSES_AT} | ACCOUNT_CLOSED P30D §7.1`]
  expect(await closingOf(world, await signIn(), account)).toMatchObject({
    ...{ total: 4, planned: 4, goes: [`ACCOUNT | ${closed}`], stays: [], held },
  })
  world.clock.set(CLOSES_AT)
  await work()
  expect(await statusOf(accountId)).toBe('CLOSED true')
  expect(await timersOf(world, accountId)).toEqual([`ACCOUNT | subject | HELD | ACCOUNT_CLOSED | ${CLOSES_AT} | -`])
  expect(await nameOf(subjectId)).toEqual({ name: 'Kept Person', status: 'ACTIVE' })
  expect(await closingOf(world, await staff(world), account)).toEqual({
    ...{ closingAt: CLOSING_AT, reopenUntil: null, closesAt: CLOSES_AT, total: 1, planned: 1 },
    ...{ goes: [], stays: [], held },
  })
  world.clock.set('2026-08-01T00:00:00.000Z')
  await release(world, hold, await staff(world))
  await work()
  expect(await timersOf(world, accountId)).toEqual([])
  expect(await nameOf(subjectId)).toEqual({ name: null, status: 'ERASED' })
  const keys = await owner.query(
    'select 1 from keys.data_key where account_id = $1::uuid and wrapped is not null',
    accountId,
  )
  expect(keys).toEqual([])
})

test('an account under a hold is not closed before it is released, and then at once', async () => {
  const { account, accountId, hold } = await closing((of) => ({ accountId: of.account }))
  world.clock.set('2026-05-01T00:00:00.000Z')
  await work()
  expect(await statusOf(accountId)).toBe('CLOSING false')
  expect(await closingOf(world, await staff(world), account)).toMatchObject({ goes: [], stays: [], total: 4 })
  await release(world, hold, await staff(world))
  await work()
  expect(await statusOf(accountId)).toBe('CLOSED true')
  expect(await timersOf(world, accountId)).toEqual([])
})

test('a confidential hold changes nothing of what owners are shown; Staff who may hold is shown it', async () => {
  const without = await closing()
  const shownWithout = await closingOf(world, await without.owner(), without.account)
  const beside = await closing((_, id) => ({ subjectId: id, confidential: true }))
  expect(await closingOf(world, await beside.owner(), beside.account)).toEqual({ ...shownWithout })
  const shown = await closingOf(world, await staff(world), beside.account)
  expect([shown?.total, shown?.held.length, shown?.goes]).toEqual([4, 1, [`ACCOUNT | ${closed}`]])
  world.clock.set(CLOSES_AT)
  await work()
  expect(await statusOf(beside.accountId)).toBe('CLOSED true')
  expect((await closingOf(world, await staff(world), beside.account))?.held).toHaveLength(1)
  const support = await world.serving.demoIssuer?.issue({ sub: 'demo-staff', scope: 'accounts:read inventory:read' })
  expect(await closingOf(world, { token: support ?? '' }, beside.account)).toMatchObject({
    ...{ total: 0, planned: 0, goes: [], stays: [], held: [] },
  })
})

test('what is due earlier than the account and held confidentially is not listed any more once it were gone', async () => {
  world.clock.set('2026-03-15T11:50:00.000Z')
  const account = await openOwned(world)
  await recordPieces(world, account.accountId, 2)
  const items = await owner.query<{ id: string }>(
    `select id::text from inventory_item where account_id = $1::uuid and locator = 'object/1'`,
    account.accountId,
  )
  const itemId = globalId('InventoryItem', tenantKey({ accountId: account.accountId, id: items[0]?.id ?? '' }))
  await place(world, { itemId, confidential: true }, await staff(world))
  // What lies in a system that this program lacks cannot be swept; the first piece is taken away by hand.
  await owner.query(
    `update inventory_item set state = 'ERASED', done_at = now(), attempt_at = null
     where account_id = $1::uuid and locator = 'object/0'`,
    account.accountId,
  )
  const batch =
    'CONTENT_BATCH | CONTRACT | 1 | SHRED | 2026-03-31T08:00:00.000Z | 2026-03-31T08:00:00.000Z | CREATED P30D §3.2'
  world.clock.set('2026-03-31T07:59:59.000Z')
  expect(await closingOf(world, await account.owner(), account.account, true)).toMatchObject({
    ...{ total: 4, goes: [batch, expect.any(String)], held: [] },
  })
  world.clock.set('2026-03-31T08:00:00.000Z')
  expect(await closingOf(world, await account.owner(), account.account, true)).toMatchObject({
    ...{ total: 3, goes: [expect.stringContaining('ACCOUNT')], held: [] },
  })
})
