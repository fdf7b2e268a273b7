import { z } from 'zod'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Job } from '../../generated/prisma/client.ts'
import { DataCategory } from '../../generated/prisma/enums.ts'
import type { JobHandler, JobStep } from '../../jobs/jobs.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { emitEvent } from '../events/events.service.ts'
import type { PersonalDataSystem } from '../personal-data.ts'
import { type Merged, mergePages } from './reconciliation-merge.ts'
import { itemPage, nextStage, recheck, type Stage } from './reconciliation-places.ts'

/** The kind of job that compares the inventory with what the systems hold. */
export const INVENTORY_RECONCILE = 'inventory.reconcile'

const PAGE = 1_000
const FINDINGS_KEPT_SECONDS = 30 * 86_400
const BATCH = 5_000

const payloadShape = z.strictObject({
  reconciliationId: z.uuid(),
  comparedId: z.uuid().nullable(),
  /** What the next step compares; null at the beginning. */
  stage: z.strictObject({ accountId: z.uuid(), system: z.string() }).nullable(),
  after: z
    .strictObject({ locator: z.string(), category: z.enum(DataCategory), subjectId: z.uuid().nullable() })
    .nullable(),
})

type Payload = z.infer<typeof payloadShape>

/** What the job is queued with; `comparedId` null: all accounts. */
export function reconcilePayload(reconciliationId: string, comparedId: string | null): Payload {
  return { reconciliationId, comparedId, stage: null, after: null }
}

/**
 * Compares items with what the systems locate, a page of one system of one account in each step, and writes what does
 * not fit with the step: a kill loses no finding and doubles none. Of a system that the program does not have nothing
 * is located, so that its items are orphaned. What is in memory is bounded by `pageSize`, whatever there is.
 */
export function reconcileHandler(clock: Clock, systems: readonly PersonalDataSystem[], pageSize = PAGE): JobHandler {
  return {
    kind: INVENTORY_RECONCILE,
    async step(tx: Tx, job: Job): Promise<JobStep> {
      const payload = payloadShape.parse(job.payload)
      const stage = payload.stage ?? (await nextStage(tx, systems, payload.comparedId, null))
      if (!stage) return finish(tx, clock, payload, 0)
      await reach(tx, stage.accountId)
      const items = await itemPage(tx, stage, payload.after, pageSize)
      const system = systems.find(({ key }) => key === stage.system)
      const located = (await system?.locatePage(tx, stage.accountId, payload.after, pageSize)) ?? []
      const merged = await recheck(tx, stage, mergePages(items, located, pageSize))
      await write(tx, clock, payload.reconciliationId, stage, merged)
      const next = merged.next ? stage : await nextStage(tx, systems, payload.comparedId, stage)
      if (!next) return finish(tx, clock, payload, merged.items)
      return { payload: { ...payload, stage: next, after: merged.next }, done: merged.items, finished: false }
    },
  }
}

/** Brings the rows of an account into reach, until the transaction ends or the next account is. */
const reach = (tx: Tx, accountId: string) => tx.$executeRaw`select set_config('app.account_id', ${accountId}, true)`

async function write(tx: Tx, clock: Clock, id: string, stage: Stage, { missing, orphaned, items }: Merged) {
  const common = { reconciliationHomeId: PLATFORM_ACCOUNT_ID, reconciliationId: id, ...stage }
  await tx.reconciliationFinding.createMany({
    data: [
      ...missing.map((found) => ({ ...found, kind: 'MISSING' as const })),
      ...orphaned.map(({ id: _item, ...place }) => ({ ...place, kind: 'ORPHANED' as const, rows: 0 })),
    ].map((finding) => ({ ...common, ...finding, id: newId(clock) })),
  })
  await tx.reconciliation.updateMany({
    where: { accountId: PLATFORM_ACCOUNT_ID, id },
    data: {
      items: { increment: items },
      missing: { increment: missing.length },
      orphaned: { increment: orphaned.length },
    },
  })
}

async function finish(tx: Tx, clock: Clock, payload: Payload, done: number): Promise<JobStep> {
  const accountId = PLATFORM_ACCOUNT_ID
  const id = payload.reconciliationId
  await reach(tx, accountId)
  const { items, missing, orphaned } = await tx.reconciliation.update({
    where: { accountId_id: { accountId, id } },
    data: { finishedAt: clock.now() },
    select: { items: true, missing: true, orphaned: true },
  })
  await emitEvent(tx, clock, {
    accountId,
    kind: 'inventory.reconciled',
    payload: {
      reconciliationId: id,
      items: Number(items),
      missing: Number(missing),
      orphaned: Number(orphaned),
    },
  })
  return { payload, done, finished: true }
}

/**
 * Deletes the findings of comparisons that were begun more than 30 days ago, 5,000 a transaction; their counts stay.
 * @returns how many
 */
export async function deleteOldFindings(db: Database, now: Date): Promise<number> {
  const before = addSeconds(now, -FINDINGS_KEPT_SECONDS)
  let count = 0
  for (;;) {
    const deleted = await db.worker(
      (tx) => tx.$executeRaw`
        delete from reconciliation_finding where ctid = any(array(
          select f.ctid from reconciliation_finding f
          join reconciliation r on r.account_id = f.reconciliation_home_id and r.id = f.reconciliation_id
          where r.started_at < ${before} limit ${BATCH} for update of f skip locked))`,
    )
    count += deleted
    if (deleted < BATCH) return count
  }
}
