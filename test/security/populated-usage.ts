import { randomUUID } from 'node:crypto'
import type { Tx } from '../../src/db/database.ts'
import { beginErasure, finishErasure } from '../../src/domains/inventory/erasure.service.ts'
import * as inventory from '../../src/domains/inventory/inventory.service.ts'
import { itemOfMonth } from '../../src/domains/usage/usage-items.ts'
import type { World } from '../kit/world.ts'

/** A month that was folded, with an event of each account that is under a hold. */
export async function foldSomething(world: World, accountIds: readonly string[]): Promise<void> {
  const day = new Date('2024-02-01T00:00:00Z')
  const now = world.clock.now()
  await world.resources.db.worker(async (tx) => {
    await tx.usageMonth.createMany({ data: [{ month: day, foldedAt: now }] })
    for (const accountId of accountIds) {
      const shared = { accountId, kind: 'INFERENCE', model: 'm/one' } as const
      const sums = { requests: 1, inputTokens: 1, outputTokens: 1, payloadBytes: 0 }
      await tx.usageAggregate.createMany({ data: [{ ...shared, id: randomUUID(), day, ...sums }] })
      const counted = { id: randomUUID(), month: day, dimension: 'MODEL', value: 'm/one', subjects: 0 }
      await tx.usageAggregateSubjects.createMany({ data: [{ accountId, kind: 'INFERENCE', ...counted }] })
      const event = { requestId: 'held', occurredAt: day, recordedAt: day }
      await tx.usageEventHeld.createMany({ data: [{ ...shared, ...event }] })
      await dropSomething(tx, world, accountId)
      const month = { subjectId: null, month: '2024-02', category: 'USAGE', firstAt: day } as const
      await inventory.record(tx, world.clock, [itemOfMonth(accountId, month)])
    }
  })
}

/** What the ledger says of a month that was dropped. */
async function dropSomething(tx: Tx, { clock }: World, accountId: string): Promise<void> {
  const firstAt = new Date('2024-01-01T00:00:00Z')
  const item = itemOfMonth(accountId, { subjectId: null, month: '2024-01', category: 'USAGE', firstAt })
  await inventory.record(tx, clock, [item])
  const { id } = await tx.inventoryItem.findFirstOrThrow({ where: { accountId, locator: item.locator } })
  const of = { accountId, cause: 'RETENTION', action: 'DROP_PARTITION', system: 'usage', category: 'USAGE' } as const
  const erasureId = await beginErasure(tx, clock, { ...of, itemIds: [id], lineId: null })
  const counted = { rows: 1, remaining: 0, keysDestroyed: 0 }
  await finishErasure(tx, clock, { accountId, id: erasureId, action: 'DROP_PARTITION' }, counted)
  const drift = { driftSeconds: [1], timers: [1], driftSecondsMax: 1 }
  const data = { accountId, id: randomUUID(), category: 'USAGE', at: clock.now(), ...drift } as const
  await tx.retentionDrift.createMany({ data: [data] })
}
