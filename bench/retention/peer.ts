import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import { SWEEP_ITEMS } from '../../src/domains/retention/ending.rules.ts'
import { PrismaClient } from '../../src/generated/prisma/client.ts'

/**
 * The same work as it is often written: Prisma, by the owner, item by item. Without row-level security, count afterwards,
 * keys, holds, a ledger outside, audit and delays.
 */
export function openPeer(ownerUrl: string) {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: ownerUrl, max: 1 }) })
  return {
    /** Ends `count` of what is due. */
    sweep: async (now: Date, count: number): Promise<void> => {
      for (let left = count; left > 0; left -= SWEEP_ITEMS) {
        const items = await prisma.inventoryItem.findMany({
          where: { attemptAt: { lte: now } },
          orderBy: { attemptAt: 'asc' },
          take: Math.min(left, SWEEP_ITEMS),
        })
        const erasures = new Map<string, string>()
        for (const { accountId } of items) {
          if (erasures.has(accountId)) continue
          const id = randomUUID()
          const of = { cause: 'RETENTION', action: 'DELETE', system: 'accounts', category: 'ACCOUNT' } as const
          await prisma.erasure.create({ data: { ...of, accountId, id, items: items.length, begunAt: now } })
          erasures.set(accountId, id)
        }
        for (const { accountId, id: itemId, subjectId, locator } of items) {
          if (locator === 'identity_link')
            await prisma.identityLink.deleteMany({ where: { accountId, subjectId: subjectId ?? '' } })
          else if (locator === 'subject')
            await prisma.subject.updateMany({
              where: { accountId, id: subjectId ?? '' },
              data: { nameCipher: null, emailCipher: null, emailIndex: null, status: 'ERASED', updatedAt: now },
            })
          else
            await prisma.account.updateMany({
              where: { id: accountId },
              data: { nameCipher: null, status: 'CLOSED', closedAt: now },
            })
          await prisma.inventoryItem.updateMany({
            where: { accountId, id: itemId },
            data: { state: 'ERASED', stateChangedAt: now, doneAt: now, attemptAt: null },
          })
          await prisma.erasureItem.create({ data: { accountId, itemId, erasureId: erasures.get(accountId) ?? '' } })
        }
      }
    },
    close: () => prisma.$disconnect(),
  }
}
