import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anonymousSession } from '../../src/auth/session.ts'
import type { Tx } from '../../src/db/database.ts'
import { sqlStateOf } from '../../src/db/postgres-errors.ts'
import { type Owner, openOwnerOf, TABLES_SQL } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { populate } from './populated.ts'

type Login = 'app' | 'worker' | 'auth'

/** Tables whose rows a login sees without a caller, each with the reason. Everything else: no row, or refused. */
const SEEN: Readonly<Record<Login, Readonly<Record<string, string>>>> = {
  app: {
    'public._prisma_migrations': 'the start compares the schema; no data of anyone',
    'public.processor': 'the public register',
    'public.retention_rule': 'rules are public',
    'public.usage_month': 'which months were folded; no data of anyone',
  },
  worker: {
    'public._prisma_migrations': 'the start compares the schema',
    'public.retention_rule': 'rules are public; notes how far planning is',
    'public.account': 'which accounts there are; no encrypted column',
    'public.usage_event': 'folds a month for all accounts',
    'public.usage_event_held': 'moves what is held out of a month',
    'public.usage_aggregate': 'folds a month for all accounts',
    'public.usage_aggregate_subjects': 'folds a month for all accounts',
    'public.usage_month': 'notes which months were folded',
    'public.erasure': 'writes down what was ended of all accounts',
    'public.erasure_item': 'writes down what was ended of all accounts',
    'public.retention_drift': 'writes down how late timers of all accounts were',
    'public.legal_hold': 'marks what holds of all accounts cover',
    'public.inventory_item': 'compares items of all accounts with what is held',
    'public.inventory_recipient': 'goes with its item',
    'public.reconciliation': 'notes what a comparison found',
    'public.reconciliation_finding': 'notes what a comparison found',
    'public.event_feed': 'gives events of all accounts their place',
    'public.event_counter': 'gives events of all accounts their place',
    'public.webhook_endpoint': 'sends events of all accounts',
    'public.webhook_key': 'signs what is sent',
    'public.webhook_delivery': 'sends events of all accounts',
    'public.webhook_attempt': 'notes what was sent',
    'public.outbox_event': 'dispatches events of all accounts',
    'public.job': 'runs jobs of all accounts',
    'public.job_chunk': 'writes the results of jobs',
    'public.schedule': 'claims recurring tasks',
    'public.idempotency_record': 'deletes expired keys of all accounts',
    'public.audit_event': 'exports what a caller may see; the job names whose',
    'keys.data_key': 're-wraps data keys at rotation',
    'keys.signing_key': 're-wraps signing keys at rotation',
    'keys.key_epoch': 'begins and ends epochs',
  },
  auth: {
    'public._prisma_migrations': 'the start compares the schema',
    'public.account': 'status of the account a caller names; id, status and is_platform only',
    'public.subject': 'kind, role and state of who signs in; no encrypted column',
    'public.invitation': 'which invitation a code names',
    'public.identity_link': 'which person an identity is',
    'public.staff_member': 'which member of staff an identity is',
    'public.api_client': 'which client a token is of',
    'public.processor': 'whether the processor of a client has ended',
    'public.oauth_state': 'state of the OAuth server',
    'public.revoked_token': 'tokens that were revoked',
    'keys.signing_key': 'keys that sign tokens',
  },
}

/** Tables whose rows a login may change without a caller: those it is made for. */
const CHANGED: Readonly<Record<Login, readonly string[]>> = {
  app: [],
  worker: [
    'public.outbox_event',
    'public.job',
    'public.job_chunk',
    'public.schedule',
    'public.idempotency_record',
    'public.usage_event_held',
    'public.usage_aggregate',
    'public.usage_aggregate_subjects',
    'public.usage_month',
    'public.erasure',
    'public.inventory_item',
    'public.inventory_recipient',
    'public.reconciliation',
    'public.reconciliation_finding',
    'public.event_feed',
    'public.event_counter',
    'public.webhook_endpoint',
    'public.webhook_key',
    'public.webhook_delivery',
    'public.webhook_attempt',
    'keys.data_key',
    'keys.signing_key',
    'keys.key_epoch',
  ],
  auth: ['public.oauth_state', 'public.revoked_token', 'keys.signing_key'],
}

/** Tables to which a login only adds rows without a caller. */
const ADDED: Readonly<Record<Login, readonly string[]>> = {
  app: [],
  worker: ['public.erasure_item', 'public.retention_drift'],
  auth: [],
}

let world: World
let owner: Owner
let tables: string[]

beforeAll(async () => {
  world = await openWorld()
  await populate(world)
  owner = await openOwnerOf(world.resources.db)
  tables = (await owner.query<{ name: string }>(TABLES_SQL)).map(({ name }) => name)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** Runs one statement as a login that has forgotten its caller, undone afterwards. @returns rows, or SQLSTATE */
async function attempt(login: Login, statement: (tx: Tx) => Promise<number>): Promise<number | string> {
  const undo = new Error('undone')
  let rows = 0
  const work = async (tx: Tx): Promise<never> => {
    await tx.$executeRaw`select set_config('app.principal', '', true), set_config('app.caller', '', true),
      set_config('app.account_id', '', true), set_config('app.reach', '', true),
      set_config('app.subject_id', '', true), set_config('app.staff_scopes', '', true)`
    rows = await statement(tx)
    throw undo
  }
  const { db } = world.resources
  const ran = login === 'app' ? db.read(anonymousSession, work) : login === 'auth' ? db.auth(work) : db.worker(work)
  return ran.then(
    () => rows,
    (error: unknown) => (error === undo ? rows : (sqlStateOf(error) ?? 'unknown')),
  )
}

async function countRows(tx: Tx, table: string): Promise<number> {
  const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(`select count(*)::int as count from ${table}`)
  return row?.count ?? 0
}

const columnsOf = (table: string) =>
  owner.query<{ name: string }>(`
    select a.attname::text as name from pg_attribute a
    where a.attrelid = '${table}'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`)

test('every table has rows, so that seeing none means something', async () => {
  const empty: string[] = []
  for (const table of tables) {
    const [row] = await owner.query<{ count: number }>(`select count(*)::int as count from ${table}`)
    if (!row?.count) empty.push(table)
  }
  const used = empty.filter((table) => !table.startsWith('partitions.'))
  // 37 tables, and the partitions of the months that were made.
  expect({ tables: tables.length, withoutRows: used }).toEqual({ tables: 47, withoutRows: [] })
})

describe.each(['app', 'worker', 'auth'] as const)('privacy_%s without a caller', (login) => {
  test('reads rows of its own tables alone', async () => {
    let tried = 0
    const seen: string[] = []
    for (const table of tables) {
      tried += 1
      const columns = login === 'auth' && table === 'public.account' ? 'id' : '*'
      const rows = await attempt(login, async (tx) => {
        if (columns === '*') return countRows(tx, table)
        return (await tx.$queryRawUnsafe<object[]>(`select ${columns} from ${table}`)).length
      })
      if (rows !== 0 && rows !== '42501') seen.push(table)
    }
    expect(tried).toBe(tables.length)
    expect(seen.sort()).toEqual(Object.keys(SEEN[login]).sort())
  })

  test('changes and deletes rows of its own tables alone', async () => {
    let tried = 0
    const changed = new Set<string>()
    for (const table of tables) {
      const [column] = await columnsOf(table)
      for (const sql of [`update ${table} set ${column?.name} = ${column?.name}`, `delete from ${table}`]) {
        tried += 1
        const rows = await attempt(login, (tx) => tx.$executeRawUnsafe(sql))
        if (rows !== 0 && rows !== '42501') changed.add(table)
      }
    }
    expect(tried).toBe(tables.length * 2)
    expect([...changed].sort()).toEqual([...CHANGED[login]].sort())
  })

  test('adds no row to a table that is not its own', async () => {
    let tried = 0
    const added: string[] = []
    for (const table of tables) {
      // The owner reads a row; the login tries to put it in again. A key that is taken is met only after the policy.
      const [row] = await owner.query<{ json: string }>(`select row_to_json(t)::text as json from ${table} t limit 1`)
      if (!row) continue
      tried += 1
      const rows = await attempt(login, (tx) =>
        tx.$executeRawUnsafe(
          `insert into ${table} select * from json_populate_record(null::${table}, $1::json)`,
          row.json,
        ),
      )
      if (rows !== '42501') added.push(`${table} ${rows}`)
    }
    // Three partitions of coming months have no row to take.
    expect(tried).toBe(tables.length - 3)
    // 23505: the row is there already. It got as far as the key, for the table is the login's own.
    const own = [...CHANGED[login], ...ADDED[login]].map((table) => `${table} 23505`)
    expect(added.filter((each) => !own.includes(each))).toEqual([])
  })
})

test('audit events are changed by nobody, not by the owner either', async () => {
  const refused: string[] = []
  for (const sql of [
    'update audit_event set count = count',
    'delete from audit_event',
    'truncate audit_event',
    'truncate audit_event cascade',
  ])
    await owner.query(sql).catch((error: Error) => refused.push(error.message))
  expect(refused).toHaveLength(4)
  for (const message of refused) expect(message).toContain('audit_event is append-only')
})
