import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/db/backend.ts'
import type { Tx } from '../../src/db/database.ts'
import { sqlStateOf } from '../../src/db/postgres-errors.ts'
import { openBackend } from './backends-world.ts'

const ids = ['01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-b302099a8058']
const instants = [new Date('2026-03-29T01:30:00.123Z'), new Date('1999-12-31T23:59:59.999Z')]
const bytes = [new Uint8Array([0, 1, 92, 255]), new Uint8Array([])]
const texts = ['a "quoted", {curly} and \\ text', 'NULL', '']

let backend: Backend

beforeAll(async () => {
  backend = await openBackend()
})
afterAll(() => backend.close())

const inTransaction = <T>(fn: (tx: Tx) => Promise<T>) => backend.client('app').$transaction(fn)

describe('values go into the database and come back equal', () => {
  test('one by one', async () => {
    const [row] = await inTransaction((tx) => {
      return tx.$queryRaw<unknown[]>`
        select ${ids[0]}::uuid as id, ${texts[0]}::text as text, ${2_147_483_647}::int as int,
               ${9_007_199_254_740_993n}::bigint as bigint, ${instants[0]}::timestamptz(3) as instant,
               ${bytes[0]}::bytea as bytes, ${'{"a":[1,null,"x"]}'}::jsonb as json, ${'DE'}::char(2) as country,
               ${'INFERENCE'}::usage_kind as kind, ${true}::boolean as yes, ${null}::text as nothing,
               ${1.5}::float8 as fraction`
    })
    expect(row).toEqual({
      id: ids[0],
      text: 'a "quoted", {curly} and \\ text',
      int: 2_147_483_647,
      bigint: 9_007_199_254_740_993n,
      instant: new Date('2026-03-29T01:30:00.123Z'),
      bytes: new Uint8Array([0, 1, 92, 255]),
      json: { a: [1, null, 'x'] },
      country: 'DE',
      kind: 'INFERENCE',
      yes: true,
      nothing: null,
      fraction: 1.5,
    })
  })

  test('as arrays through unnest', async () => {
    const rows = await inTransaction((tx) => {
      return tx.$queryRaw<unknown[]>`
        select * from unnest(${ids}::uuid[], ${texts.slice(0, 2)}::text[], ${[1, null]}::int[],
          ${[9_007_199_254_740_993n, -1n]}::bigint[], ${instants}::timestamptz[], ${bytes}::bytea[],
          ${['INFERENCE', null]}::usage_kind[], ${[true, false]}::boolean[])
          as t (id, text, int, bigint, instant, bytes, kind, yes)`
    })
    expect(rows).toEqual([
      {
        id: ids[0],
        text: texts[0],
        int: 1,
        bigint: 9_007_199_254_740_993n,
        instant: new Date('2026-03-29T01:30:00.123Z'),
        bytes: new Uint8Array([0, 1, 92, 255]),
        kind: 'INFERENCE',
        yes: true,
      },
      {
        id: ids[1],
        text: 'NULL',
        int: null,
        bigint: -1n,
        instant: new Date('1999-12-31T23:59:59.999Z'),
        bytes: new Uint8Array([]),
        kind: null,
        yes: false,
      },
    ])
  })

  test('as arrays that are read back', async () => {
    const [row] = await inTransaction((tx) => {
      return tx.$queryRaw<unknown[]>`
        select ${ids}::uuid[] as ids, ${texts}::text[] as texts, ${[1, 2]}::int[] as ints,
               ${[1n, 2n]}::bigint[] as bigints, ${instants}::timestamptz(3)[] as instants, ${bytes}::bytea[] as bytes`
    })
    expect(row).toEqual({ ids, texts, ints: [1, 2], bigints: [1n, 2n], instants, bytes })
  })

  test('through the models', async () => {
    const payload = { list: [1, 'two', null], deep: { text: 'ä\u2028"' } }
    const data = { kind: 'Test', id: 'models', payload, expiresAt: instants[0] ?? null }
    const made = await backend.client('auth').$transaction(async (tx) => {
      await becomeAuth(tx)
      await tx.oauthState.create({ data })
      return tx.oauthState.findUniqueOrThrow({ where: { kind_id: { kind: 'Test', id: 'models' } } })
    })
    expect(made).toEqual({ ...data, consumedAt: null })
  })

  test('an instant is the same one whatever zone the machine is in', async () => {
    const [row] = await inTransaction((tx) => {
      return tx.$queryRaw<unknown[]>`
        select extract(epoch from ${instants[0]}::timestamptz)::text as epoch, current_setting('timezone') as zone,
               '2026-03-29 07:00:00.123+05:30'::timestamptz as parsed`
    })
    expect(row).toEqual({ epoch: '1774747800.123000', zone: 'UTC', parsed: new Date('2026-03-29T01:30:00.123Z') })
  })
})

describe('a failure is told alike', () => {
  test('a key that is taken is P2002 and names the constraint', async () => {
    const data = { kind: 'Test', id: 'twice', payload: {} }
    const twice = backend.client('auth').$transaction(async (tx) => {
      await becomeAuth(tx)
      await tx.oauthState.create({ data })
      await tx.oauthState.create({ data })
    })
    const error = await twice.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'P2002', meta: { driverAdapterError: { cause: { originalCode: '23505' } } } })
    expect(error).toMatchObject({
      meta: { driverAdapterError: { cause: { constraint: { index: 'oauth_state_pkey' } } } },
    })
  })

  test.each([
    ['23505', 'insert into probe values (1), (1)'],
    ['23514', 'insert into probe values (-1)'],
    ['23502', 'insert into probe values (null)'],
    ['22P02', `select 'x'::int`],
    ['22003', 'select 2147483647::int + 1'],
    ['22012', 'select 1 / 0'],
    ['42P01', 'select * from absent'],
    ['42703', 'select absent from probe'],
    ['42501', 'delete from audit_event'],
    ['42601', 'selec'],
    ['P0001', `do $$ begin raise exception 'no'; end $$`],
  ])('a raw statement that PostgreSQL refuses with %s is P2010 and carries it', async (state, sql) => {
    const failing = inTransaction(async (tx) => {
      await tx.$executeRawUnsafe('create temp table probe (a int primary key check (a > 0)) on commit drop')
      await tx.$executeRawUnsafe(sql)
    })
    const error = await failing.catch((thrown: unknown) => thrown)
    expect({ code: (error as { code: string }).code, state: sqlStateOf(error) }).toEqual({ code: 'P2010', state })
  })
})

describe('a transaction', () => {
  test('that throws leaves nothing and frees its connection before the caller hears of it', async () => {
    const undone = new Error('undone')
    let tried = 0
    for (; tried < 20; tried++) {
      const thrown = await backend
        .client('auth')
        .$transaction(async (tx) => {
          await becomeAuth(tx)
          await tx.oauthState.create({ data: { kind: 'Test', id: 'undone', payload: {} } })
          throw undone
        })
        .catch((error: unknown) => error)
      expect(thrown).toBe(undone)
      expect(await countOf('undone')).toBe(0)
    }
    expect(tried).toBe(20)
  })

  test('in which a failed statement was swallowed does not claim to be committed', async () => {
    const claimed = backend.client('auth').$transaction(async (tx) => {
      await becomeAuth(tx)
      await tx.oauthState.create({ data: { kind: 'Test', id: 'swallowed', payload: {} } })
      await tx.$executeRaw`select 1 / 0`.catch(() => undefined)
    })
    await expect(claimed).rejects.toThrow()
    expect(await countOf('swallowed')).toBe(0)
  })

  test('that waits too long for its turn is refused, and the next ones go on', async () => {
    const held = Promise.withResolvers<void>()
    const client = backend.client('worker')
    const holders = [1, 2, 3].map(() => client.$transaction(() => held.promise, { maxWait: 5_000 }))
    const waiting = client.$transaction(async () => 'ran', { maxWait: 100 })
    await expect(waiting).rejects.toMatchObject({ code: 'P2028' })
    held.resolve()
    await Promise.allSettled(holders)
    expect(await client.$transaction(async () => 'ran')).toBe('ran')
  })

  test('that lasts too long is rolled back, and the next ones go on', async () => {
    const late = backend.client('auth').$transaction(
      async (tx) => {
        await becomeAuth(tx)
        await tx.oauthState.create({ data: { kind: 'Test', id: 'late', payload: {} } })
        for (;;) {
          await nextTurn()
          await tx.oauthState.count()
        }
      },
      { timeout: 200 },
    )
    await expect(late).rejects.toMatchObject({ code: 'P2028' })
    expect(await countOf('late')).toBe(0)
  })

  test('keeps the isolation it was asked for to itself', async () => {
    const level = (tx: Tx) =>
      tx.$queryRaw<{ level: string }[]>`select current_setting('transaction_isolation') as level`
    const client = backend.client('app')
    expect(await client.$transaction(level, { isolationLevel: 'RepeatableRead' })).toEqual([
      { level: 'repeatable read' },
    ])
    expect(await client.$transaction(level)).toEqual([{ level: 'read committed' }])
  })
})

test('a login is neither superuser nor able to become one of the owner', async () => {
  for (const login of ['app', 'worker', 'auth'] as const) {
    const [row] = await backend.client(login).$transaction(async (tx) => {
      const role = backend.roleOf(login)
      if (role) await tx.$executeRawUnsafe(`set local role ${role}`)
      return tx.$queryRaw<unknown[]>`
        select current_user::text as user, rolsuper, rolbypassrls from pg_roles where rolname = current_user`
    })
    expect(row).toEqual({ user: `privacy_${login}`, rolsuper: false, rolbypassrls: false })
  }
})

async function becomeAuth(tx: Tx): Promise<void> {
  if (backend.roleOf('auth')) await tx.$executeRaw`set local role privacy_auth`
}

function countOf(id: string): Promise<number> {
  return backend.client('auth').$transaction(async (tx) => {
    await becomeAuth(tx)
    return tx.oauthState.count({ where: { id } })
  })
}
