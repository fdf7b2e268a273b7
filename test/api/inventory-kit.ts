import { systemSession } from '../../src/auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import * as inventory from '../../src/domains/inventory/inventory.service.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { newId } from '../../src/time/id.ts'
import type { World } from '../kit/world.ts'
import { keyOf, localId } from './calls.ts'
import { recordTrace } from './usage-events-kit.ts'

/** A piece of batch content, for the door. */
export function batchItem(accountId: string, subjectId: string | null, more: Partial<inventory.NewItem> = {}) {
  return {
    accountId,
    subjectId,
    category: 'CONTENT_BATCH',
    system: 'batch',
    locator: 'object/1',
    purposes: ['SERVICE_PROVISION'],
    legalBasis: 'CONTRACT',
    collectedAt: new Date('2026-03-01T08:00:00.000Z'),
    retentionStartsAt: new Date('2026-03-01T08:00:00.000Z'),
    ...more,
  } satisfies inventory.NewItem
}

/** Records items through the door, in a transaction of their account. @returns how many were new */
export function recordItems(world: World, accountId: string, items: readonly inventory.NewItem[]): Promise<number> {
  const call = { caller: systemSession(accountId), requestId: 'test-inventory' }
  return world.resources.db.write(call, (tx) => inventory.record(tx, world.clock, items))
}

/** Adds a processor to the register of an account; null: Pipelet's own. @returns its global id */
export async function addProcessor(world: World, name: string, home: string | null = null): Promise<string> {
  const accountId = home ?? PLATFORM_ACCOUNT_ID
  const id = newId(world.clock)
  const now = world.clock.now()
  const data = { accountId, id, name, role: 'PROCESSOR', country: 'IE', createdAt: now, updatedAt: now } as const
  const call = { caller: systemSession(accountId), requestId: 'test-inventory' }
  await world.resources.db.write(call, (tx) => tx.processor.createMany({ data: [data] }))
  return globalId('Processor', tenantKey({ accountId, id }))
}

/** Global ids of the processors of `fillInventory`. */
export type Filled = { readonly cloud: string; readonly billing: string }

/**
 * Beside the 7 and 4 items of the demo's accounts: usage of the member in February, security records of it in March,
 * usage of nobody in February, held batch content of an end user; in the second account usage of its end user. The
 * usage of the member was received by two processors, the batch content by one of them.
 */
export async function fillInventory(world: World): Promise<Filled> {
  const { account, member, endUser, otherAccount } = world.ids
  const event = { requestId: 'feb-1', occurredAt: '2026-02-10T10:00:00.000Z', kind: 'API_REQUEST' }
  await recordTrace(world, account, [
    { ...event, subjectId: member },
    { ...event, requestId: 'feb-2', occurredAt: '2026-02-09T10:00:00.000Z', subjectId: member },
    { ...event, requestId: 'feb-3', occurredAt: '2026-02-28T23:59:59.999Z' },
    { ...event, requestId: 'mar-1', occurredAt: '2026-03-01T00:00:00.000Z', kind: 'SECURITY', subjectId: member },
  ])
  await recordTrace(world, otherAccount, [{ ...event, subjectId: world.demo.accounts[1]?.subjectIds[1] }])
  const accountId = localId(account)
  await recordItems(world, accountId, [batchItem(accountId, keyOf(endUser).id)])
  const cloud = await addProcessor(world, 'Kite Cloud')
  const billing = await addProcessor(world, 'Brook Billing')
  const received = (processor: string, itemId: string, purpose: 'SERVICE_PROVISION' | 'PAYMENT_PROCESSING') => ({
    accountId,
    itemId,
    processorHomeId: keyOf(processor).accountId,
    processorId: keyOf(processor).id,
    purpose,
    firstAt: new Date(processor === cloud ? '2026-03-02T00:00:00.000Z' : '2026-03-02T12:00:00.000Z'),
    lastAt: new Date('2026-03-03T00:00:00.000Z'),
  })
  await world.resources.db.worker(async (tx) => {
    const usage = { accountId, subjectId: keyOf(member).id, category: 'USAGE' as const }
    const february = await tx.inventoryItem.findFirstOrThrow({ where: usage })
    const batch = await tx.inventoryItem.findFirstOrThrow({ where: { accountId, category: 'CONTENT_BATCH' } })
    await tx.inventoryItem.updateMany({
      where: { accountId, id: batch.id },
      data: { state: 'HELD', resumesAs: 'LIVE', attemptAt: null, stateChangedAt: new Date('2026-03-05T00:00:00.000Z') },
    })
    await tx.inventoryRecipient.createMany({
      data: [
        received(cloud, february.id, 'SERVICE_PROVISION'),
        received(billing, february.id, 'PAYMENT_PROCESSING'),
        received(cloud, batch.id, 'SERVICE_PROVISION'),
      ],
    })
  }, accountId)
  return { cloud, billing }
}
