import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import type { DataCategory, Purpose } from '../../generated/prisma/enums.ts'
import { addSeconds } from '../../time/clock.ts'
import { shareAccount } from '../accounts/account-guards.ts'
import { NotAvailable } from '../accounts/accounts.problems.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { RecipientNotAllowed } from './processors.problems.ts'
import { CLOCK_SKEW_SECONDS, receiptFault } from './processors.rules.ts'

/** That a processor received a person's data of some categories for a purpose. */
export type RecipientEntry = {
  /** Null: data of nobody in particular. */
  readonly subjectId: string | null
  readonly categories: readonly DataCategory[]
  /** Of the register. */
  readonly processorId: string
  readonly purpose: Purpose
  readonly at: Date
}

/**
 * Notes who received personal data of one account: all entries or none. Noted are the living items of the person and
 * the categories that may be used for the purpose, and were collected by then; each category must have one. Saying the
 * same again changes nothing; two calls at once leave one note. It may be said of an account that is closing too.
 * Effects: rows of `inventory_recipient`; where something is new an audit event, and an event `recipient.recorded` for
 * each processor, which names no person.
 * @returns how many items of the inventory have a new note or a wider one
 * @throws NOT_AVAILABLE for an account, person or processor that is not there; RECIPIENT.NOT_ALLOWED
 * @see GDPR Art. 5(1)(b), 5(2), 28, 30(1)(d)
 */
export async function recordRecipient(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string; readonly entries: readonly RecipientEntry[] },
): Promise<{ items: number }> {
  const { accountId } = input
  const entries = input.entries.map((entry) => ({ ...entry, categories: [...new Set(entry.categories)] }))
  return deps.db.write(
    call,
    async (tx) => {
      await shareAccount(tx, accountId)
      if (!(await tx.account.findUnique({ where: { id: accountId }, select: { id: true } }))) throw new NotAvailable()
      await assertSubjects(tx, accountId, entries)
      await assertAllowed(tx, entries, deps.clock.now())
      const noted = await insertRows(tx, accountId, entries)
      const items = noted.reduce((sum, { count }) => sum + count, 0)
      if (items === 0) return { items }
      const audit = { accountId, kind: 'recipient.recorded', recordType: 'InventoryRecipient', count: items } as const
      await recordAudit(tx, deps.clock, call, { ...audit, recordIds: [] })
      for (const { processorId, count } of noted) {
        const payload = { processorId, items: count }
        await emitEvent(tx, deps.clock, { accountId, kind: 'recipient.recorded', processorId, payload })
      }
      return { items }
    },
    accountId,
  )
}

/** @throws NOT_AVAILABLE when an entry names a person that the account does not have */
async function assertSubjects(tx: Tx, accountId: string, entries: readonly RecipientEntry[]): Promise<void> {
  const named = [...new Set(entries.flatMap(({ subjectId }) => (subjectId === null ? [] : [subjectId])))]
  if (named.length === 0) return
  if ((await tx.subject.count({ where: { accountId, id: { in: named } } })) !== named.length) throw new NotAvailable()
}

/** @throws NOT_AVAILABLE when an entry names no processor of the register; RECIPIENT.NOT_ALLOWED */
async function assertAllowed(tx: Tx, entries: readonly RecipientEntry[], now: Date): Promise<void> {
  const named = [...new Set(entries.map(({ processorId }) => processorId))]
  const rows = await tx.processor.findMany({
    where: { accountId: PLATFORM_ACCOUNT_ID, id: { in: named } },
    select: { id: true, categories: true, purposes: true, contractOn: true, endedAt: true },
  })
  const register = new Map(rows.map((row) => [row.id, row]))
  if (register.size !== named.length) throw new NotAvailable()
  for (const [index, entry] of entries.entries()) {
    const processor = register.get(entry.processorId)
    const fault = processor && receiptFault(processor, entry, now)
    if (fault) throw new RecipientNotAllowed(index, fault.field, fault.reason)
  }
}

/** One statement for any number of entries. @throws RECIPIENT.NOT_ALLOWED where an entry meets no item */
async function insertRows(tx: Tx, accountId: string, entries: readonly RecipientEntry[]) {
  const each = entries.flatMap((entry, index) => entry.categories.map((category) => ({ ...entry, index, category })))
  const rows = await tx.$queryRaw<{ index: number | null; processorId: string | null; count: number }[]>`
    with entry as (
      select * from unnest(${each.map(({ index }) => index)}::int[], ${each.map(({ subjectId }) => subjectId)}::uuid[],
        ${each.map(({ category }) => category)}::data_category[],
        ${each.map(({ processorId }) => processorId)}::uuid[], ${each.map(({ purpose }) => purpose)}::purpose[],
        ${each.map(({ at }) => at.toISOString())}::timestamptz[],
        ${each.map(({ at }) => addSeconds(at, CLOCK_SKEW_SECONDS).toISOString())}::timestamptz[])
        as e (index, subject_id, category, processor_id, purpose, at, until)),
    living as (
      select id, subject_id, category, purposes, collected_at from inventory_item
      where account_id = ${accountId}::uuid and state in ('LIVE', 'HELD', 'RESTRICTED')
        and (subject_id = any(${each.map(({ subjectId }) => subjectId)}::uuid[]) or subject_id is null)),
    met as (
      select e.*, i.id as item_id from entry e join living i
        on coalesce(i.subject_id, ${accountId}::uuid) = coalesce(e.subject_id, ${accountId}::uuid)
        and i.category = e.category and e.purpose = any (i.purposes) and i.collected_at <= e.until),
    noted as (
      insert into inventory_recipient as r
        (account_id, item_id, processor_home_id, processor_id, purpose, first_at, last_at)
      select ${accountId}::uuid, item_id, ${PLATFORM_ACCOUNT_ID}::uuid, processor_id, purpose, min(at), max(at)
      from met group by item_id, processor_id, purpose
      -- In the order of the key, so that two calls with the same entries wait for each other and never in a circle.
      order by item_id, processor_id, purpose
      on conflict (account_id, item_id, processor_id, purpose) do update
        set first_at = least(r.first_at, excluded.first_at), last_at = greatest(r.last_at, excluded.last_at)
        where excluded.first_at < r.first_at or excluded.last_at > r.last_at
      returning r.processor_id)
    select null::int as index, processor_id as "processorId", count(*)::int as count from noted group by 2
    union all
    select e.index, null, 0 from entry e
    where not exists (select from met m where m.index = e.index and m.category = e.category)
    order by 1 nulls last, 2`
  const [first] = rows
  if (first && first.index !== null)
    throw new RecipientNotAllowed(
      first.index,
      'categories',
      'names a category of which nothing is held for the purpose',
    )
  return rows.flatMap(({ processorId, count }) => (processorId === null ? [] : [{ processorId, count }]))
}
