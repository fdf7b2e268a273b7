import type pg from 'pg'

/** Accounts that are closing, each with this many persons; every person has two items, the account one. */
const ACCOUNTS = 200
const PERSONS = 2_499
const ITEMS_OF_ACCOUNT = 2 * PERSONS + 1
/** So many accounts become due at a time: 2 % of all timers. */
const ACCOUNTS_DUE = 4

/** When the first accounts become due; 14 hours later the next ones, so that the last do within 30 days. */
const FIRST_DUE = Date.parse('2026-11-01T00:00:00.000Z')
const STEP_MS = 14 * 3_600_000
const GRACE_DAYS = 30

/** How many timers become due at a time. */
export const ITEMS_OF_TURN = ACCOUNTS_DUE * ITEMS_OF_ACCOUNT

/** How often accounts become due in all. */
export const TURNS_MAX = ACCOUNTS / ACCOUNTS_DUE

/** A moment at which the timers of `turns` turns have become due, and no others. */
export const dueBy = (turns: number) => new Date(FIRST_DUE + (turns - 0.5) * STEP_MS)

const ACCOUNT_SQL = `('0199aa00-0000-7000-8000-' || lpad(to_hex(a), 12, '0'))::uuid`
const PERSON_SQL = `('0199bb00-0000-7000-8000-' || lpad(to_hex(a * 100000 + p), 12, '0'))::uuid`

/**
 * 200 accounts that began to close one after the other, with persons, sign-ins, keys and 999,800 items, all planned: as
 * the program would have written them. The rules of retention and the epoch `epoch` are there already. Sealed values and
 * keys are noise: nobody opens them.
 */
export const fillSql = (epoch: string) => `
  -- What follows refers to what is there, which need not be looked up a million times.
  set session_replication_role = replica;
  create temporary table person as
    select a, p, ${ACCOUNT_SQL} as account_id, ${PERSON_SQL} as id, timestamptz '2026-01-01' as at
    from generate_series(0, ${ACCOUNTS - 1}) a, generate_series(0, ${PERSONS - 1}) p;
  create temporary table closing as
    select a, ${ACCOUNT_SQL} as id,
      timestamptz '${new Date(FIRST_DUE).toISOString()}' + (a / ${ACCOUNTS_DUE}) * interval '${STEP_MS} milliseconds' as due_at
    from generate_series(0, ${ACCOUNTS - 1}) a;
  insert into account (id, status, name_cipher, country, region, created_at, closing_at)
    select id, 'CLOSING', decode(repeat('5a', 48), 'hex'), 'DE', 'eu', '2026-01-01',
      due_at - interval '${GRACE_DAYS} days' from closing;
  insert into subject (account_id, id, kind, name_cipher, email_cipher, email_index, country, created_at, updated_at)
    select account_id, id, 'END_USER', decode(repeat('5a', 48), 'hex'), decode(repeat('5a', 56), 'hex'),
      sha256(id::text::bytea), 'DE', at, at from person;
  insert into identity_link (account_id, identity_hash, subject_id, created_at)
    select account_id, sha256(('sub' || id)::bytea), id, at from person;
  insert into keys.data_key (account_id, id, subject_id, category, version, epoch, wrapped, created_at)
    select account_id, id, id, 'ACCOUNT'::data_category, 1, '${epoch}', decode(repeat('5a', 61), 'hex'), at from person
    union all
    select id, id, null, 'ACCOUNT', 1, '${epoch}', decode(repeat('5a', 61), 'hex'), '2026-01-01' from closing;
  insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis, collected_at,
      state_changed_at, retention_rule_id, planned_version, due_at, attempt_at)
    select i.account_id, i.id, i.subject_id, 'ACCOUNT', 'accounts', i.locator, '{SERVICE_PROVISION}', 'CONTRACT', '2026-01-01',
      '2026-01-01', r.id, r.version, c.due_at, c.due_at
    from (
      select a, account_id, ('0199cc00' || right(id::text, 28))::uuid as id, id as subject_id, 'subject' as locator from person
      union all
      select a, account_id, ('0199dd00' || right(id::text, 28))::uuid, id, 'identity_link' from person
      union all
      select a, id, id, null, 'account' from closing) as i
    join closing c on c.a = i.a
    cross join lateral (
      select r.id, r.version from retention_rule r where r.category = 'ACCOUNT' order by version desc limit 1) as r`

/** What of a database's timers is as it should be after `turns` turns. @throws Error where it is not */
export async function assertEnded(owner: pg.Client, turns: number): Promise<void> {
  const { rows } = await owner.query<{ items: number; links: number; persons: number }>(
    `select (select count(*)::int from erasure_item e join inventory_item i on i.account_id = e.account_id
         and i.id = e.item_id and i.state = 'ERASED') as items,
       (select count(*)::int from identity_link) as links,
       (select count(*)::int from subject where status <> 'ERASED' or name_cipher is not null) as persons`,
  )
  const accounts = turns * ACCOUNTS_DUE
  const due = { items: accounts * ITEMS_OF_ACCOUNT, links: (ACCOUNTS - accounts) * PERSONS }
  const [row] = rows
  if (row?.items !== due.items || row.links !== due.links || row.persons !== due.links)
    throw new Error(`after ${turns} turns something else was ended: ${JSON.stringify(row)}`)
}

const FINISHED_AT_A_TIME = 1_000_000

/** Adds timers that are done, as the owner, and lets the database look at them as autovacuum does. */
export async function addFinished(owner: pg.Client, count: number, say: (line: string) => void): Promise<void> {
  for (let done = 0; done < count; done += FINISHED_AT_A_TIME) {
    const last = Math.min(count, done + FINISHED_AT_A_TIME)
    await owner.query(
      `insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis,
         collected_at, state, state_changed_at, retention_rule_id, planned_version, due_at, done_at)
       select ('0199aa00-0000-7000-8000-' || lpad(to_hex(n % ${ACCOUNTS}), 12, '0'))::uuid,
         ('0199ee00-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, null, 'ACCOUNT', 'accounts', 'subject',
         '{SERVICE_PROVISION}', 'CONTRACT', '2025-01-01', 'ERASED', '2026-02-01', r.id, r.version, '2026-02-01', '2026-02-01'
       from generate_series(${done + 1}, ${last}) n
       cross join lateral (
         select r.id, r.version from retention_rule r where r.category = 'ACCOUNT' order by version desc limit 1) as r`,
    )
    say(`${last} finished timers added`)
  }
  await owner.query('vacuum (analyze) inventory_item')
}
