import type { Tx } from '../../db/database.ts'

/**
 * Deletes the long works of persons with their results: copies of what systems export. Whoever ends any data of theirs
 * calls it in that transaction. With `withKeys` also the keys that make their repeated calls have one effect: for when
 * all that is known of them goes. The number of statements does not grow with the persons.
 * Effects: rows of `job`, `job_chunk`, `idempotency_record`. @returns how many were deleted; 0 when repeated
 */
export async function deleteCopies(
  tx: Tx,
  accountId: string,
  subjectIds: readonly string[],
  withKeys: boolean,
): Promise<number> {
  if (subjectIds.length === 0) return 0
  const callers = subjectIds.map((id) => `SUBJECT:${id}`)
  const chunks = await tx.$executeRaw`
    delete from job_chunk as c using job as j
    where j.account_id = ${accountId}::uuid and j.caller = any(${callers}::text[])
      and c.account_id = j.account_id and c.job_id = j.id`
  const jobs = await tx.$executeRaw`
    delete from job where account_id = ${accountId}::uuid and caller = any(${callers}::text[])`
  if (!withKeys) return chunks + jobs
  const keys = await tx.$executeRaw`
    delete from idempotency_record where account_id = ${accountId}::uuid and caller = any(${callers}::text[])`
  return chunks + jobs + keys
}
