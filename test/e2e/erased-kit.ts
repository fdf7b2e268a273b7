import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { writeArchive } from '../../src/db/archive.ts'
import { connectAsOwner, connectForBackup } from '../../src/db/connections.ts'
import type { Tx } from '../../src/db/database.ts'
import { restoreArchives } from '../../src/db/restore.ts'
import { ensureRoles } from '../../src/db/roles.ts'
import { DEMO_ACCOUNTS } from '../../src/demo/demo-data.ts'
import { recordIdentityLinkItem, recordSubjectItem } from '../../src/domains/accounts/account-items.ts'
import { sealPerson } from '../../src/domains/accounts/person-fields.ts'
import * as inventory from '../../src/domains/inventory/inventory.service.ts'
import { markHolds } from '../../src/domains/retention/hold-marks.jobs.ts'
import { endCategory, endItem, endSubject } from '../../src/domains/retention/person-ending.service.ts'
import { sweepRetention } from '../../src/domains/retention/sweep.jobs.ts'
import { itemOfMonth } from '../../src/domains/usage/usage-items.ts'
import { readDatabaseEnv, readKeysEnv, readSettingsEnv } from '../../src/env.ts'
import { openResources, type Resources } from '../../src/resources.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { systemClock } from '../../src/time/clock.ts'
import { newId } from '../../src/time/id.ts'
import { TEST_PASSWORD, withDatabase } from '../kit/global-setup.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { spawnProgram } from '../kit/server-process.ts'
import { type Env, seededPlace } from './kit.ts'

export type Opened = { readonly deps: Resources; readonly owner: Owner }
export type Person = { readonly accountId: string; readonly subjectId: string }
export type Persons = { readonly a: readonly Person[]; readonly b: readonly Person[] }

const ACCOUNTS = [DEMO_ACCOUNTS[0].id, DEMO_ACCOUNTS[1].id] as const

/** A place with accounts, whose dumps and restores are those of the command line. */
export async function restorablePlace(): Promise<Env> {
  const { env } = await seededPlace()
  const url = env['DATABASE_URL']
  if (url === undefined) return env
  const backup = new URL(url)
  backup.username = 'privacy_backup'
  backup.password = TEST_PASSWORD
  return { ...env, DATABASE_BACKUP_URL: backup.href, DATABASE_OWNER_URL: ownerUrlOf(url) }
}

const ownerUrlOf = (url: string) => withDatabase(process.env['TEST_POSTGRES_URL'] ?? '', new URL(url).pathname.slice(1))

/** Opens the place in this process. Closed again when `use` is done. */
export async function withPlace<T>(env: Env, use: (opened: Opened) => Promise<T>): Promise<T> {
  const deps = await openResources({
    database: readDatabaseEnv(env),
    keys: readKeysEnv(env),
    settings: readSettingsEnv(env),
  })
  try {
    const owner = await openOwnerOf(deps.db)
    return await use({ deps, owner }).finally(() => owner.close())
  } finally {
    await deps.close()
  }
}

/** Runs a script of the command line. @returns what it printed; fails when it does */
export async function run(env: Env, script: string, ...args: string[]): Promise<string> {
  const { code, output } = await spawnProgram(`src/cli/${script}.ts`, env, args).ended
  expect(`${code}: ${code === 0 ? '' : output}`).toBe('0: ')
  return output
}

/** Writes a full dump: data and keys, as `db:backup` and `keys:backup` do. @returns its files */
export async function dump(env: Env, folder: string): Promise<readonly string[]> {
  const connection = await connectForBackup(readDatabaseEnv(env))
  const files = [join(folder, 'data.gz'), join(folder, 'keys.gz')] as const
  await writeArchive(connection, 'public', files[0], systemClock)
  await writeArchive(connection, 'keys', files[1], systemClock)
  await connection.close()
  return files
}

/** Drops the whole database, keys and all, and restores the files into a new one. The ledger outside stays. */
export async function dropAndRestore(env: Env, files: readonly string[]): Promise<void> {
  const url = env['DATABASE_URL']
  if (url === undefined) await rm(join(env['DATA_DIR'] ?? '', 'database'), { recursive: true })
  else {
    const name = new URL(url).pathname.slice(1)
    const admin = new pg.Client(process.env['TEST_POSTGRES_URL'])
    await admin.connect()
    await admin.query(`drop database ${name} with (force)`)
    await admin.query(`create database ${name}`)
    await admin.end()
  }
  const owner = await connectAsOwner(readDatabaseEnv(env))
  if (owner.kind === 'pglite') await ensureRoles({ kind: owner.kind, query: (sql) => owner.script(sql) })
  await restoreArchives(owner, files)
  await owner.close()
}

/** Seven persons in one account, four in another; each with a row, a sign-in, two months of usage, one of security. */
export async function writePersons(opened: Opened): Promise<Persons> {
  const add = async (accountId: string, count: number) => {
    const persons: Person[] = []
    for (let left = count; left > 0; left -= 1) persons.push(await writePerson(opened, accountId))
    return persons
  }
  return { a: await add(ACCOUNTS[0], 7), b: await add(ACCOUNTS[1], 4) }
}

export async function writePerson({ deps, owner }: Opened, accountId: string): Promise<Person> {
  const subjectId = newId(deps.clock)
  const months = [0, 1].map((ago) => {
    const now = deps.clock.now()
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago, 1))
  })
  for (const month of months)
    await owner.query(`select app.ensure_usage_partition($1::date)`, month.toISOString().slice(0, 10))
  await deps.db.write({ caller: systemSession(accountId), requestId: 'written' }, async (tx) => {
    await writeRows(tx, deps, { accountId, subjectId }, months)
  })
  for (const [at, month] of months.entries())
    await owner.query(
      `insert into usage_event (account_id, occurred_at, request_id, kind, subject_id, address_prefix, recorded_at)
       values ($1::uuid, $2::timestamptz, $3, ($4)::usage_kind, $5::uuid, '203.0.113.0/24', now()),
         ($1::uuid, $2::timestamptz, $3 || '-security', 'SECURITY', $5::uuid, '203.0.113.0/24', now())`,
      ...[accountId, month.toISOString(), `${subjectId}-${at}`, 'API_REQUEST', subjectId],
    )
  return { accountId, subjectId }
}

async function writeRows(tx: Tx, deps: Resources, person: Person, months: readonly Date[]): Promise<void> {
  const now = deps.clock.now()
  const key = { accountId: person.accountId, id: person.subjectId }
  await tx.subject.createMany({ data: [{ ...key, kind: 'END_USER', createdAt: now, updatedAt: now }] })
  await tx.subject.updateMany({ where: key, data: await sealPerson(deps, tx, key, { name: `Name ${key.id}` }) })
  await tx.identityLink.createMany({ data: [{ ...person, identityHash: Buffer.from(key.id), createdAt: now }] })
  await recordSubjectItem(tx, deps.clock, { ...person, kind: 'END_USER', collectedAt: now })
  await recordIdentityLinkItem(tx, deps.clock, { ...person, collectedAt: now })
  for (const firstAt of months)
    for (const category of ['USAGE', 'SECURITY'] as const) {
      const month = firstAt.toISOString().slice(0, 7)
      const item = itemOfMonth(person.accountId, { subjectId: person.subjectId, month, category, firstAt })
      await inventory.record(tx, deps.clock, [item])
    }
}

/** A hold on all of the second account, and one on a single item of the first, both marked. */
export async function placeHolds({ deps, owner }: Opened, { a, b }: Persons): Promise<void> {
  const columns = `insert into legal_hold (account_id, id, scope, item_id, authority_cipher, reason_cipher, confidential,
    review_on, placed_by, placed_at)`
  const rest = `'\\x00', '\\x00', false, '2099-01-01', 'SYSTEM:-', now()`
  await owner.query(`${columns} select $1::uuid, gen_random_uuid(), 'ACCOUNT', null, ${rest}`, b[0]?.accountId ?? '')
  await owner.query(
    `${columns} select account_id, gen_random_uuid(), 'ITEM', id, ${rest} from inventory_item
     where subject_id = $1::uuid and locator = 'subject'`,
    a[6]?.subjectId ?? '',
  )
  while ((await markHolds(deps)) > 0);
}

/** Erasures by each primitive and by the sweep, some in an account whose hold was released before. */
export async function eraseSome(opened: Opened, { a, b }: Persons): Promise<void> {
  const { deps, owner } = opened
  await owner.query(
    `update legal_hold set released_at = now(), released_by = 'SYSTEM:-', release_reason_cipher = '\\x00',
       mark_pending = true, mark_cursor = null
     where scope = 'ACCOUNT'`,
  )
  while ((await markHolds(deps)) > 0);
  const of = (person: Person | undefined) => person ?? expect.fail('a person is missing')
  await endSubject(deps, SYSTEMS, of(a[0]), 'DELETE')
  await endSubject(deps, SYSTEMS, of(a[1]), 'SHRED')
  await endCategory(deps, SYSTEMS, { ...of(a[2]), category: 'USAGE' }, 'SHRED')
  await endItem(deps, SYSTEMS, { ...of(a[3]), itemId: await signInOf(owner, of(a[3])) }, 'DELETE')
  await endSubject(deps, SYSTEMS, of(b[0]), 'DELETE')
  await endCategory(deps, SYSTEMS, { ...of(b[1]), category: 'ACCOUNT' }, 'ANONYMISE')
  // Of this one an item is held all the while: it stays, under a key of its own.
  await endSubject(deps, SYSTEMS, of(a[6]), 'DELETE')
  await endSubject(deps, SYSTEMS, await writePerson(opened, ACCOUNTS[0]), 'DELETE')
  await owner.query(
    `update inventory_item set due_at = now() - interval '1 day', attempt_at = now() - interval '1 day'
     where subject_id in ($1::uuid, $2::uuid) and category = 'ACCOUNT'`,
    ...[of(a[4]).subjectId, of(b[2]).subjectId],
  )
  await sweepRetention(deps, SYSTEMS)
}

async function signInOf(owner: Owner, { subjectId }: Person): Promise<string> {
  const [row] = await owner.query<{ id: string }>(
    `select id from inventory_item where subject_id = $1::uuid and locator <> 'subject' and category = 'ACCOUNT'`,
    subjectId,
  )
  return row?.id ?? expect.fail('the person has no sign-in')
}

/** What there is of persons: living items, keys, names that open, and rows that the systems find. */
export type State = Readonly<Record<'items' | 'keys' | 'names' | 'rows', ReadonlySet<string>>>

export async function stateOf({ deps, owner }: Opened): Promise<State> {
  const items = await owner.query<{ name: string }>(
    `select id::text as name from inventory_item where state in ('LIVE', 'HELD', 'RESTRICTED')`,
  )
  const keys = await owner.query<{ name: string }>(
    `select concat_ws(' ', account_id, coalesce(subject_id::text, '-'), category, coalesce(item_id::text, '-')) as name
     from keys.data_key where wrapped is not null`,
  )
  const names = new Set<string>()
  const rows = new Set<string>()
  for (const accountId of ACCOUNTS)
    await deps.db.worker(async (tx) => {
      for (const { id, nameCipher } of await tx.subject.findMany({ where: { accountId } })) {
        const person = { accountId, subjectId: id }
        const living = await tx.dataKey.findMany({ where: { ...person, category: 'ACCOUNT' } })
        const of = { ...person, category: 'ACCOUNT' } as const
        if (nameCipher && (await deps.keys.open(living, of, 'subject.name', nameCipher)) !== null) names.add(id)
        for (const system of SYSTEMS)
          for (const { locator, category, rows: count } of await system.locate(tx, person))
            rows.add(`${id} ${system.key} ${locator} ${category} ${count}`)
      }
    }, accountId)
  const namesOf = (list: readonly { name: string }[]) => new Set(list.map(({ name }) => name))
  return { items: namesOf(items), keys: namesOf(keys), names, rows }
}

const minus = (one: ReadonlySet<string>, other: ReadonlySet<string>) => [...one].filter((name) => !other.has(name))

/** What of each kind one state has and the other has not. */
export const beyond = (one: State, other: State) => ({
  items: minus(one.items, other.items),
  keys: minus(one.keys, other.keys),
  names: minus(one.names, other.names),
  rows: minus(one.rows, other.rows),
})
