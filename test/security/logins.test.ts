import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Backend } from '../../src/db/backend.ts'
import { deriveLoginUrls, openPostgres, withUser } from '../../src/db/postgres.ts'
import { openTestBackend } from '../kit/database.ts'
import { TEST_PASSWORD, withDatabase } from '../kit/global-setup.ts'

const onServer = inject('backend') === 'postgres'
const superUrl = process.env['TEST_POSTGRES_URL'] ?? ''

let backend: Backend
let appUrl: string

beforeAll(async () => {
  backend = await openTestBackend({ poolMax: 1 })
  const [row] = await backend.client('app').$queryRaw<{ name: string }[]>`select current_database()::text as name`
  const url = onServer ? new URL(withUser(withDatabase(superUrl, row?.name ?? ''), 'privacy_app')) : undefined
  if (url) url.password = TEST_PASSWORD
  appUrl = url?.href ?? ''
})
afterAll(() => backend.close())

/** Opens the server's way in with one login replaced. @returns what it was refused with */
async function refusalOf(urls: Partial<ReturnType<typeof deriveLoginUrls>>): Promise<string> {
  return openPostgres({ ...deriveLoginUrls(appUrl), ...urls, poolMax: 1 }).then(
    async (opened) => {
      await opened.close()
      return 'opened'
    },
    (error: Error) => error.message,
  )
}

test.runIf(onServer)('with its three logins the server opens', async () => {
  expect(await refusalOf({})).toBe('opened')
})

test.runIf(onServer)('a superuser is refused for any of the three', async () => {
  const url = withDatabase(superUrl, new URL(appUrl).pathname.slice(1))
  for (const login of ['appUrl', 'workerUrl', 'authUrl'] as const)
    expect(await refusalOf({ [login]: url })).toContain('is a superuser or bypasses row-level security')
})

test.runIf(onServer)('a login that passes row-level security is refused', async () => {
  expect(await refusalOf({ workerUrl: withUser(appUrl, 'privacy_backup') })).toContain('bypasses row-level security')
})

test.runIf(onServer)('the same login twice is refused', async () => {
  expect(await refusalOf({ workerUrl: appUrl })).toContain('must be three different ones')
})

test.runIf(onServer)('an owner of tables, a member of one, and a maker of roles are refused', async () => {
  const admin = new pg.Client({ connectionString: withDatabase(superUrl, new URL(appUrl).pathname.slice(1)) })
  await admin.connect()
  const suffix = randomUUID().slice(0, 8)
  const [owner, member, maker] = [`test_owner_${suffix}`, `test_member_${suffix}`, `test_maker_${suffix}`]
  try {
    await admin.query(`create role ${owner} login password '${TEST_PASSWORD}'`)
    await admin.query(`create role ${member} login password '${TEST_PASSWORD}' in role ${owner}`)
    await admin.query(`create role ${maker} login createrole password '${TEST_PASSWORD}'`)
    await admin.query(`create table owned_by_test (); alter table owned_by_test owner to ${owner}`)
    expect(await refusalOf({ workerUrl: withUser(appUrl, owner) })).toContain('owns tables')
    expect(await refusalOf({ workerUrl: withUser(appUrl, member) })).toContain('owns tables')
    expect(await refusalOf({ workerUrl: withUser(appUrl, maker) })).toContain('may make roles')
  } finally {
    await admin.query('drop table if exists owned_by_test')
    for (const role of [member, owner, maker]) await admin.query(`drop role if exists ${role}`)
    await admin.end()
  }
})

test('no login of this backend is superuser, passes row-level security or owns a table', async () => {
  const rows = await backend.client('app').$queryRaw`
    select r.rolname::text as login, r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb as mighty,
      exists (select from pg_class c where pg_has_role(r.oid, c.relowner, 'member') and c.relkind in ('r', 'p')) as owns
    from pg_roles r where r.rolname in ('privacy_app', 'privacy_worker', 'privacy_auth') order by 1`
  const fit = { mighty: false, owns: false }
  expect(rows).toEqual(['privacy_app', 'privacy_auth', 'privacy_worker'].map((login) => ({ login, ...fit })))
})

test('every table has forced row-level security', async () => {
  const rows = await backend.client('app').$queryRaw<{ name: string; forced: boolean }[]>`
    select n.nspname || '.' || c.relname as name, c.relrowsecurity and c.relforcerowsecurity as forced
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname in ('public', 'keys', 'partitions') and c.relname <> '_prisma_migrations'`
  expect(rows.length).toBeGreaterThan(15)
  expect(rows.filter(({ forced }) => !forced)).toEqual([])
})

test('no view and no function passes the wall, but those that make, close and drop partitions and the one that says whether a hold covers a place', async () => {
  const rows = await backend.client('app').$queryRaw<{ name: string }[]>`
    select p.proname::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and n.nspname in ('public', 'keys', 'app', 'partitions')
    union all
    select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm') and n.nspname in ('public', 'keys', 'app', 'partitions')
      and not coalesce(c.reloptions::text like '%security_invoker=true%', false)`
  expect(rows.map(({ name }) => name).sort()).toEqual([
    'close_usage_partition',
    'drop_usage_partition',
    'ensure_usage_partition',
    'hold_over',
  ])
})
