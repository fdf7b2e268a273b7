import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { Clock } from '../../time/clock.ts'
import { beginDropping, type DroppedRows, finishDropping } from './usage-fold.ledger.ts'
import { locatorOf } from './usage-items.ts'
import { bucketSql } from './usage-latency.rules.ts'
import { readUsageWindow } from './usage-window.reads.ts'
import { dayOf, droppedBefore, monthAfter } from './usage-window.rules.ts'

/** How long dropping a month waits for those who read usage, before it gives way and is tried again: 5 seconds. */
const LOCK_WAIT = '5s'

/** The events of a month are not what was folded: some came or went meanwhile, or a hold did. Nothing was dropped. */
export class MonthChangedError extends Error {
  override readonly name = 'MonthChangedError'
  constructor() {
    super('the events of the month are not those that were folded')
  }
}

/** A hold of an account with events in the month is not marked on all items yet. Nothing was dropped. */
export class MonthHeldError extends Error {
  override readonly name = 'MonthHeldError'
  constructor() {
    super('a hold concerns the month that is not marked yet')
  }
}

const startOf = (month: string) => `${month}T00:00:00Z`

/** Months that may be dropped at `now` and have a partition, oldest first, as `YYYY-MM-01`. */
export async function dueMonths(tx: Tx, now: Date): Promise<string[]> {
  const before = droppedBefore(await readUsageWindow(tx), now).toISOString()
  const rows = await tx.$queryRaw<{ month: string }[]>`
    select to_char(to_date(right(c.relname, 6), 'YYYYMM'), 'YYYY-MM-DD') as month
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'partitions' and c.relkind = 'r' and c.relname ~ '^usage_event_[0-9]{6}$'
      and to_date(right(c.relname, 6), 'YYYYMM') < ${before}::timestamptz at time zone 'UTC'
    order by 1`
  return rows.map((row) => row.month)
}

/** One folder at a time works on a month; others wait until its transaction ends. */
async function takeMonth(tx: Tx, month: string): Promise<void> {
  await tx.$queryRaw`
    select pg_advisory_xact_lock(hashtext('usage_fold'), ${Number(month.slice(0, 7).replace('-', ''))}::int)::text`
}

async function isFolded(tx: Tx, month: string): Promise<boolean> {
  return (await tx.$queryRaw<unknown[]>`select from usage_month where month = ${month}::date`).length > 0
}

/** What events add up to: rows of `usage_aggregate` but their id. */
const sumsOf = (month: string, accountId: string) => Prisma.sql`
  select account_id, (occurred_at at time zone 'UTC')::date as day, kind, model, endpoint_kind, region,
    ${Prisma.raw(bucketSql('latency_ms'))} as latency_bucket, count(*) as requests,
    coalesce(sum(input_tokens), 0)::numeric as input_tokens, coalesce(sum(output_tokens), 0)::numeric as output_tokens,
    coalesce(sum(payload_bytes), 0)::numeric as payload_bytes
  from usage_event
  where ${inMonth(month, accountId)}
  group by 1, 2, 3, 4, 5, 6, 7`

const inMonth = (month: string, accountId: string | null) => Prisma.sql`
  occurred_at >= ${startOf(month)}::timestamptz and occurred_at < ${startOf(monthAfter(month))}::timestamptz
  ${accountId === null ? Prisma.empty : Prisma.sql`and account_id = ${accountId}::uuid`}`

/** Events of a month under a hold: those whose item of the inventory is held. */
const heldOf = (month: string, accountId: string | null) => Prisma.sql`
  select e.account_id, e.occurred_at, e.request_id, e.kind, e.subject_id, e.address_prefix, e.browser, e.os, e.page,
    e.model, e.endpoint_kind, e.region, e.input_tokens, e.output_tokens, e.payload_bytes, e.latency_ms, e.recorded_at
  from (select *, coalesce(subject_id, account_id) as whose from usage_event where ${inMonth(month, accountId)}) as e
  join (select account_id, coalesce(subject_id, account_id) as whose, category from inventory_item
    where system = 'usage' and locator = ${locatorOf(month.slice(0, 7))} and state = 'HELD') as i
    on i.account_id = e.account_id and i.whose = e.whose
      and i.category = (case e.kind when 'SECURITY' then 'SECURITY' else 'USAGE' end)::data_category`

/**
 * Accounts whose aggregates or held copies are not those of the month's events: count, tokens and bytes by day and kind.
 * An account is folded in one transaction, so that its aggregates are right in all else when they are in these. One
 * statement.
 */
export async function differingAccounts(tx: Tx, month: string, accountId: string | null = null): Promise<string[]> {
  const mine = accountId === null ? Prisma.empty : Prisma.sql`and account_id = ${accountId}::uuid`
  const rows = await tx.$queryRaw<{ account_id: string }[]>`
    with there as (
      select account_id, (occurred_at at time zone 'UTC')::date as day, kind, count(*)::numeric as requests,
        coalesce(sum(input_tokens), 0)::numeric as input, coalesce(sum(output_tokens), 0)::numeric as output,
        coalesce(sum(payload_bytes), 0)::numeric as bytes
      from usage_event where ${inMonth(month, accountId)} group by 1, 2, 3),
    folded as (
      select account_id, day, kind, sum(requests)::numeric as requests, sum(input_tokens) as input,
        sum(output_tokens) as output, sum(payload_bytes) as bytes
      from usage_aggregate where day >= ${month}::date and day < ${monthAfter(month)}::date ${mine} group by 1, 2, 3),
    held as (select account_id, occurred_at, request_id from (${heldOf(month, accountId)}) as h),
    copied as (
      select account_id, occurred_at, request_id from usage_event_held where ${inMonth(month, accountId)})
    select account_id from (select * from there except all select * from folded) as missing
    union select account_id from (select * from folded except all select * from there) as surplus
    union select account_id from (select * from held except select * from copied) as uncopied
    union select account_id from (select * from copied except select * from held) as released
    order by 1`
  return rows.map((row) => row.account_id)
}

/**
 * Folds an account's events of a month: sums, numbers of persons, and copies of what is under a hold. What an earlier
 * fold that was broken off left of it is replaced. Does nothing where all is as it should be, or the month is dropped.
 * @returns whether anything was to do
 */
export async function foldAccount(tx: Tx, month: string, accountId: string): Promise<boolean> {
  await takeMonth(tx, month)
  if (await isFolded(tx, month)) return false
  if ((await differingAccounts(tx, month, accountId)).length === 0) return false
  const next = monthAfter(month)
  await tx.$executeRaw`
    delete from usage_aggregate
    where account_id = ${accountId}::uuid and day >= ${month}::date and day < ${next}::date`
  await tx.$executeRaw`
    delete from usage_aggregate_subjects where account_id = ${accountId}::uuid and month = ${month}::date`
  await tx.$executeRaw`delete from usage_event_held where ${inMonth(month, accountId)}`
  await tx.$executeRaw`
    insert into usage_aggregate (account_id, id, day, kind, model, endpoint_kind, region, latency_bucket, requests,
      input_tokens, output_tokens, payload_bytes)
    select account_id, gen_random_uuid(), day, kind, model, endpoint_kind, region, latency_bucket, requests,
      input_tokens, output_tokens, payload_bytes
    from (${sumsOf(month, accountId)}) as s`
  await tx.$executeRaw`
    insert into usage_aggregate_subjects (account_id, id, month, kind, dimension, value, subjects)
    select account_id, gen_random_uuid(), ${month}::date, kind, dimension, value, count(distinct subject_id)
    from usage_event
    cross join lateral (values ('NONE', null), ('MODEL', model), ('ENDPOINT_KIND', endpoint_kind::text),
      ('REGION', region)) as d (dimension, value)
    where ${inMonth(month, accountId)}
    group by account_id, kind, dimension, value`
  await tx.$executeRaw`
    insert into usage_event_held (account_id, occurred_at, request_id, kind, subject_id, address_prefix, browser, os,
      page, model, endpoint_kind, region, input_tokens, output_tokens, payload_bytes, latency_ms, recorded_at)
    ${heldOf(month, accountId)} on conflict do nothing`
  return true
}

/** Events of a month by account and category of data, but those whose item is held. */
const goingOf = (month: string) => Prisma.sql`
  select e.account_id, e.category, count(*)::bigint as rows
  from (select account_id, coalesce(subject_id, account_id) as whose,
      (case kind when 'SECURITY' then 'SECURITY' else 'USAGE' end)::data_category as category
    from usage_event where ${inMonth(month, null)}) as e
  where not exists (select from inventory_item i where i.account_id = e.account_id and i.system = 'usage'
    and i.locator = ${locatorOf(month.slice(0, 7))} and i.state = 'HELD' and i.category = e.category
    and coalesce(i.subject_id, i.account_id) = e.whose)
  group by 1, 2`

/** Whether a hold that is still being marked, or unmarked, is of an account with events in the month. */
async function isHoldPending(tx: Tx, month: string): Promise<boolean> {
  const found = await tx.$queryRaw<unknown[]>`
    select from legal_hold h where h.mark_pending and exists (
      select from usage_event u where u.account_id = h.account_id
        and u.occurred_at >= ${startOf(month)}::timestamptz and u.occurred_at < ${startOf(monthAfter(month))}::timestamptz)
    limit 1`
  return found.length > 0
}

/**
 * Ends a month: from here on its aggregates count instead of its events, which are dropped. Nobody writes into the month
 * meanwhile. Its items of the inventory become ANONYMISED and stand in the ledger of erasures; those under a hold stay
 * so, with copies of their events.
 * @returns whether it was there to be dropped, and still due by the rules that this transaction reads
 * @throws MonthChangedError when events or holds are not those that were folded
 * @throws MonthHeldError while a hold of an account with events in the month is not marked on all items
 */
export async function dropMonth(tx: Tx, month: string, clock: Clock): Promise<boolean> {
  const now = clock.now()
  await takeMonth(tx, month)
  if (await isFolded(tx, month)) return false
  if (month >= dayOf(droppedBefore(await readUsageWindow(tx), now))) return false
  await tx.$executeRaw`select set_config('lock_timeout', ${LOCK_WAIT}, true)`
  const [closed] = await tx.$queryRaw<{ there: boolean }[]>`select app.close_usage_partition(${month}::date) as there`
  if (!closed?.there) return false
  // Before the comparison: a hold that is being set either is seen by it, or finds the item anonymised.
  const parts = await beginDropping(tx, month, clock)
  if (await isHoldPending(tx, month)) throw new MonthHeldError()
  if ((await differingAccounts(tx, month)).length > 0) throw new MonthChangedError()
  const going = await tx.$queryRaw<DroppedRows[]>`
    select account_id as "accountId", category::text as category, rows from (${goingOf(month)}) as going`
  await tx.$executeRaw`insert into usage_month (month, folded_at) values (${month}::date, ${now})`
  await tx.$queryRaw`select app.drop_usage_partition(${month}::date)`
  await finishDropping(tx, parts, going, goingOf(month), clock)
  return true
}
