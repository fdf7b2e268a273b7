import { lockAccount } from '../accounts/account-guards.ts'
import type { Deps } from '../deps.ts'
import { markBatch, markedHoldSelect } from './hold-marks.ts'

/** How many holds are gone on with in turn, and how often in one run. */
const HOLDS = 100
const ROUNDS = 20

/**
 * Marks and unmarks what is left of holds that were placed or released, a batch of each in turn, each in a transaction of
 * its own. What is covered is never ended meanwhile, marked or not. With nothing to do it is one look into an index.
 * Effects: as `markBatch`. @param signal aborted when the worker ends @returns how many batches were done
 */
export async function markHolds({ db, clock }: Pick<Deps, 'db' | 'clock'>, signal?: AbortSignal): Promise<number> {
  let done = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const waiting = await db.worker((tx) =>
      tx.legalHold.findMany({
        where: { markPending: true },
        orderBy: { placedAt: 'asc' },
        take: HOLDS,
        select: { accountId: true, id: true },
      }),
    )
    if (waiting.length === 0) return done
    for (const { accountId, id } of waiting) {
      if (signal?.aborted) return done
      await db.worker(async (tx) => {
        await lockAccount(tx, accountId)
        const hold = await tx.legalHold.findFirst({
          where: { accountId, id, markPending: true },
          select: markedHoldSelect,
        })
        if (hold) await markBatch(tx, clock, hold)
      }, accountId)
      done += 1
    }
  }
  return done
}
