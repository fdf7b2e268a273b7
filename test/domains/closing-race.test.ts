import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { assertActiveAccount, lockActiveAccount } from '../../src/domains/accounts/account-guards.ts'
import { localId } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

// PGlite has one connection: two transactions are never open at once there.
test.skipIf(inject('backend') === 'pglite')(
  'a write that found the account active commits before the account begins to close, never after',
  async () => {
    const accountId = localId(world.ids.account)
    const call = { caller: systemSession(accountId), requestId: 'race' }
    const order: string[] = []
    const found = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const writing = world.resources.db.write(call, async (tx) => {
      await assertActiveAccount(tx, accountId)
      found.resolve()
      await goOn.promise
      order.push('written')
    })
    await found.promise
    const closing = world.resources.db.write(call, async (tx) => {
      await lockActiveAccount(tx, accountId)
      order.push('closing')
    })
    const waits = () =>
      world.resources.db.worker(
        (tx) => tx.$queryRaw<{ count: number }[]>`
          select count(*)::int as count from pg_locks where not granted and locktype in ('advisory', 'transactionid', 'tuple')`,
      )
    await expect.poll(async () => (await waits())[0]?.count ?? 0, { timeout: 10_000 }).toBeGreaterThan(0)
    goOn.resolve()
    await Promise.all([writing, closing])
    expect(order).toEqual(['written', 'closing'])
  },
)
