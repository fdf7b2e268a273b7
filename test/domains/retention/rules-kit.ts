import { systemSession } from '../../../src/auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../../src/db/caller.ts'
import type { Database } from '../../../src/db/database.ts'
import type { DataCategory, RetentionAction, RetentionTrigger } from '../../../src/generated/prisma/enums.ts'
import type { Clock } from '../../../src/time/clock.ts'
import { newId } from '../../../src/time/id.ts'

/** What a test says of a rule. */
export type TestRule = {
  readonly category: DataCategory
  readonly trigger?: RetentionTrigger
  readonly period: string
  readonly action?: RetentionAction
  readonly effectiveFrom?: Date
}

/** Writes a rule as the next version, without the two persons that it takes. @returns its id */
export function addRule({ db, clock }: { db: Database; clock: Clock }, rule: TestRule): Promise<string> {
  const id = newId(clock)
  return db.write({ caller: systemSession(PLATFORM_ACCOUNT_ID), requestId: 'test-rules' }, async (tx) => {
    const newest = await tx.retentionRule.aggregate({ _max: { version: true } })
    await tx.retentionRule.createMany({
      data: [
        {
          ...{ trigger: 'CREATED', action: 'SHRED', effectiveFrom: clock.now(), ...rule },
          ...{ id, version: (newest._max.version ?? 0) + 1, clause: '§7.1', description: { en: 'For a test.' } },
          ...{ legalSource: 'none', source: 'a test', verifiedOn: new Date('2026-01-01'), verified: false },
          createdAt: clock.now(),
        },
      ],
    })
    return id
  })
}
