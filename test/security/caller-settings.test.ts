import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anonymousSession } from '../../src/auth/session.ts'
import { asCaller } from '../../src/db/caller.ts'
import type { Tx } from '../../src/db/database.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

async function countAccounts(tx: Tx): Promise<number> {
  const [row] = await tx.$queryRaw<{ count: number }[]>`select count(*)::int as count from account`
  return row?.count ?? 0
}

describe('a caller', () => {
  const caller = { ...anonymousSession, scopes: new Set<never>() }

  test.each([
    ['a quote', "0199aa00-0000-7000-8000-000100000001'"],
    ['a second statement', "x'; drop table account; --"],
    ['nothing', ''],
    ['white space', '0199aa00-0000-7000-8000-000100000001 '],
    ['a new line', '0199aa00-0000-7000-8000-000100000001\n'],
  ])('whose id holds %s reaches no setting', (_name, id) => {
    for (const key of ['callerId', 'accountId', 'subjectId', 'processorId'])
      expect(() => asCaller({ ...caller, [key]: id })).toThrow('not a UUID')
  })

  test('with a malformed scope reaches no setting', () => {
    for (const scope of ["audit:read'", 'audit:read,accounts:read', ''])
      expect(() => asCaller({ ...caller, principal: 'STAFF', scopes: new Set([scope]) })).toThrow('malformed scope')
  })
})

describe('settings of a caller end with its transaction', () => {
  const staff = {
    ...anonymousSession,
    principal: 'STAFF' as const,
    callerId: '0199aa00-0000-7000-8000-000900000004',
    scopes: new Set(['accounts:read' as const]),
  }
  const left = (tx: Tx) =>
    tx.$queryRaw<object[]>`select name, setting from pg_settings where name like 'app.%' and setting <> ''`

  test.each([
    ['a commit', async () => void (await world.resources.db.read(staff, countAccounts))],
    [
      'a rollback',
      async () => {
        await world.resources.db
          .read(staff, async (tx) => {
            await countAccounts(tx)
            throw new Error('undone')
          })
          .catch(() => undefined)
      },
    ],
    [
      'a failed statement',
      async () => {
        await world.resources.db.read(staff, (tx) => tx.$executeRaw`select 1 / 0`).catch(() => undefined)
      },
    ],
  ])('after %s the next one on the connection sees nothing of it', async (_name, before) => {
    const { db } = world.resources
    let tried = 0
    for (; tried < 12; tried += 1) {
      await before()
      // More than one at once, so that every connection of the pool is met.
      const seen = await Promise.all([1, 2, 3, 4].map(() => db.read(anonymousSession, countAccounts)))
      expect(seen).toEqual([0, 0, 0, 0])
    }
    expect(tried).toBe(12)
    const [row] = await db.read(
      anonymousSession,
      (tx) => tx.$queryRaw<{ scopes: string }[]>`
      select current_setting('app.staff_scopes', true) as scopes`,
    )
    expect(row?.scopes).toBe('')
    expect(await db.auth(left)).toEqual([])
  })

  test('with the staff member set the accounts are there, so that seeing none means something', async () => {
    expect(await world.resources.db.read(staff, countAccounts)).toBeGreaterThan(1)
  })
})
