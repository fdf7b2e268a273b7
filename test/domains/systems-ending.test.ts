import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import type { Tx } from '../../src/db/database.ts'
import { accountsSystem } from '../../src/domains/accounts/accounts.system.ts'
import type { EndAction, LocatedKey, Piece } from '../../src/domains/personal-data.ts'
import { ensureMonths } from '../../src/domains/usage/usage.partitions.ts'
import { usageSystem } from '../../src/domains/usage/usage.system.ts'
import type { DataCategory } from '../../src/generated/prisma/enums.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { fresh, join, keyOf, localId, perform } from '../api/calls.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { populate } from '../security/populated.ts'

const ACTIONS: readonly EndAction[] = ['DELETE', 'ANONYMISE', 'SHRED']

let world: World
let owner: Owner
let statements: Statements
let accountId: string
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  accountId = localId(world.ids.account)
  await populate(world)
  const { id } = await join(world, 'MEMBER')
  await perform(world, 'subject', 'removeMember', { subjectId: id })
  await ensureMonths(world.resources.db, ['2026-01-01', '2026-02-01', '2026-03-01'], world.clock.now())
  statements = watchStatements()
})
afterEach(() => statements.reset())
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

class RolledBack extends Error {}

/** Runs `fn` under the worker's login and takes back what it did. */
async function tried<T>(fn: (tx: Tx) => Promise<T>, of = accountId): Promise<T> {
  let result: { readonly value: T } | undefined
  const done = world.resources.db.worker(async (tx) => {
    result = { value: await fn(tx) }
    throw new RolledBack()
  }, of)
  await expect(done).rejects.toBeInstanceOf(RolledBack)
  if (!result) throw new Error('nothing was tried')
  return result.value
}

const nameOf = ({ locator, category, subjectId }: LocatedKey) => `${locator} ${category} ${subjectId ?? '-'}`

/** What living items of an account say that a system holds. */
async function piecesOf(tx: Tx, of: string, system: string): Promise<Piece[]> {
  const items = await tx.inventoryItem.findMany({
    where: { accountId: of, system, state: { in: ['LIVE', 'HELD', 'RESTRICTED'] } },
    select: { id: true, subjectId: true, category: true, locator: true },
  })
  return items.map(({ id, ...item }) => ({ ...item, itemId: id }))
}

test.each(ACTIONS)(
  'what a system locates can be ended by %s, wherever it lies, and is not located afterwards',
  async (action) => {
    const accounts = await owner.query<{ id: string }>('select id::text as id from account order by id')
    let ended = 0
    for (const { id } of accounts)
      for (const system of SYSTEMS)
        ended += await tried(async (tx) => {
          const located = (await system.locatePage(tx, id, null, 1_000)).map(nameOf)
          // The platform is never closed.
          const pieces = (await piecesOf(tx, id, system.key)).filter(
            ({ locator }) => locator !== 'account' || id !== PLATFORM_ACCOUNT_ID,
          )
          expect(pieces.map(nameOf).filter((name) => !located.includes(name))).toEqual([])
          if (pieces.length === 0) return 0
          const { rows, remaining } = await system.end(tx, world.resources, id, action, pieces)
          expect([system.key, id, remaining]).toEqual([system.key, id, 0])
          expect(rows).toBeGreaterThanOrEqual(pieces.length)
          const left = (await system.locatePage(tx, id, null, 1_000)).map(nameOf)
          const gone = new Set(pieces.map(nameOf))
          expect(left.filter((name) => gone.has(name))).toEqual([])
          const living = (await piecesOf(tx, id, system.key)).map(nameOf)
          expect(left.filter((name) => !living.includes(name))).toEqual([])
          return pieces.length
        }, id)
    expect(ended).toBeGreaterThan(15)
  },
)

/** Persons without items, for pieces that are made by hand. */
async function newPersons(count: number): Promise<string[]> {
  const rows = await owner.query<{ id: string }>(
    `insert into subject (account_id, id, kind, country, joined_at, created_at, updated_at)
     select $1::uuid, gen_random_uuid(), 'END_USER', 'AT', now(), now(), now() from generate_series(1, $2::int)
     returning id::text as id`,
    accountId,
    count,
  )
  return rows.map(({ id }) => id)
}

let made = 0
const piece = (subjectId: string | null, locator: string, category: DataCategory): Piece => {
  made += 1
  const itemId = `0199aa00-0000-7000-8000-${String(made).padStart(12, '0')}`
  return { itemId, subjectId, locator, category }
}

/** An event of a person or of nobody, in one of the two tables. */
const event = (subjectId: string | null, at: string, kind = 'API_REQUEST', table = 'usage_event') =>
  owner.query(
    `insert into ${table} (account_id, occurred_at, request_id, kind, subject_id, address_prefix, recorded_at)
     values ($1::uuid, $2::timestamptz, $3, $4::usage_kind, nullif($5, '')::uuid, '203.0.113.0/24', now())`,
    ...[accountId, at, fresh(), kind, subjectId ?? ''],
  )

test.each([
  [
    'accounts',
    accountsSystem,
    (id: string) => [piece(id, 'subject', 'ACCOUNT'), piece(id, 'identity_link', 'ACCOUNT')],
  ],
  [
    'usage',
    usageSystem,
    (id: string) => [
      piece(id, 'usage_event/2026-03', 'USAGE'),
      piece(id, 'usage_event/2026-01', 'SECURITY'),
      piece(null, 'usage_event/2026-02', 'USAGE'),
    ],
  ],
])('%s takes as many statements for forty persons as for one', async (_name, system, placesOf) => {
  const persons = await newPersons(40)
  for (const id of persons) {
    await event(id, '2026-03-15T00:00:00Z')
    await event(id, '2026-01-15T00:00:00Z', 'SECURITY')
  }
  for (const action of ACTIONS) {
    const counts: number[] = []
    for (const some of [persons.slice(0, 1), persons])
      await tried(async (tx) => {
        statements.reset()
        const { rows } = await system.end(tx, world.resources, accountId, action, some.flatMap(placesOf))
        counts.push(statements.seen.length)
        expect(rows).toBeGreaterThanOrEqual(some.length)
      })
    expect(counts[1]).toBe(counts[0])
    expect(counts[0]).toBeLessThan(16)
  }
})

test('a month ends at its edges, with its category and its person, in both tables, and nothing else does', async () => {
  const [person = '', other = ''] = await newPersons(2)
  const stays = async () => {
    await event(person, '2026-01-31T23:59:59.999Z')
    await event(person, '2026-03-01T00:00:00.000Z')
    await event(person, '2026-02-10T00:00:00.000Z', 'SECURITY')
    await event(other, '2026-02-10T00:00:00.000Z')
    await event(null, '2026-02-10T00:00:00.000Z')
  }
  await stays()
  for (const table of ['usage_event', 'usage_event_held']) {
    await event(person, '2026-02-01T00:00:00.000Z', 'API_REQUEST', table)
    await event(person, '2026-02-28T23:59:59.999Z', 'INFERENCE', table)
  }
  const total = `select (select count(*) from usage_event)::int + (select count(*) from usage_event_held)::int as n`
  const count = async (tx: Tx) => (await tx.$queryRawUnsafe<{ n: number }[]>(total))[0]?.n ?? 0
  for (const action of ['DELETE', 'SHRED'] as const)
    await tried(async (tx) => {
      const before = await count(tx)
      const pieces = [piece(person, 'usage_event/2026-02', 'USAGE')]
      expect(await usageSystem.end(tx, world.resources, accountId, action, pieces)).toEqual({ rows: 4, remaining: 0 })
      expect(before - (await count(tx))).toBe(4)
      expect(await usageSystem.end(tx, world.resources, accountId, action, pieces)).toEqual({ rows: 0, remaining: 0 })
    })
})

test('what is anonymised loses person and network, and lies where nobody has a living item', async () => {
  const [person = ''] = await newPersons(1)
  await event(person, '2026-01-31T23:59:59.999Z')
  await event(person, '2026-01-01T00:00:00.000Z', 'SECURITY', 'usage_event_held')
  const pieces = [piece(person, 'usage_event/2026-01', 'USAGE'), piece(person, 'usage_event/2026-01', 'SECURITY')]
  await tried(async (tx) => {
    const events = () =>
      tx.$queryRaw<{ n: number; networks: number }[]>`
        select count(*)::int as n, count(address_prefix)::int as networks from (
          select * from usage_event union all select * from usage_event_held) as e
        where account_id = ${accountId}::uuid and subject_id is null and occurred_at < '2026-02-01'`
    const [before] = await events()
    expect(await usageSystem.end(tx, world.resources, accountId, 'ANONYMISE', pieces)).toEqual({
      rows: 2,
      remaining: 0,
    })
    const [after] = await events()
    expect([(after?.n ?? 0) - (before?.n ?? 0), after?.networks]).toEqual([2, before?.networks])
    const living = (await piecesOf(tx, accountId, 'usage')).map(nameOf)
    for (const name of ['usage_event/2026-01 USAGE -', 'usage_event/2026-01 SECURITY -']) expect(living).toContain(name)
    expect(await usageSystem.locate(tx, { accountId, subjectId: person })).toEqual([])
  })
})

test.each(ACTIONS)(
  "nobody's month is deleted by %s, with what comes to be nobody's in the same call",
  async (action) => {
    const [person = ''] = await newPersons(1)
    await event(person, '2026-01-10T00:00:00.000Z')
    await event(null, '2026-01-11T00:00:00.000Z')
    await event(null, '2026-01-12T00:00:00.000Z', 'SECURITY')
    const place = 'usage_event/2026-01'
    await tried(async (tx) => {
      const pieces = [piece(person, place, 'USAGE'), piece(null, place, 'USAGE')]
      const { rows, remaining } = await usageSystem.end(tx, world.resources, accountId, action, pieces)
      expect([rows >= 2, remaining]).toEqual([true, 0])
      const left = (await usageSystem.locatePage(tx, accountId, null, 1_000)).map(nameOf)
      expect(left).not.toContain(`${place} USAGE -`)
      expect(left).not.toContain(`${place} USAGE ${person}`)
      expect(left).toContain(`${place} SECURITY -`)
    })
  },
)

test('ending a month looks at no partition but that of the month', async () => {
  const [person = ''] = await newPersons(1)
  await event(person, '2026-02-10T00:00:00.000Z')
  for (const action of ACTIONS) {
    const locked = await tried(async (tx) => {
      const pieces = [piece(person, 'usage_event/2026-02', 'USAGE')]
      await usageSystem.end(tx, world.resources, accountId, action, pieces)
      return tx.$queryRaw<{ name: string }[]>`
        select distinct c.relname as name from pg_locks l join pg_class c on c.oid = l.relation
        where l.pid = pg_backend_pid() and c.relkind = 'r' and c.relname ~ '^usage_event_[0-9]{6}$' order by 1`
    })
    expect([action, locked.map(({ name }) => name)]).toEqual([action, ['usage_event_202602']])
  }
})

test('a place that was never a place, or of nobody where only persons are, is refused before anything changes', async () => {
  const [person = ''] = await newPersons(1)
  const good = piece(person, 'subject', 'ACCOUNT')
  const bad = [
    piece(person, 'constructor', 'ACCOUNT'),
    piece(null, 'subject', 'ACCOUNT'),
    piece(person, 'subject', 'USAGE'),
    piece(person, 'account', 'ACCOUNT'),
  ]
  for (const each of bad)
    await tried(async (tx) => {
      await expect(accountsSystem.end(tx, world.resources, accountId, 'DELETE', [good, each])).rejects.toMatchObject({
        code: 'ERASURE.NO_SUCH_PLACE',
      })
      const row = await tx.subject.findFirst({ where: { accountId, id: person }, select: { status: true } })
      expect(row).toEqual({ status: 'ACTIVE' })
    })
  for (const locator of ['usage_event/2026-13', 'usage_event/', 'usage_event_held/2026-01', 'subject'])
    await tried(async (tx) => {
      const ending = usageSystem.end(tx, world.resources, accountId, 'DELETE', [piece(person, locator, 'USAGE')])
      await expect(ending).rejects.toMatchObject({ code: 'ERASURE.NO_SUCH_PLACE' })
    })
})

test('a sign-in that ended and is kept goes with its place', async () => {
  const member = keyOf((await join(world, 'MEMBER')).id)
  await owner.query('update identity_link set ended_at = now() where subject_id = $1::uuid', member.id)
  await tried(async (tx) => {
    const pieces = [piece(member.id, 'identity_link', 'ACCOUNT')]
    expect(await accountsSystem.end(tx, world.resources, accountId, 'DELETE', pieces)).toEqual({
      rows: 1,
      remaining: 0,
    })
  })
})

test('every item that ended stands in the ledger of erasures, once', async () => {
  // Past the window of usage: months are folded, and what else is due by then is ended.
  world.clock.move(400 * 86_400)
  await world.runner.runDue()
  const ended = await owner.query<{ locator: string; rows: number }>(
    `select i.locator, count(e.item_id)::int as rows from inventory_item i
     left join erasure_item e on e.account_id = i.account_id and e.item_id = i.id
     where i.state in ('ERASED', 'ANONYMISED') group by i.account_id, i.id, i.locator order by i.locator`,
  )
  expect(ended.map(({ locator }) => locator)).toContain('identity_link')
  expect(ended.some(({ locator }) => locator.startsWith('usage_event/'))).toBe(true)
  expect(ended.filter(({ rows }) => rows !== 1)).toEqual([])
})
