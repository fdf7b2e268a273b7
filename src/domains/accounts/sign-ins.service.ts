import type { Tx } from '../../db/database.ts'
import { sqlStateOf } from '../../db/postgres-errors.ts'
import type { Clock } from '../../time/clock.ts'
import type { Deps } from '../deps.ts'
import { endForCaller, type LedgerLine } from '../inventory/caller-ending.service.ts'
import { PLANNED_BY_HAND } from '../inventory/planned.rules.ts'
import type { Person } from '../personal-data.ts'
import { ACCOUNTS, IDENTITY_LINK, recordIdentityLinkItem } from './account-items.ts'
import { InvitationNotValid } from './accounts.problems.ts'
import { endLinks } from './person-erasure.ts'

const UNIQUE_VIOLATION = '23505'

/**
 * Ends all sign-ins of a person, from the commit on. Their links are deleted and their item is ended; where a hold covers
 * it, they are ended but kept, and due at once when the hold is released. The account's lock is taken already.
 * Effects: rows of `identity_link`, `inventory_item`, `erasure`, `erasure_item`; a line of the ledger outside.
 */
export async function endSignIns(tx: Tx, deps: Deps, line: LedgerLine, person: Person): Promise<void> {
  const { accountId, subjectId } = person
  const items = await tx.$queryRaw<{ id: string; isHeld: boolean }[]>`
    select i.id, i.state = 'HELD' or app.hold_over(i.account_id, i.subject_id, i.category, i.id) > 0 as "isHeld"
    from inventory_item i
    where i.account_id = ${accountId}::uuid and i.subject_id = ${subjectId}::uuid and i.system = ${ACCOUNTS}
      and i.locator = ${IDENTITY_LINK} and i.state in ('LIVE', 'HELD', 'RESTRICTED')
    for update`
  const itemIds = items.map(({ id }) => id)
  if (items.some(({ isHeld }) => isHeld)) return keepEnded(tx, deps.clock.now(), person, itemIds)
  const deleteLinks = () => endLinks(tx, deps, accountId, 'DELETE', [subjectId])
  if (itemIds.length === 0) await deleteLinks()
  else {
    const group = { accountId, system: ACCOUNTS, category: 'ACCOUNT', action: 'DELETE', itemIds } as const
    await endForCaller(tx, deps, line, group, deleteLinks)
  }
}

/** Ends links and keeps them for the hold; also marks the item that the hold has not come to yet. */
async function keepEnded(tx: Tx, now: Date, { accountId, subjectId }: Person, ids: readonly string[]): Promise<void> {
  await tx.identityLink.updateMany({ where: { accountId, subjectId, endedAt: null }, data: { endedAt: now } })
  await tx.$executeRaw`
    update inventory_item as i set due_at = ${now}, attempt_at = null, retention_rule_id = k.rule_id,
      planned_version = ${PLANNED_BY_HAND}, state = 'HELD',
      resumes_as = case i.state when 'HELD' then i.resumes_as else i.state end,
      hold_confidential = case i.state when 'HELD' then i.hold_confidential else k.holds = 2 end,
      state_changed_at = case when i.state = 'HELD' or k.holds = 2 then i.state_changed_at else ${now} end
    from (
      select h.id, coalesce(h.retention_rule_id, p.rule_id) as rule_id,
        app.hold_over(h.account_id, h.subject_id, h.category, h.id) as holds
      from inventory_item h join account a on a.id = h.account_id
      left join lateral app.retention_plan(h.category, h.retention_starts_at, h.trigger, h.triggered_at, a.closing_at,
        ${now}) as p on true
      where h.account_id = ${accountId}::uuid and h.id = any(${[...ids]}::uuid[])) as k
    where i.account_id = ${accountId}::uuid and i.id = k.id`
}

/** An identity that becomes a way to sign in as a person. */
export type NewLink = Person & { readonly identityHash: Uint8Array<ArrayBuffer> }

/**
 * Links an identity to a person, or takes a link up again that ended and was kept for a hold. Sign-ins that were due
 * since then are planned anew. Effects: a row of `identity_link` with its item of the inventory.
 * @throws ACCOUNT.INVITATION_NOT_VALID when the identity is a person of the account already
 */
export async function linkIdentity(tx: Tx, clock: Clock, link: NewLink): Promise<void> {
  const { accountId, subjectId, identityHash } = link
  const now = clock.now()
  const { count } = await tx.identityLink.createMany({
    data: [{ accountId, identityHash, subjectId, createdAt: now }],
    skipDuplicates: true,
  })
  if (count !== 1) await takeUpAgain(tx, link)
  await planByRules(tx, now, link)
  await recordIdentityLinkItem(tx, clock, { accountId, subjectId, collectedAt: now })
}

async function takeUpAgain(tx: Tx, { accountId, subjectId, identityHash }: NewLink): Promise<void> {
  const ended = { accountId, subjectId, identityHash, endedAt: { not: null } }
  try {
    const { count } = await tx.identityLink.updateMany({ where: ended, data: { endedAt: null } })
    if (count === 1) return
  } catch (error) {
    // The identity has become another person of the account meanwhile.
    if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error
  }
  throw new InvitationNotValid()
}

/** Takes back what `keepEnded` made due, whether the hold is still there or was released a moment ago. */
async function planByRules(tx: Tx, now: Date, { accountId, subjectId }: Person): Promise<void> {
  await tx.$executeRaw`
    update inventory_item as i set retention_rule_id = p.rule_id, planned_version = p.version, due_at = p.due_at,
      attempt_at = case when i.state <> 'HELD' and p.action <> 'DROP_PARTITION' then p.due_at end,
      attempts = 0, last_problem = null
    from inventory_item as h join account as a on a.id = h.account_id
    cross join lateral app.retention_plan(h.category, h.retention_starts_at, h.trigger, h.triggered_at, a.closing_at,
      ${now}) as p
    where h.account_id = ${accountId}::uuid and h.subject_id = ${subjectId}::uuid
      and h.system = ${ACCOUNTS} and h.locator = ${IDENTITY_LINK} and h.planned_version = ${PLANNED_BY_HAND}
      and h.state in ('LIVE', 'HELD', 'RESTRICTED') and i.account_id = h.account_id and i.id = h.id`
}
