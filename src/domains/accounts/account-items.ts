import type { Tx } from '../../db/database.ts'
import type { Purpose, SubjectKind } from '../../generated/prisma/enums.ts'
import type { Clock } from '../../time/clock.ts'
import * as inventory from '../inventory/inventory.service.ts'

/** Key of the system that holds the tables of this domain. */
export const ACCOUNTS = 'accounts'
/** Where the account's own row lies; beside it its clients and open invitations. It is nobody's in particular. */
export const ACCOUNT = 'account'
/** Where a person's own row lies, and where its sign-ins lie. */
export const SUBJECT = 'subject'
export const IDENTITY_LINK = 'identity_link'

type Collected = { readonly accountId: string; readonly subjectId: string | null; readonly collectedAt: Date }
type CollectedOf = Collected & { readonly subjectId: string }

const PURPOSES_OF_MEMBERS: readonly Purpose[] = ['SERVICE_PROVISION', 'AUTHENTICATION', 'SERVICE_NOTIFICATIONS']
const PURPOSES_OF_OTHERS: readonly Purpose[] = ['SERVICE_PROVISION', 'RIGHTS_FULFILMENT']

/**
 * Notes that an account's row is being written, in the transaction of that. Its timer is what closes the account in the
 * end. Effects: one item, unless it lives already.
 */
export async function recordAccountItem(
  tx: Tx,
  clock: Clock,
  { accountId, collectedAt }: Omit<Collected, 'subjectId'>,
): Promise<void> {
  await inventory.record(tx, clock, [
    itemOf({ accountId, subjectId: null, collectedAt }, ACCOUNT, ['SERVICE_PROVISION']),
  ])
}

/** Notes that a person's row is being written, in the transaction of that. Effects: one item, unless it lives already. */
export async function recordSubjectItem(tx: Tx, clock: Clock, row: CollectedOf & { kind: SubjectKind }): Promise<void> {
  const purposes = row.kind === 'MEMBER' ? PURPOSES_OF_MEMBERS : PURPOSES_OF_OTHERS
  await inventory.record(tx, clock, [itemOf(row, SUBJECT, purposes)])
}

/** The same for an identity that is linked to the person. */
export async function recordIdentityLinkItem(tx: Tx, clock: Clock, link: CollectedOf): Promise<void> {
  await inventory.record(tx, clock, [itemOf(link, IDENTITY_LINK, ['AUTHENTICATION'])])
}

function itemOf(of: Collected, locator: string, purposes: readonly Purpose[]): inventory.NewItem {
  const { accountId, subjectId, collectedAt } = of
  return {
    accountId,
    subjectId,
    category: 'ACCOUNT',
    system: ACCOUNTS,
    locator,
    purposes,
    legalBasis: 'CONTRACT',
    collectedAt,
    retentionStartsAt: null,
  }
}
