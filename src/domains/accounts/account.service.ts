import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { lockActiveAccount } from './account-guards.ts'
import { recordAccountItem } from './account-items.ts'
import { NotAvailable } from './accounts.problems.ts'
import { addInvitedMember } from './member.service.ts'

/** What an account is made of. `country` is ISO 3166-1 alpha-2, `region` where its data is processed. */
export type AccountInput = { readonly name: string; readonly country: string; readonly region: string }

/** The encrypted name of an account, under the account's own key. */
export async function sealAccountName(deps: Deps, tx: Tx, accountId: string, name: string) {
  const key = await deps.keys.keyForWriting(tx, { accountId, subjectId: null, category: 'ACCOUNT' })
  return deps.keys.seal(key, 'account.name', name)
}

/**
 * Writes the account's row with its encrypted name, and its item of the inventory. The row comes first: the key refers to
 * it.
 */
export async function insertAccount(deps: Deps, tx: Tx, id: string, input: AccountInput, isPlatform: boolean) {
  const { country, region } = input
  const createdAt = deps.clock.now()
  await tx.account.createMany({
    data: [{ id, isPlatform, nameCipher: new Uint8Array(), country, region, createdAt }],
  })
  const nameCipher = await sealAccountName(deps, tx, id, input.name)
  await tx.account.updateMany({ where: { id }, data: { nameCipher } })
  await recordAccountItem(tx, deps.clock, { accountId: id, collectedAt: createdAt })
}

/**
 * Creates an account and invites its first owner.
 * Effects: account with its item of the inventory, its data key, the owner as a subject, an invitation; audit; event `account.created`.
 */
export async function createAccount(
  deps: Deps,
  call: Call<Session>,
  input: AccountInput & { readonly owner: { readonly name: string; readonly email: string } },
): Promise<{ accountId: string; invitationId: string }> {
  const accountId = newId(deps.clock)
  return deps.db.write(
    call,
    async (tx) => {
      await insertAccount(deps, tx, accountId, input, false)
      await recordAudit(tx, deps.clock, call, {
        accountId,
        kind: 'account.created',
        recordType: 'Account',
        recordIds: [accountId],
      })
      const { invitationId } = await addInvitedMember(deps, tx, call, accountId, { ...input.owner, role: 'OWNER' })
      await emitEvent(tx, deps.clock, { accountId, kind: 'account.created', payload: { accountId } })
      return { accountId, invitationId }
    },
    accountId,
  )
}

/**
 * Changes name, country or region; what is absent stays.
 * @throws NOT_AVAILABLE, ACCOUNT.NOT_ACTIVE
 */
export async function updateAccount(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string } & { readonly [K in keyof AccountInput]?: string | null },
): Promise<{ accountId: string }> {
  const { accountId } = input
  return writeOnAccount(deps, call, accountId, async (tx) => {
    await lockActiveAccount(tx, accountId)
    await tx.account.updateMany({
      where: { id: accountId },
      data: {
        ...(input.name ? { nameCipher: await sealAccountName(deps, tx, accountId, input.name) } : {}),
        ...(input.country ? { country: input.country } : {}),
        ...(input.region ? { region: input.region } : {}),
      },
    })
    await recordAudit(tx, deps.clock, call, {
      accountId,
      kind: 'account.updated',
      recordType: 'Account',
      recordIds: [accountId],
    })
    return { accountId }
  })
}

/** A write on a named account: its own for those who belong to one, any but the platform's for Staff. */
export function writeOnAccount<T>(
  deps: Deps,
  call: Call<Session>,
  accountId: string,
  fn: (tx: Tx) => Promise<T>,
): Promise<T> {
  if (accountId === PLATFORM_ACCOUNT_ID) throw new NotAvailable()
  if (call.caller.principal === 'STAFF') return deps.db.write(call, fn, accountId)
  if (call.caller.accountId !== accountId) throw new NotAvailable()
  return deps.db.write(call, fn)
}
