import type { Tx } from '../../db/database.ts'
import type { DataCategory } from '../../generated/prisma/enums.ts'
import type { Outcome, Person, PersonalDataSystem } from '../personal-data.ts'
import { noRecords, outcomeOf } from '../reference-system.ts'

/**
 * Long works of a person with their results, and the keys that make its repeated calls have one effect. A result is a
 * copy of what other systems export, so it is not exported again, and goes when any of the person's data goes; with the
 * account's data the keys go too. Copies cannot be unlinked or shredded: either deletes them.
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
  anonymise: (tx, _deps, person, category) => eraseCopies(tx, person, category),
  erase: (tx, _deps, person, category) => eraseCopies(tx, person, category),
  shred: (tx, _deps, person, category) => eraseCopies(tx, person, category),
  count: (tx, person) => countOf(tx, person, 'ACCOUNT'),
}

const ofCaller = ({ accountId, subjectId }: Person) => ({ accountId, caller: `SUBJECT:${subjectId}` })

async function eraseCopies(tx: Tx, person: Person, category: DataCategory): Promise<Outcome> {
  const where = ofCaller(person)
  const chunks = await tx.jobChunk.deleteMany({ where: { job: where } })
  const jobs = await tx.job.deleteMany({ where })
  const keys = category === 'ACCOUNT' ? await tx.idempotencyRecord.deleteMany({ where }) : { count: 0 }
  return outcomeOf('ERASED', chunks.count + jobs.count + keys.count, await countOf(tx, person, category))
}

async function countOf(tx: Tx, person: Person, category: DataCategory): Promise<number> {
  const where = ofCaller(person)
  const chunks = await tx.jobChunk.count({ where: { job: where } })
  const jobs = await tx.job.count({ where })
  return chunks + jobs + (category === 'ACCOUNT' ? await tx.idempotencyRecord.count({ where }) : 0)
}
