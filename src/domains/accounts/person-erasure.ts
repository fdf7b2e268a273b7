import type { Tx } from '../../db/database.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import type { Deps } from '../deps.ts'
import * as inventory from '../inventory/inventory.service.ts'
import type { Outcome, Person } from '../personal-data.ts'
import { outcomeOf } from '../reference-system.ts'
import { lockAccount } from './account-guards.ts'
import { ACCOUNTS } from './account-items.ts'
import { countLivingKeys } from './keys.system.ts'

/** What names or finds the person. */
const IDENTIFYING = {
  nameCipher: null,
  emailCipher: null,
  emailIndex: null,
  referenceCipher: null,
  referenceIndex: null,
  subdivision: null,
} as const

/** What is left when that is gone: good for counting persons, and nothing else. */
const REST = { country: null, accountRole: null, joinedAt: null, leftAt: null } as const

/** Deletes all that is known of the person; the row stays, empty, for what names its id. */
export function erasePerson(tx: Tx, deps: Deps, person: Person): Promise<Outcome> {
  return takeAway(tx, deps, person, { ...IDENTIFYING, ...REST }, 'ERASED')
}

/** Takes away what identifies the person and leaves kind, country, role and times. A member has left thereby. */
export async function anonymisePerson(tx: Tx, deps: Deps, person: Person): Promise<Outcome> {
  const { accountId, subjectId: id } = person
  const leftAt = deps.clock.now()
  await lockAccount(tx, accountId)
  await tx.subject.updateMany({ where: { accountId, id, joinedAt: { not: null }, leftAt: null }, data: { leftAt } })
  return takeAway(tx, deps, person, IDENTIFYING, 'ANONYMISED')
}

/**
 * Destroys the person's keys for this category, and erases what no key seals. What was sealed stays unreadable in every
 * copy, also where a row had been copied before.
 */
export async function shredPerson(tx: Tx, deps: Deps, person: Person): Promise<Outcome> {
  const { accountId, subjectId } = person
  await lockAccount(tx, accountId)
  if ((await tx.subject.count({ where: { accountId, id: subjectId } })) === 0) return { outcome: 'NOT_FOUND' }
  const keys = await deps.keys.destroy(tx, { accountId, subjectId, category: 'ACCOUNT' })
  const erased = await erasePerson(tx, deps, person)
  const [rows, remaining] = 'remaining' in erased ? [erased.rows, erased.remaining] : [0, 0]
  return outcomeOf('SHREDDED', keys + rows, remaining + (await countLivingKeys(tx, person, 'ACCOUNT')))
}

type Cleared = Partial<typeof IDENTIFYING & typeof REST>

async function takeAway(
  tx: Tx,
  deps: Deps,
  person: Person,
  cleared: Cleared,
  outcome: 'ERASED' | 'ANONYMISED',
): Promise<Outcome> {
  const { accountId, subjectId } = person
  // Whoever is writing about the person now is waited for, and finds it erased afterwards.
  await lockAccount(tx, accountId)
  const links = await tx.identityLink.deleteMany({ where: { accountId, subjectId } })
  const invitations = await tx.invitation.deleteMany({ where: { accountId, subjectId } })
  const subjects = await tx.subject.updateMany({
    where: stillHolding(person, cleared),
    data: { ...cleared, status: 'ERASED', updatedAt: deps.clock.now() },
  })
  await inventory.endItems(tx, deps.clock, { accountId, subjectId, system: ACCOUNTS, category: 'ACCOUNT' }, outcome)
  const rows = links.count + invitations.count + subjects.count
  return outcomeOf(outcome, rows, await countRemaining(tx, person, cleared))
}

/** The person's row while it holds any of these columns. */
function stillHolding({ accountId, subjectId }: Person, columns: Cleared): Prisma.SubjectWhereInput {
  const held = Object.keys(columns).map((column): Prisma.SubjectWhereInput => ({ [column]: { not: null } }))
  return { accountId, id: subjectId, OR: [{ status: { not: 'ERASED' } }, ...held] }
}

async function countRemaining(tx: Tx, person: Person, cleared: Cleared): Promise<number> {
  const { accountId, subjectId } = person
  const links = await tx.identityLink.count({ where: { accountId, subjectId } })
  const invitations = await tx.invitation.count({ where: { accountId, subjectId } })
  return links + invitations + (await tx.subject.count({ where: stillHolding(person, cleared) }))
}
