import type { Tx } from '../../db/database.ts'
import { AccountNotActive, NotAvailable } from './accounts.problems.ts'

/**
 * Locks the account until the transaction ends, so that changes to it come one after the other, and after every write
 * that found it active. Rows that refer to it can be added meanwhile.
 * @throws NOT_AVAILABLE when the caller cannot see it; ACCOUNT.NOT_ACTIVE when it takes no new data.
 */
export async function lockActiveAccount(tx: Tx, accountId: string): Promise<void> {
  await lockAccount(tx, accountId)
  await assertActive(tx, accountId)
}

/** The same lock on an account in whatever state: for erasing, after which nothing written before it may turn up. */
export async function lockAccount(tx: Tx, accountId: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${accountId}, 0))`
}

/**
 * For what only adds rows: shares the account with others of its kind. The lock comes first and in a statement of its
 * own, so that the state is read after whoever was changing it has ended. A lock on the row would need the right to
 * change it, which gateways do not have.
 * @throws as above
 */
export async function assertActiveAccount(tx: Tx, accountId: string): Promise<void> {
  await shareAccount(tx, accountId)
  await assertActive(tx, accountId)
}

/** Shares the account until the transaction ends, whatever its state: erasing waits for it, and it for erasing. */
export async function shareAccount(tx: Tx, accountId: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock_shared(hashtextextended(${accountId}, 0))`
}

async function assertActive(tx: Tx, accountId: string): Promise<void> {
  const account = await tx.account.findUnique({ where: { id: accountId }, select: { status: true } })
  if (!account) throw new NotAvailable()
  if (account.status !== 'ACTIVE') throw new AccountNotActive()
}

/** The account of a caller that belongs to one. @throws NOT_AVAILABLE for callers that belong to none. */
export function ownAccount(caller: { accountId: string | null }): string {
  if (caller.accountId === null) throw new NotAvailable()
  return caller.accountId
}
