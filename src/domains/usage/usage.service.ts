import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import { assertActiveAccount } from '../accounts/account-guards.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { ensurePartitions } from './usage.partitions.ts'
import { UsageEventNotValid } from './usage.problems.ts'
import { isUsageFault, type UsageEventInput, type UsageRow, validateUsageEvents } from './usage.rules.ts'

/** How many events, and the tokens they count. Tokens are decimal text: a call may sum beyond 2^53. */
export type UsageTally = { readonly events: number; readonly inputTokens: string; readonly outputTokens: string }

/** What became of the events of a call. */
export type RecordedUsage = { readonly recorded: UsageTally; readonly duplicates: UsageTally }

/**
 * Records usage events of one account: all of them or none. An event whose account, time and request id are known
 * already is a duplicate and changes nothing.
 * Effects: rows of `usage_event`; one audit event with the count.
 * @throws USAGE.EVENT_NOT_VALID naming index and field; NOT_AVAILABLE; ACCOUNT.NOT_ACTIVE
 */
export async function recordUsage(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string; readonly events: readonly UsageEventInput[] },
): Promise<RecordedUsage> {
  const { accountId } = input
  const now = deps.clock.now()
  const rows = validateUsageEvents(input.events, now)
  if (isUsageFault(rows)) throw new UsageEventNotValid(rows.index, rows.field, rows.reason)
  await ensurePartitions(deps.db, instantsOf(rows))
  return deps.db.write(
    call,
    async (tx) => {
      if (accountId !== PLATFORM_ACCOUNT_ID) await assertActiveAccount(tx, accountId)
      await assertSubjects(tx, accountId, rows)
      const recorded = await insertRows(tx, accountId, rows, now)
      if (recorded.events > 0)
        await recordAudit(tx, deps.clock, call, {
          accountId,
          kind: 'usage.recorded',
          recordType: 'UsageEvent',
          recordIds: [],
          count: recorded.events,
        })
      return { recorded, duplicates: without(tally(rows), recorded) }
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

/**
 * One statement for any number of rows. It answers what was new; the policy of gateways shows exactly the rows of this
 * instant for that.
 */
async function insertRows(tx: Tx, accountId: string, rows: readonly UsageRow[], now: Date): Promise<UsageTally> {
  const column = <K extends keyof UsageRow>(key: K) => rows.map((row) => row[key])
  const recordedAt = now.toISOString()
  await tx.$executeRaw`select set_config('app.recorded_at', ${recordedAt}, true)`
  const [sum] = await tx.$queryRaw<{ events: number; input: string; output: string }[]>`
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
      returning input_tokens, output_tokens)
    select count(*)::int as events, coalesce(sum(input_tokens), 0)::text as input,
           coalesce(sum(output_tokens), 0)::text as output
    from added`
  return { events: sum?.events ?? 0, inputTokens: sum?.input ?? '0', outputTokens: sum?.output ?? '0' }
}

function tally(rows: readonly UsageRow[]): UsageTally {
  let [input, output] = [0n, 0n]
  for (const row of rows) {
    input += BigInt(row.inputTokens ?? 0)
    output += BigInt(row.outputTokens ?? 0)
  }
  return { events: rows.length, inputTokens: input.toString(), outputTokens: output.toString() }
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
