import type { PersonalDataSystem } from '../personal-data.ts'
import { noRecords, nothingToEnd } from '../reference-system.ts'

/**
 * Long works of a person with their results, and the keys that make its repeated calls have one effect. A result is a
 * copy of what other systems export, so it is not exported again and has no item of its own: it goes when any of the
 * person's data is ended. @see deleteCopies in person-copies.service.ts
 */
export const jobsSystem: PersonalDataSystem = {
  key: 'jobs',
  name: 'Jobs and idempotency keys',
  kind: 'DATABASE',
  categories: ['ACCOUNT'],
  tables: ['public.job', 'public.job_chunk', 'public.idempotency_record'].map((name) => ({
    name,
    holds: 'REFERENCES',
  })),
  locate: async () => [],
  locatePage: async () => [],
  export: noRecords,
  correct: async () => ({ outcome: 'NOT_FOUND' }),
  ...nothingToEnd('jobs'),
  exception: null,
  async count(tx, { accountId, subjectId }) {
    const where = { accountId, caller: `SUBJECT:${subjectId}` }
    const chunks = await tx.jobChunk.count({ where: { job: where } })
    const jobs = await tx.job.count({ where })
    return chunks + jobs + (await tx.idempotencyRecord.count({ where }))
  },
}
