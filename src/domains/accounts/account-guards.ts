import type { Tx } from '../../db/database.ts'
import { AccountNotActive, NotAvailable } from './accounts.problems.ts'

/**
 * Locks the account's row until the transaction ends, so that two changes to it come one after the other. Rows that
 * refer to it can be added meanwhile.
 * @throws NOT_AVAILABLE when the caller cannot see it; ACCOUNT.NOT_ACTIVE when it takes no new data.
 */
export async function lockActiveAccount(tx: Tx, accountId: string): Promise<void> {
  const [row] = await tx.$queryRaw<{ status: string }[]>`
    select status::text from account where id = ${accountId}::uuid for no key update`
  if (!row) throw new NotAvailable()
  if (row.status !== 'ACTIVE') throw new AccountNotActive()
}

/** The same without a lock, for what only adds rows. @throws as above. */
export async function assertActiveAccount(tx: Tx, accountId: string): Promise<void> {
  const account = await tx.account.findUnique({ where: { id: accountId }, select: { status: true } })
  if (!account) throw new NotAvailable()
  if (account.status !== 'ACTIVE') throw new AccountNotActive()
}

/** The account of a caller that belongs to one. @throws NOT_AVAILABLE for callers that belong to none. */
export function ownAccount(caller: { accountId: string | null }): string {
  if (caller.accountId === null) throw new NotAvailable()
  return caller.accountId
}
