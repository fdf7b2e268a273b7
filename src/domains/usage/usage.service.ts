import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import { assertActiveAccount, shareAccount } from '../accounts/account-guards.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import * as inventory from '../inventory/inventory.service.ts'
import { ensurePartitions } from './usage.partitions.ts'
import { UsageEventNotValid } from './usage.problems.ts'
import { isUsageFault, type UsageEventInput, type UsageRow, validateUsageEvents } from './usage.rules.ts'
import { itemOfMonth, type UsageMonthOf } from './usage-items.ts'
import { usageWindow } from './usage-window.reads.ts'
import { acceptedFrom, periodsAt } from './usage-window.rules.ts'

/** How many events, and the tokens they count. Tokens are decimal text: a call may sum beyond 2^53. */
export type UsageTally = { readonly events: number; readonly inputTokens: string; readonly outputTokens: string }

/** What became of the events of a call. */
export type RecordedUsage = { readonly recorded: UsageTally; readonly duplicates: UsageTally }

/**
 * Records usage events of one account: all of them or none. An event whose account, time and request id are known
 * already is a duplicate and changes nothing.
 * Effects: rows of `usage_event`; an item of the inventory for each person and month that had none; one audit event
 * with the count.
 * @throws USAGE.EVENT_NOT_VALID naming index and field; NOT_AVAILABLE; ACCOUNT.NOT_ACTIVE
 * @throws NoRetentionRuleError where no rule lets usage be kept
 */
export async function recordUsage(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string; readonly events: readonly UsageEventInput[] },
): Promise<RecordedUsage> {
  const { accountId } = input
  const now = deps.clock.now()
  const window = await usageWindow(deps.db, now)
  if (periodsAt(window, now).length === 0) throw new inventory.NoRetentionRuleError()
  const rows = validateUsageEvents(input.events, now, acceptedFrom(window, now))
  if (isUsageFault(rows)) throw new UsageEventNotValid(rows.index, rows.field, rows.reason)
  await ensurePartitions(deps.db, instantsOf(rows), now)
  return deps.db.write(
    call,
    async (tx) => {
      await (accountId === PLATFORM_ACCOUNT_ID ? shareAccount : assertActiveAccount)(tx, accountId)
      await assertSubjects(tx, accountId, rows)
      const added = await insertRows(tx, accountId, rows, now)
      const recorded = tally(added)
      const items = added.map((group) => itemOfMonth(accountId, group))
      if (recorded.events > 0) {
        await inventory.record(tx, deps.clock, items)
        await recordAudit(tx, deps.clock, call, {
          accountId,
          kind: 'usage.recorded',
          recordType: 'UsageEvent',
          recordIds: [],
          count: recorded.events,
        })
      }
      return { recorded, duplicates: without(tally(rows.map(alone)), recorded) }
    },
    accountId,
  )
}

function* instantsOf(rows: readonly UsageRow[]): Iterable<Date> {
  for (const row of rows) yield row.occurredAt
}

/** Refuses the call when an event names a person that the account does not have, or that is being erased. */
async function assertSubjects(tx: Tx, accountId: string, rows: readonly UsageRow[]): Promise<void> {
  const named = new Set(rows.flatMap((row) => (row.subjectId === null ? [] : [row.subjectId])))
  if (named.size === 0) return
  const known = await tx.$queryRaw<{ id: string }[]>`
    select id from subject
    where account_id = ${accountId}::uuid and id = any(${[...named]}::uuid[]) and status in ('ACTIVE', 'RESTRICTED')`
  const ids = new Set(known.map((row) => row.id))
  const index = rows.findIndex((row) => row.subjectId !== null && !ids.has(row.subjectId))
  if (index >= 0) throw new UsageEventNotValid(index, 'subjectId', 'is not available in the account')
}

/** What was added for a person (or nobody) in a month, by category of data. */
type Added = UsageMonthOf & Counted
type Counted = { readonly events: number; readonly inputTokens: string; readonly outputTokens: string }

/**
 * One statement for any number of rows. It answers what was new; the policy of gateways shows exactly the rows of this
 * instant for that.
 */
async function insertRows(tx: Tx, accountId: string, rows: readonly UsageRow[], now: Date): Promise<Added[]> {
  const column = <K extends keyof UsageRow>(key: K) => rows.map((row) => row[key])
  const recordedAt = now.toISOString()
  await tx.$executeRaw`select set_config('app.recorded_at', ${recordedAt}, true)`
  return tx.$queryRaw<Added[]>`
    with added as (
      insert into usage_event (account_id, recorded_at, occurred_at, request_id, kind, subject_id, address_prefix,
        browser, os, page, model, endpoint_kind, region, input_tokens, output_tokens, payload_bytes, latency_ms)
      select ${accountId}::uuid, ${recordedAt}::timestamptz, e.*
      from unnest(
        ${rows.map((row) => row.occurredAt.toISOString())}::timestamptz[], ${column('requestId')}::text[],
        ${column('kind')}::usage_kind[], ${column('subjectId')}::uuid[], ${column('addressPrefix')}::text[],
        ${column('browser')}::browser_family[], ${column('os')}::os_family[], ${column('page')}::text[],
        ${column('model')}::text[], ${column('endpointKind')}::endpoint_kind[], ${column('region')}::text[],
        ${column('inputTokens')}::int[], ${column('outputTokens')}::int[], ${column('payloadBytes')}::bigint[],
        ${column('latencyMs')}::int[]) as e
      -- In the order of the key, so that two calls with the same events wait for each other and never in a circle.
      order by 3, 4
      on conflict do nothing
      returning subject_id, occurred_at, kind, input_tokens, output_tokens)
    select subject_id as "subjectId", to_char(occurred_at at time zone 'UTC', 'YYYY-MM') as month,
      case kind when 'SECURITY' then 'SECURITY' else 'USAGE' end as category, min(occurred_at) as "firstAt",
      count(*)::int as events, coalesce(sum(input_tokens), 0)::text as "inputTokens",
      coalesce(sum(output_tokens), 0)::text as "outputTokens"
    from added group by 1, 2, 3`
}

/** An event as it counts. */
function alone({ inputTokens, outputTokens }: UsageRow): Counted {
  return { events: 1, inputTokens: String(inputTokens ?? 0), outputTokens: String(outputTokens ?? 0) }
}

function tally(counted: readonly Counted[]): UsageTally {
  let [events, input, output] = [0, 0n, 0n]
  for (const each of counted) {
    events += each.events
    input += BigInt(each.inputTokens)
    output += BigInt(each.outputTokens)
  }
  return { events, inputTokens: input.toString(), outputTokens: output.toString() }
}

function without(all: UsageTally, part: UsageTally): UsageTally {
  return {
    events: all.events - part.events,
    inputTokens: (BigInt(all.inputTokens) - BigInt(part.inputTokens)).toString(),
    outputTokens: (BigInt(all.outputTokens) - BigInt(part.outputTokens)).toString(),
  }
}

/** How far a file's events are moved in time, in milliseconds. */
export type UsageImport = { readonly shiftMs: string; readonly firstRun: boolean }

/**
 * Fixes how far the events of a trace file are moved in time. The first run decides; every later run of the same file
 * into the same account, from whatever machine, is told the same and so stores nothing twice.
 * Effects: one row of `usage_import`; audit.
 * @throws NOT_AVAILABLE, ACCOUNT.NOT_ACTIVE
 */
export async function openUsageImport(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string; readonly fileHash: string; readonly shiftMs: bigint },
): Promise<UsageImport> {
  const { accountId, fileHash, shiftMs } = input
  return deps.db.write(
    call,
    async (tx) => {
      await assertActiveAccount(tx, accountId)
      const { count } = await tx.usageImport.createMany({
        data: [{ accountId, fileHash, shiftMs, createdAt: deps.clock.now() }],
        skipDuplicates: true,
      })
      if (count === 1)
        await recordAudit(tx, deps.clock, call, {
          accountId,
          kind: 'usage.import_opened',
          recordType: 'UsageImport',
          recordIds: [fileHash],
        })
      const row = await tx.usageImport.findUnique({ where: { accountId_fileHash: { accountId, fileHash } } })
      if (!row) throw new NotAvailable()
      return { shiftMs: row.shiftMs.toString(), firstRun: count === 1 }
    },
    accountId,
  )
}
