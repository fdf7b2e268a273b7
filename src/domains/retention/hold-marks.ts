import type { Tx } from '../../db/database.ts'
import { type LegalHold, Prisma } from '../../generated/prisma/client.ts'
import type { Clock } from '../../time/clock.ts'
import { HOLD_BATCH } from './hold.rules.ts'

/** What of a hold says which items it covers, and how far they are marked. */
export type MarkedHold = Pick<
  LegalHold,
  'accountId' | 'id' | 'scope' | 'itemId' | 'subjectId' | 'category' | 'releasedAt' | 'markCursor'
>

/** The columns of `MarkedHold`, for `select`. */
export const markedHoldSelect = {
  ...{ accountId: true, id: true, scope: true, itemId: true, subjectId: true },
  ...{ category: true, releasedAt: true, markCursor: true },
} as const satisfies Prisma.LegalHoldSelect

/** The items `i` of the hold's account that it names. */
function covered({ scope, itemId, subjectId, category }: MarkedHold): Prisma.Sql {
  if (scope === 'ITEM') return Prisma.sql`i.id = ${itemId}::uuid`
  if (scope === 'SUBJECT') return Prisma.sql`i.subject_id = ${subjectId}::uuid`
  if (scope === 'CATEGORY')
    return Prisma.sql`i.subject_id = ${subjectId}::uuid and i.category = ${category}::data_category`
  return Prisma.sql`true`
}

/** The state that is told to whom confidential holds are not told: what `state_changed_at` is about. */
const told = (state: Prisma.Sql, resumesAs: Prisma.Sql, confidential: Prisma.Sql) =>
  Prisma.sql`(case when ${state} = 'HELD' and ${confidential} then ${resumesAs} else ${state} end)`

/**
 * Goes on marking what a hold covers, 1,000 items at most, in the order of their ids; of a released hold, unmarking.
 * Every item becomes what all holds in force on it say: HELD where there is one, confidentially where each is; else what
 * it was, and what became due meanwhile is taken by the next sweep. Running it again changes nothing. The account's lock
 * is taken already.
 * Effects: rows of `inventory_item`, progress in `legal_hold`. @returns whether that was the last batch
 */
export async function markBatch(tx: Tx, clock: Clock, hold: MarkedHold): Promise<boolean> {
  const { accountId, id, releasedAt, markCursor } = hold
  const states = releasedAt === null ? Prisma.sql`('LIVE', 'HELD', 'RESTRICTED')` : Prisma.sql`('HELD')`
  const beyond = markCursor === null ? Prisma.empty : Prisma.sql`and i.id > ${markCursor}::uuid`
  const now = clock.now()
  const isNow = told(Prisma.sql`j.state`, Prisma.sql`j.resumes_as`, Prisma.sql`j.confidential`)
  const was = told(Prisma.sql`i.state`, Prisma.sql`i.resumes_as`, Prisma.sql`i.hold_confidential`)
  const [batch] = await tx.$queryRaw<{ seen: number; resumed: number; last: string | null }[]>`
    with batch as (
      select i.id, i.state, i.resumes_as, i.due_at, i.attempt_at, i.subject_id, i.category, i.retention_rule_id
      from inventory_item i
      where i.account_id = ${accountId}::uuid and i.state in ${states} and ${covered(hold)} ${beyond}
      order by i.id limit ${HOLD_BATCH} for update),
    asked as (
      select b.*, app.hold_over(${accountId}::uuid, b.subject_id, b.category, b.id) as holds from batch b),
    judged as (
      select a.id, a.state as former, a.holds = 2 as confidential,
        case when a.holds > 0 then 'HELD' else coalesce(a.resumes_as, a.state) end::inventory_state as state,
        case when a.holds > 0 then coalesce(a.resumes_as, a.state) end as resumes_as,
        case when a.holds > 0 then null when a.state <> 'HELD' then a.attempt_at
          when r.action is distinct from 'DROP_PARTITION' then a.due_at end as attempt_at
      from asked a left join retention_rule r on r.id = a.retention_rule_id),
    changed as (
      update inventory_item i set state = j.state, resumes_as = j.resumes_as, hold_confidential = j.confidential,
        attempt_at = j.attempt_at,
        attempts = case when j.state = 'HELD' then i.attempts else 0 end,
        last_problem = case when j.state = 'HELD' then i.last_problem end,
        state_changed_at = case when ${isNow} = ${was} then i.state_changed_at else ${now} end
      from judged j
      where i.account_id = ${accountId}::uuid and i.id = j.id
        and (i.state, i.hold_confidential) is distinct from (j.state, j.confidential)
      returning j.former, j.state)
    select (select count(*) from batch)::int as seen,
      (select count(*) from changed where former = 'HELD' and state <> 'HELD')::int as resumed,
      (select id from batch order by id desc limit 1) as last`
  if (!batch) throw new Error('a statement that counts gave no row')
  const isLast = batch.seen < HOLD_BATCH
  await tx.legalHold.updateMany({
    where: { accountId, id },
    data: {
      markPending: !isLast,
      markCursor: batch.last ?? markCursor,
      ...(releasedAt === null ? { heldItems: { increment: batch.seen } } : {}),
      ...(releasedAt === null ? {} : { resumedItems: { increment: batch.resumed } }),
    },
  })
  return isLast
}
