import type { Session } from '../../auth/session.ts'
import type { Call, Tx } from '../../db/database.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { emitEvent } from '../events/events.service.ts'
import { writeOnAccount } from './account.service.ts'
import { lockAccount, lockActiveAccount } from './account-guards.ts'
import { AccountNotClosing, AccountNotReopenable, NotAvailable, StepUpRequired } from './accounts.problems.ts'
import { hasSteppedUp } from './accounts.rules.ts'

/**
 * Begins to close an account: it takes no new data from now on, the timers of what it holds are planned anew by the
 * worker, and what must follow learns it by `account.closing`. Writers under way are waited for.
 * @throws NOT_AVAILABLE, ACCOUNT.NOT_ACTIVE, AUTH.STEP_UP_REQUIRED
 * @see GDPR Art. 17(1)(a), 28(3)(g)
 */
export async function closeAccount(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string },
): Promise<{ accountId: string }> {
  const { accountId } = input
  return writeOnAccount(deps, call, accountId, async (tx) => {
    if (!hasSteppedUp(call.caller, deps.clock.now())) throw new StepUpRequired()
    await lockActiveAccount(tx, accountId)
    const closingAt = deps.clock.now()
    await tx.account.updateMany({ where: { id: accountId }, data: { status: 'CLOSING', closingAt, ...PLAN_ANEW } })
    await recordAudit(tx, deps.clock, call, { accountId, kind: 'account.closing', ...ownRecord(accountId) })
    const payload = { accountId, closingAt: closingAt.toISOString() }
    await emitEvent(tx, deps.clock, { accountId, kind: 'account.closing', payload })
    return { accountId }
  })
}

/**
 * Takes a closing back, until the first data is due by it: the account is in use again, and timers that the closing
 * started stop or go back to their own date. What ran before goes on. Invitations that the closing revoked stay revoked.
 * @throws NOT_AVAILABLE, ACCOUNT.NOT_CLOSING, ACCOUNT.NOT_REOPENABLE, AUTH.STEP_UP_REQUIRED
 */
export async function reopenAccount(
  deps: Deps,
  call: Call<Session>,
  input: { readonly accountId: string },
): Promise<{ accountId: string }> {
  const { accountId } = input
  return writeOnAccount(deps, call, accountId, async (tx) => {
    if (!hasSteppedUp(call.caller, deps.clock.now())) throw new StepUpRequired()
    // Whoever is ending something of the account now is waited for; after this, its timers are planned anew first.
    await lockAccount(tx, accountId)
    await assertReopenable(tx, accountId, deps.clock.now())
    await tx.account.updateMany({ where: { id: accountId }, data: { status: 'ACTIVE', closingAt: null, ...PLAN_ANEW } })
    await recordAudit(tx, deps.clock, call, { accountId, kind: 'account.reopened', ...ownRecord(accountId) })
    await emitEvent(tx, deps.clock, { accountId, kind: 'account.reopened', payload: { accountId } })
    return { accountId }
  })
}

const PLAN_ANEW = { planPending: true, planCursor: null } as const

const ownRecord = (accountId: string) => ({ recordType: 'Account', recordIds: [accountId] }) as const

async function assertReopenable(tx: Tx, accountId: string, now: Date): Promise<void> {
  const [account] = await tx.$queryRaw<{ status: string; in_time: boolean }[]>`
    select status::text as status, coalesce(${now} < app.reopen_until(closing_at, ${now}), true) as in_time
    from account where id = ${accountId}::uuid`
  if (!account) throw new NotAvailable()
  if (account.status === 'ACTIVE') throw new AccountNotClosing()
  if (account.status === 'CLOSED' || !account.in_time) throw new AccountNotReopenable()
}
