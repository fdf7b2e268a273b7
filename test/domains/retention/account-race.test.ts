import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { lockAccount } from '../../../src/domains/accounts/account-guards.ts'
import type { Deps } from '../../../src/domains/deps.ts'
import { planAccounts } from '../../../src/domains/retention/account-planning.jobs.ts'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { SYSTEMS } from '../../../src/systems.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'
import { change, type Owned, openOwned, staff, timersOf } from './closing-kit.ts'

const CLOSING_AT = '2026-03-15T12:00:00.000Z'
/** The last second in which the closing can be taken back, by the clock of the server. */
const LAST_SECOND = '2026-04-14T11:59:59.000Z'

let world: World
let owner: Owner
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** The program on a machine whose clock is two seconds ahead: data is due there that can still be taken back here. */
function ahead(more: Partial<Deps> = {}): Deps {
  const now = () => new Date(world.clock.now().getTime() + 2_000)
  return { ...world.resources, clock: { now }, ...more }
}

/** An account that is closing and planned, at the last second. */
async function lastSecond(): Promise<Owned> {
  world.clock.set(CLOSING_AT)
  const account = await openOwned(world)
  await change(world, await account.owner(), 'closeAccount', account.account)
  await planAccounts(world.resources)
  world.clock.set(LAST_SECOND)
  return account
}

const endedOf = async ({ accountId }: Owned) => {
  const [row] = await owner.query<{ ended: number; status: string }>(
    `select (select count(*)::int from erasure_item where account_id = a.id) as ended, status::text
     from account a where id = $1::uuid`,
    accountId,
  )
  return row
}

const undated = [
  'ACCOUNT | account | LIVE | ACCOUNT_CLOSED | - | -',
  'ACCOUNT | identity_link | LIVE | ACCOUNT_CLOSED | - | -',
  'ACCOUNT | subject | LIVE | ACCOUNT_CLOSED | - | -',
]

test('the sweep does run ahead: without a reopening it ends what is due by its clock', async () => {
  const account = await lastSecond()
  expect(await sweepRetention(ahead(), SYSTEMS)).toEqual({ ended: 3, failed: 0, planned: 0 })
  expect(await endedOf(account)).toEqual({ ended: 3, status: 'CLOSED' })
})

test('reopened first, nothing is ended by a plan of the closing, although it stands in every timer', async () => {
  const account = await lastSecond()
  expect(await change(world, await account.owner(), 'reopenAccount', account.account)).toBe('ReopenAccountSuccess')
  expect(await timersOf(world, account.accountId)).toHaveLength(3)
  expect(await sweepRetention(ahead(), SYSTEMS)).toEqual({ ended: 0, failed: 0, planned: 3 })
  expect(await endedOf(account)).toEqual({ ended: 0, status: 'ACTIVE' })
  expect(await timersOf(world, account.accountId)).toEqual(undated)
  await planAccounts(world.resources)
  expect(await timersOf(world, account.accountId)).toEqual(undated)
})

test('the sweep first, a reopening that comes while it ends things waits, and is told that it is too late', async () => {
  const account = await lastSecond()
  const who = await account.owner()
  const reached = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const { ledger } = world.resources
  const deps = ahead({
    ledger: {
      intend: async (lineId, at, effects) => {
        await ledger.intend(lineId, at, effects)
        reached.resolve()
        await goOn.promise
      },
      done: (lineId, at) => ledger.done(lineId, at),
      aborted: (lineId, at) => ledger.aborted(lineId, at),
    },
  })
  const sweeping = sweepRetention(deps, SYSTEMS)
  await reached.promise
  let answered = false
  const reopening = change(world, who, 'reopenAccount', account.account).then((code) => {
    answered = true
    return code
  })
  // Whatever else runs meanwhile, the answer does not come before the sweep has ended its transaction.
  if (inject('backend') === 'postgres') await expect.poll(waiting, { timeout: 10_000 }).toBe(1)
  expect(answered).toBe(false)
  goOn.resolve()
  expect(await reopening).toMatch(/^(ACCOUNT\.NOT_REOPENABLE|FORBIDDEN)$/)
  expect((await sweeping).ended).toBe(3)
  expect(await endedOf(account)).toEqual({ ended: 3, status: 'CLOSED' })
})

test('what the sweep ended before a reopening stays ended; what it had not reached lives on', async () => {
  const account = await lastSecond()
  await owner.query(
    `update inventory_item set attempt_at = attempt_at - interval '1 second' where account_id = $1::uuid and locator = 'identity_link'`,
    account.accountId,
  )
  const one = sweepRetention(ahead(), SYSTEMS, { batch: 1, signal: afterTurns(1) })
  expect((await one).ended).toBe(1)
  expect(await change(world, await staff(world), 'reopenAccount', account.account)).toBe('ReopenAccountSuccess')
  expect(await sweepRetention(ahead(), SYSTEMS)).toEqual({ ended: 0, failed: 0, planned: 2 })
  expect(await endedOf(account)).toEqual({ ended: 1, status: 'ACTIVE' })
  expect(await timersOf(world, account.accountId)).toEqual([undated[0], undated[2]])
})

// PGlite has one connection: two transactions are never open at once there.
test.skipIf(inject('backend') === 'pglite')(
  'a reopening that is under way when the sweep comes is waited for, and nothing is ended',
  async () => {
    const account = await lastSecond()
    const who = await account.owner()
    const { db } = world.resources
    const taken = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const blocking = db.worker(async (tx) => {
      await lockAccount(tx, account.accountId)
      taken.resolve()
      await goOn.promise
    }, account.accountId)
    await taken.promise
    const reopening = change(world, who, 'reopenAccount', account.account)
    await expect.poll(waiting, { timeout: 10_000 }).toBe(1)
    const sweeping = sweepRetention(ahead(), SYSTEMS)
    await expect.poll(waiting, { timeout: 10_000 }).toBe(2)
    goOn.resolve()
    await blocking
    expect(await reopening).toBe('ReopenAccountSuccess')
    expect(await sweeping).toMatchObject({ ended: 0, failed: 0 })
    expect(await endedOf(account)).toEqual({ ended: 0, status: 'ACTIVE' })
  },
)

/** How many transactions of this database wait for a lock of an account. */
async function waiting(): Promise<number> {
  const [row] = await owner.query<{ count: number }>(
    `select count(*)::int as count from pg_locks where not granted and locktype = 'advisory'
       and database = (select oid from pg_database where datname = current_database())`,
  )
  return row?.count ?? 0
}

/** A signal that is aborted once it was asked more often than the turns need. */
function afterTurns(turns: number): AbortSignal {
  let asked = 0
  return {
    get aborted() {
      asked += 1
      return asked > 2 * turns
    },
  } as AbortSignal
}
