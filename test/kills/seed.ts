import { systemSession } from '../../src/auth/session.ts'
import type { Tx } from '../../src/db/database.ts'
import { insertAccount } from '../../src/domains/accounts/account.service.ts'
import { recordIdentityLinkItem, recordSubjectItem } from '../../src/domains/accounts/account-items.ts'
import { sealPerson } from '../../src/domains/accounts/person-fields.ts'
import { ensurePlatformAccount } from '../../src/domains/accounts/platform-account.service.ts'
import type { Deps } from '../../src/domains/deps.ts'
import * as inventory from '../../src/domains/inventory/inventory.service.ts'
import { ensureRetentionRules } from '../../src/domains/retention/retention-seed.service.ts'
import { itemOfMonth } from '../../src/domains/usage/usage-items.ts'
import { newId } from '../../src/time/id.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Expected, expectedOf, type Request, requestsOf } from './expected.ts'

/** When everything is written. The first half of the accounts begins to close on 2026-01-20. */
export const SEEDED_AT = '2026-01-10T12:00:00.000Z'
const CLOSING_AT = '2026-01-20T12:00:00.000Z'

/** What becomes of an account. */
export const ROLES = ['closing', 'partly-held', 'held', 'requests', 'bystander'] as const
export type Role = (typeof ROLES)[number]

export type SeededAccount = { readonly id: string; readonly role: Role; readonly persons: readonly string[] }

/** What was written, and what must have become of it in the end. */
export type Seed = {
  readonly accounts: readonly SeededAccount[]
  /** Endings that are asked for beside what time ends. */
  readonly requests: readonly Request[]
  readonly expected: readonly Expected[]
}

/** The name of a person, as it must open while it lives. */
export const nameOf = (personId: string) => `Person ${personId}`

/**
 * Writes five accounts of so many persons, each with its row, a sign-in, two events of usage and one of security; then
 * holds, of which none is marked, and closings, of which none is planned.
 */
export async function seed(deps: Deps, persons: number): Promise<Seed> {
  await deps.keys.ensureEpochRow(deps.db, deps.clock.now())
  await ensureRetentionRules(deps)
  await ensurePlatformAccount(deps)
  const owner = await openOwnerOf(deps.db)
  await owner.query(`select app.ensure_usage_partition('2026-01-01')`)
  const accounts: SeededAccount[] = []
  for (const role of ROLES) {
    const id = newId(deps.clock)
    const ids = Array.from({ length: persons }, () => newId(deps.clock))
    await deps.db.write({ caller: systemSession(id), requestId: 'seed' }, async (tx) => {
      await insertAccount(deps, tx, id, { name: role, country: 'DE', region: 'eu' }, false)
      for (const person of ids) await addPerson(deps, tx, id, person)
    })
    accounts.push({ id, role, persons: ids })
  }
  await addUsage(owner)
  await placeHolds(owner, accounts)
  const closing = accounts.filter(({ role }) => role !== 'requests' && role !== 'bystander').map(({ id }) => id)
  await owner.query(
    `update account set status = 'CLOSING', closing_at = '${CLOSING_AT}', plan_pending = true where id::text = any(string_to_array($1, ','))`,
    closing.join(','),
  )
  // What an older program wrote knows no rule yet.
  await owner.query(
    `update inventory_item set planned_version = 0 where account_id = $1::uuid and id::text like '%7'`,
    closing[0] ?? '',
  )
  const expected = await expectedOf(owner, accounts)
  await owner.close()
  return { accounts, requests: requestsOf(accounts), expected }
}

async function addPerson(deps: Deps, tx: Tx, accountId: string, id: string): Promise<void> {
  const now = deps.clock.now()
  const key = { accountId, id }
  await tx.subject.createMany({ data: [{ ...key, kind: 'END_USER', createdAt: now, updatedAt: now }] })
  await tx.subject.updateMany({ where: key, data: await sealPerson(deps, tx, key, { name: nameOf(id) }) })
  const of = { accountId, subjectId: id }
  await tx.identityLink.createMany({ data: [{ ...of, identityHash: Buffer.from(id), createdAt: now }] })
  await recordSubjectItem(tx, deps.clock, { ...of, kind: 'END_USER', collectedAt: now })
  await recordIdentityLinkItem(tx, deps.clock, { ...of, collectedAt: now })
  const month = { subjectId: id, month: '2026-01', firstAt: now }
  const categories = ['USAGE', 'SECURITY'] as const
  await inventory.record(
    tx,
    deps.clock,
    categories.map((category) => itemOfMonth(accountId, { ...month, category })),
  )
}

function addUsage(owner: Owner) {
  return owner.query(
    `insert into usage_event (account_id, occurred_at, request_id, kind, subject_id, address_prefix, recorded_at)
     select s.account_id, '2026-01-05T00:00:00Z', s.id || '-' || n,
       (case n when 3 then 'SECURITY' else 'API_REQUEST' end)::usage_kind, s.id, '203.0.113.0/24', '${SEEDED_AT}'
     from subject s, generate_series(1, 3) n`,
  )
}

/** A hold on all of an account; on a person, on a category of one, and on single pieces of two. */
async function placeHolds(owner: Owner, accounts: readonly SeededAccount[]): Promise<void> {
  const of = (role: Role) => accounts.find((account) => account.role === role)
  const [partly, held, asked] = [of('partly-held'), of('held'), of('requests')]
  const insert = (accountId: string, scope: string, subject: string, category: string, item: string) =>
    owner.query(
      `insert into legal_hold (account_id, id, scope, subject_id, category, item_id, authority_cipher, reason_cipher,
         confidential, review_on, placed_by, placed_at)
       values ($1::uuid, gen_random_uuid(), '${scope}', ${subject}, ${category}, ${item}, '\\x00', '\\x00', false,
         '2027-01-01', 'SYSTEM:-', '${SEEDED_AT}')`,
      accountId,
    )
  const rowOf = (subject = '') =>
    `(select id from inventory_item where subject_id = '${subject}' and locator = 'subject')`
  await insert(held?.id ?? '', 'ACCOUNT', 'null', 'null', 'null')
  await insert(partly?.id ?? '', 'SUBJECT', `'${partly?.persons[0]}'`, 'null', 'null')
  await insert(partly?.id ?? '', 'CATEGORY', `'${partly?.persons[1]}'`, `'USAGE'`, 'null')
  await insert(partly?.id ?? '', 'ITEM', 'null', 'null', rowOf(partly?.persons[2]))
  await insert(asked?.id ?? '', 'ITEM', 'null', 'null', rowOf(asked?.persons[0]))
}
