import type { Tx } from '../../db/database.ts'
import { uuidArray } from '../../db/uuid-array.ts'

/**
 * Deletes the long works of persons with their results: copies of what systems export. Whoever ends any data of theirs
 * calls it in that transaction. With `withKeys` also the keys that make their repeated calls have one effect: for when
 * all that is known of them goes. One statement.
 * Effects: rows of `job`, `job_chunk`, `idempotency_record`. @returns how many were deleted; 0 when repeated
 */
export async function deleteCopies(
  tx: Tx,
  accountId: string,
  subjectIds: readonly string[],
  withKeys: boolean,
): Promise<number> {
  if (subjectIds.length === 0) return 0
  const [row] = await tx.$queryRaw<{ deleted: number }[]>`
    with caller as materialized (select 'SUBJECT:' || id as name from unnest(${uuidArray(subjectIds)}) as p (id)),
    works as materialized (select id from job where account_id = ${accountId}::uuid and caller in (select name from caller)),
    chunks as (
      delete from job_chunk where account_id = ${accountId}::uuid and job_id in (select id from works) returning 1),
    jobs as (delete from job where account_id = ${accountId}::uuid and id in (select id from works) returning 1),
    keys as (
      delete from idempotency_record
      where ${withKeys} and account_id = ${accountId}::uuid and caller in (select name from caller) returning 1)
    select ((select count(*) from chunks) + (select count(*) from jobs) + (select count(*) from keys))::int as deleted`
  return row?.deleted ?? 0
}
