import { systemSession } from '../../auth/session.ts'
import { type FieldKey, liveKeySelect } from '../../crypto/keyring.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import type { Counted, Located } from '../personal-data.ts'
import { ACCOUNT } from './account-items.ts'

/** What a client proves itself with, who calls by it, and what people call it. */
const OF_CLIENTS = Prisma.sql`num_nonnulls(label_cipher, secret_hash, previous_secret_hash, previous_secret_until,
  public_jwks) > 0 or coalesce(cardinality(allowed_networks), 0) > 0 or disabled_at is null`

/**
 * Closes an account for good, whatever the action: its name is cleared, its clients are shut out without a trace of what
 * they proved themselves with, its open invitations go. What stays of it: id, country, region, when it was made and
 * closed; ids, kinds and times of its clients. The platform is never closed, which the count afterwards says.
 * Effects: rows of `account`, `api_client`, `invitation`; audit and event `account.closed`, once.
 * @see GDPR Art. 17(1)(a), 28(3)(g)
 */
export async function endAccount(tx: Tx, deps: Deps, accountId: string, itemId: string): Promise<Counted> {
  const now = deps.clock.now()
  // An account that a restored database has back in use has no date from which the rest could be counted.
  const closed = await tx.$executeRaw`
    update account set status = 'CLOSED', closed_at = coalesce(closed_at, ${now}), name_cipher = null,
      plan_pending = plan_pending or closing_at is null,
      plan_cursor = case when closing_at is null then null else plan_cursor end,
      closing_at = coalesce(closing_at, ${now})
    where id = ${accountId}::uuid and id <> ${PLATFORM_ACCOUNT_ID}::uuid
      and (status <> 'CLOSED' or name_cipher is not null)`
  if (closed > 0) await tellClosed(tx, deps, accountId, itemId)
  const cleared = accountId === PLATFORM_ACCOUNT_ID ? 0 : await clear(tx, accountId, now)
  return { rows: closed + cleared, remaining: await countRemaining(tx, accountId) }
}

async function clear(tx: Tx, accountId: string, now: Date): Promise<number> {
  const clients = await tx.$executeRaw`
    update api_client set label_cipher = null, secret_hash = null, previous_secret_hash = null,
      previous_secret_until = null, public_jwks = null, allowed_networks = '{}', disabled_at = coalesce(disabled_at, ${now})
    where account_id = ${accountId}::uuid and (${OF_CLIENTS})`
  return (
    clients +
    (await tx.$executeRaw`delete from invitation where account_id = ${accountId}::uuid and accepted_at is null`)
  )
}

/** The item stands for the request: nobody made one. */
async function tellClosed(tx: Tx, deps: Deps, accountId: string, itemId: string): Promise<void> {
  const call = { caller: systemSession(accountId), requestId: itemId }
  const own = { recordType: 'Account', recordIds: [accountId] }
  await recordAudit(tx, deps.clock, call, { accountId, kind: 'account.closed', ...own })
  const payload = { accountId, closedAt: deps.clock.now().toISOString() }
  await emitEvent(tx, deps.clock, { accountId, kind: 'account.closed', payload })
}

async function countRemaining(tx: Tx, accountId: string): Promise<number> {
  const [row] = await tx.$queryRaw<{ count: number }[]>`
    select (select count(*) from account
        where id = ${accountId}::uuid and (status <> 'CLOSED' or name_cipher is not null))::int
      + (select count(*) from api_client where account_id = ${accountId}::uuid and (${OF_CLIENTS}))::int
      + (select count(*) from invitation where account_id = ${accountId}::uuid and accepted_at is null)::int as count`
  return row?.count ?? 0
}

/** Seals name and labels of clients of an account anew, under `key`. @returns rows */
export async function resealAccount(tx: Tx, deps: Deps, accountId: string, key: FieldKey): Promise<number> {
  const owner = { accountId, subjectId: null, category: 'ACCOUNT' } as const
  const keys = await tx.dataKey.findMany({ where: owner, select: liveKeySelect })
  const again = async (field: string, sealed: Uint8Array | null) => {
    const clear = sealed && (await deps.keys.open(keys, owner, field, sealed))
    return clear === null ? null : deps.keys.seal(key, field, clear)
  }
  const account = await tx.account.findUnique({ where: { id: accountId }, select: { nameCipher: true } })
  const nameCipher = await again('account.name', account?.nameCipher ?? null)
  let rows = nameCipher ? (await tx.account.updateMany({ where: { id: accountId }, data: { nameCipher } })).count : 0
  const clients = await tx.apiClient.findMany({ where: { accountId }, select: { id: true, labelCipher: true } })
  for (const { id, labelCipher: before } of clients) {
    const labelCipher = await again('api-client.label', before)
    if (labelCipher) rows += (await tx.apiClient.updateMany({ where: { accountId, id }, data: { labelCipher } })).count
  }
  return rows
}

/** The account's own piece, for `locatePage`; none once it is closed. */
export async function locateAccount(tx: Tx, accountId: string): Promise<Located[]> {
  const rows = await tx.account.count({ where: { id: accountId, status: { not: 'CLOSED' } } })
  return rows === 0 ? [] : [{ locator: ACCOUNT, category: 'ACCOUNT', subjectId: null, rows }]
}
