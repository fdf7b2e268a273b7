import type { Database, Tx } from '../db/database.ts'
import type { Job } from '../generated/prisma/client.ts'
import { addSeconds, CLOCK_SKEW_SECONDS, type Clock } from '../time/clock.ts'
import { newId } from '../time/id.ts'

/** One bounded piece of a long work, done in one transaction. */
export type JobStep = {
  /** What to remember for the next step, as JSON. */
  readonly payload: object
  /** Units of work done in this step. */
  readonly done: number
  /** A piece of the result, kept in order. */
  readonly chunk?: string
  readonly finished: boolean
}

/** A kind of long work: each step is one transaction, so that a kill loses no step and doubles none. */
export type JobHandler = {
  readonly kind: string
  /** The scope that a caller must hold to fetch the result; absent: there is none to fetch. */
  readonly scope?: string
  step(tx: Tx, job: Job): Promise<JobStep>
}

/** A recurring work. It must bear being run twice. */
export type ScheduledTask = {
  readonly name: string
  readonly everySeconds: number
  /** Tasks of a lane run one after the other; lanes run side by side. Absent: the main lane, with the jobs. */
  readonly lane?: string
  /** @param signal aborted when the worker ends: begin nothing new */
  run(signal: AbortSignal): Promise<void>
}

/** How long a job's result is kept, in seconds: 7 days. */
export const JOB_RESULT_SECONDS = 7 * 24 * 3600
const RETRY_SECONDS = 30
const ATTEMPTS_MAX = 5

/**
 * Queues a long work of a caller in the open transaction.
 * Effects: one row of `job`. @returns its id
 */
export async function enqueueJob(
  tx: Tx,
  clock: Clock,
  job: { accountId: string; kind: string; caller: string; payload: object; total: number | null },
): Promise<string> {
  const id = newId(clock)
  const now = clock.now()
  const expiresAt = addSeconds(now, JOB_RESULT_SECONDS)
  await tx.job.createMany({ data: [{ ...job, id, createdAt: now, runAt: now, expiresAt }] })
  return id
}

/**
 * Runs one step of the job that is due longest, under a row lock, so that any number of workers share the queue.
 * A step that fails is tried again after 30 s, five times in all. @returns whether there was one
 */
export async function runJobStep(db: Database, clock: Clock, handlers: readonly JobHandler[]): Promise<boolean> {
  const kinds = handlers.map((handler) => handler.kind)
  const now = clock.now()
  // Put off while the clock was ahead.
  const neverMeant = addSeconds(now, RETRY_SECONDS + CLOCK_SKEW_SECONDS)
  let claimed: Job | undefined
  try {
    await db.worker(async (tx) => {
      const [row] = await tx.$queryRaw<{ account_id: string; id: string }[]>`
        select account_id, id from job
        where state in ('QUEUED', 'RUNNING') and (run_at <= ${now} or run_at > ${neverMeant}) and kind = any(${kinds})
        order by run_at limit 1 for update skip locked`
      if (!row) return
      const key = { accountId_id: { accountId: row.account_id, id: row.id } }
      claimed = await tx.job.findUniqueOrThrow({ where: key })
      await applyStep(tx, claimed, handlers, now)
    })
  } catch (error) {
    if (!claimed) throw error
    await postpone(db, claimed, now)
  }
  return claimed !== undefined
}

async function applyStep(tx: Tx, job: Job, handlers: readonly JobHandler[], now: Date): Promise<void> {
  const { accountId, id } = job
  const handler = handlers.find((each) => each.kind === job.kind)
  if (!handler) throw new Error('a job was claimed that no handler takes')
  const step = await handler.step(tx, job)
  if (step.chunk !== undefined && step.chunk.length > 0) {
    const position = await tx.jobChunk.count({ where: { accountId, jobId: id } })
    await tx.jobChunk.createMany({ data: [{ accountId, jobId: id, position, body: step.chunk }] })
  }
  await tx.job.update({
    where: { accountId_id: { accountId, id } },
    data: {
      payload: step.payload,
      done: { increment: step.done },
      attempts: 0,
      lastProblem: null,
      ...(step.finished ? { state: 'DONE', finishedAt: now } : { state: 'RUNNING', runAt: now }),
    },
    select: { id: true },
  })
}

async function postpone(db: Database, job: Job, now: Date): Promise<void> {
  const attempts = job.attempts + 1
  const over = attempts >= ATTEMPTS_MAX
  await db.worker((tx) =>
    tx.job.updateMany({
      where: { accountId: job.accountId, id: job.id, attempts: job.attempts, state: { in: ['QUEUED', 'RUNNING'] } },
      data: {
        attempts,
        lastProblem: 'STEP_FAILED',
        runAt: addSeconds(now, RETRY_SECONDS),
        ...(over ? { state: 'FAILED', finishedAt: now } : {}),
      },
    }),
  )
}

/** Deletes jobs past their time with their results, 500 at most. @returns how many */
export async function deleteExpiredJobs(db: Database, now: Date): Promise<number> {
  return db.worker(
    (tx) => tx.$executeRaw`
      delete from job where ctid = any(array(
        select ctid from job where expires_at <= ${now} limit 500 for update skip locked))`,
  )
}
