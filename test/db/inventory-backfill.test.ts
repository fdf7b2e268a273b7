import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { applyMigrations, MIGRATIONS_DIR } from '../../src/db/migrations.ts'
import { openTarget } from './backends-world.ts'

const FIRST = '20261123180000_create_house'
const ONE = '0199aa00-0000-7000-8000-00000000000a'
const OTHER = '0199aa00-0000-7000-8000-00000000000b'
const MEMBER = '0199aa00-0000-7000-8000-000000000001'
const END_USER = '0199aa00-0000-7000-8000-000000000002'
const ERASED = '0199aa00-0000-7000-8000-000000000003'
const STRANGER = '0199aa00-0000-7000-8000-000000000004'
const FILLED = ['account', 'subject', 'identity_link', 'usage_event']

let database: Awaited<ReturnType<typeof openTarget>>
beforeEach(async () => {
  database = await openTarget()
})
afterEach(() => database.close())

const account = (id: string) =>
  `insert into account (id, name_cipher, country, region, created_at) values ('${id}', '', 'DE', 'eu', '2026-01-01Z')`
const subject = (accountId: string, id: string, kind: string, status: string, at: string) =>
  `insert into subject (account_id, id, kind, status, created_at, updated_at)
   values ('${accountId}', '${id}', '${kind}', '${status}', '${at}', '${at}')`
const link = (hash: string, at: string) =>
  `insert into identity_link (account_id, identity_hash, subject_id, created_at)
   values ('${ONE}', '${hash}', '${MEMBER}', '${at}')`
const usage = (accountId: string, subjectId: string | null, kind: string, at: string) =>
  `insert into usage_event (account_id, occurred_at, request_id, kind, subject_id, recorded_at)
   values ('${accountId}', '${at}', '${randomUUID()}', '${kind}', ${subjectId ? `'${subjectId}'` : 'null'}, '2026-03-02Z')`

/** What was written before there was an inventory: one row beside an edge of a month each. */
const ROWS = [
  account(ONE),
  account(OTHER),
  subject(ONE, MEMBER, 'MEMBER', 'ACTIVE', '2026-01-02Z'),
  subject(ONE, END_USER, 'END_USER', 'RESTRICTED', '2026-01-03Z'),
  subject(ONE, ERASED, 'END_USER', 'ERASED', '2026-01-04Z'),
  subject(OTHER, STRANGER, 'CONTACT', 'ACTIVE', '2026-01-05Z'),
  link('\\x01', '2026-01-07Z'),
  link('\\x02', '2026-01-06Z'),
  usage(ONE, END_USER, 'INFERENCE', '2026-02-28T23:59:59.999Z'),
  usage(ONE, END_USER, 'API_REQUEST', '2026-02-01T00:00:00.000Z'),
  usage(ONE, END_USER, 'PAGE_VIEW', '2026-03-01T00:00:00.000Z'),
  usage(ONE, END_USER, 'SECURITY', '2026-03-01T00:00:00.000Z'),
  usage(ONE, null, 'INFERENCE', '2026-03-01T00:00:01.000Z'),
  usage(OTHER, STRANGER, 'INFERENCE', '2026-02-10T00:00:00.000Z'),
]

test('rows that are older than the inventory get exactly their items when it comes, and accounts theirs', async () => {
  await applyMigrations(database.target, MIGRATIONS_DIR, FIRST)
  for (const month of ['2026-02-01', '2026-03-01'])
    await database.rows(`select app.ensure_usage_partition('${month}'::date)`)
  for (const table of FILLED) await database.rows(`alter table ${table} no force row level security`)
  for (const row of ROWS) await database.rows(row)
  for (const table of FILLED) await database.rows(`alter table ${table} force row level security`)
  await applyMigrations(database.target)
  expect(await itemsThere()).toEqual([
    'a 1 ACCOUNT accounts identity_link AUTHENTICATION CONTRACT 2026-01-06T00:00:00.000 - LIVE',
    'a 1 ACCOUNT accounts subject SERVICE_PROVISION+AUTHENTICATION+SERVICE_NOTIFICATIONS CONTRACT 2026-01-02T00:00:00.000 - LIVE',
    'a 2 ACCOUNT accounts subject SERVICE_PROVISION+RIGHTS_FULFILMENT CONTRACT 2026-01-03T00:00:00.000 - LIVE',
    'a 2 USAGE usage usage_event/2026-02 SERVICE_PROVISION+PAYMENT_PROCESSING+USAGE_REPORTING CONTRACT 2026-02-01T00:00:00.000 2026-02-01T00:00:00.000 LIVE',
    'a 2 SECURITY usage usage_event/2026-03 SECURITY+FRAUD_PREVENTION LEGITIMATE_INTERESTS 2026-03-01T00:00:00.000 2026-03-01T00:00:00.000 LIVE',
    'a 2 USAGE usage usage_event/2026-03 SERVICE_PROVISION+PAYMENT_PROCESSING+USAGE_REPORTING CONTRACT 2026-03-01T00:00:00.000 2026-03-01T00:00:00.000 LIVE',
    'a - ACCOUNT accounts account SERVICE_PROVISION CONTRACT 2026-01-01T00:00:00.000 - LIVE',
    'a - USAGE usage usage_event/2026-03 SERVICE_PROVISION+PAYMENT_PROCESSING+USAGE_REPORTING CONTRACT 2026-03-01T00:00:01.000 2026-03-01T00:00:00.000 LIVE',
    'b 4 ACCOUNT accounts subject SERVICE_PROVISION+RIGHTS_FULFILMENT CONTRACT 2026-01-05T00:00:00.000 - LIVE',
    'b 4 USAGE usage usage_event/2026-02 SERVICE_PROVISION+PAYMENT_PROCESSING+USAGE_REPORTING CONTRACT 2026-02-10T00:00:00.000 2026-02-01T00:00:00.000 LIVE',
    'b - ACCOUNT accounts account SERVICE_PROVISION CONTRACT 2026-01-01T00:00:00.000 - LIVE',
  ])
})

test('the tables are walled again afterwards, for their owner too', async () => {
  await applyMigrations(database.target)
  const open = await database.rows(
    `select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
     and relname <> '_prisma_migrations' and not (relrowsecurity and relforcerowsecurity)`,
  )
  expect(open).toEqual([])
})

async function itemsThere(): Promise<string[]> {
  await database.rows('alter table inventory_item no force row level security')
  const instant = (column: string) =>
    `coalesce(to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS'), '-')`
  const items = await database.rows(
    `select concat_ws(' ', right(account_id::text, 1), coalesce(right(subject_id::text, 1), '-'), category, system,
       locator, array_to_string(purposes, '+'), legal_basis, ${instant('collected_at')},
       ${instant('retention_starts_at')}, state) as line
     from inventory_item order by account_id, subject_id, system, locator, category::text`,
  )
  return (items as { line: string }[]).map(({ line }) => line)
}
