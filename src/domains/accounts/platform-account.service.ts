import { systemSession } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Deps } from '../deps.ts'
import { insertAccount } from './account.service.ts'

/**
 * Makes the platform's own account where it is missing. Every start does, for clients of gateways and processors, and
 * staff, belong to it.
 * The rules of retention must be there. Effects: the account with its item of the inventory and its data key, once.
 */
export async function ensurePlatformAccount(deps: Deps): Promise<void> {
  const id = PLATFORM_ACCOUNT_ID
  await deps.db.write({ caller: systemSession(id), requestId: 'start' }, async (tx) => {
    if (await tx.account.findUnique({ where: { id }, select: { id: true } })) return
    await insertAccount(deps, tx, id, { name: 'Pipelet', country: 'US', region: 'global' }, true)
  })
}
