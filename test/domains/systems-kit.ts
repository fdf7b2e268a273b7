import { systemSession } from '../../src/auth/session.ts'
import type { Tx } from '../../src/db/database.ts'
import { lockAccount } from '../../src/domains/accounts/account-guards.ts'
import { recordAudit } from '../../src/domains/audit/audit.service.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { beginErasure, finishErasure } from '../../src/domains/inventory/erasure.service.ts'
import * as inventory from '../../src/domains/inventory/inventory.service.ts'
import type { EndAction, Person, PersonalDataSystem, Piece } from '../../src/domains/personal-data.ts'
import { itemOfMonth } from '../../src/domains/usage/usage-items.ts'
import type { DataCategory } from '../../src/generated/prisma/enums.ts'
import { globalId, tenantKey } from '../../src/schema/global-id.ts'
import { perform } from '../api/calls.ts'
import type { Owner } from '../kit/owner.ts'
import type { World } from '../kit/world.ts'

const PLATFORM = '00000000-0000-7000-8000-000000000000'

/** The person as the API names it. */
export const globalIdOf = ({ accountId, subjectId }: Person) =>
  globalId('Subject', tenantKey({ accountId, id: subjectId }))

/** An event of a person, at an edge of a month. */
const event = (kind: 'API_REQUEST' | 'SECURITY', occurredAt: string, requestId: string) => ({
  kind,
  occurredAt,
  requestId,
  ip: '203.0.113.7',
})

/**
 * Gives a person of the demo who has a sign-in something in every table that names persons: one invitation; a SECURITY
 * event and two others at the turn of a month, and one that a hold kept on a leap day; two events of the audit; an event
 * with its place in the feed; a job with two pieces and an idempotency key; a recipient of an item; a finding; a
 * delivery.
 */
export async function fillSystems(world: World, owner: Owner, person: Person): Promise<void> {
  const { accountId, subjectId } = person
  const account = globalId('Account', accountId)
  const events = [
    event('API_REQUEST', '2026-02-28T23:59:59.999Z', `feb-${subjectId}`),
    event('API_REQUEST', '2026-03-01T00:00:00.000Z', `mar-${subjectId}`),
    event('SECURITY', '2026-03-01T00:00:00.000Z', `sec-${subjectId}`),
  ].map((each) => ({ ...each, subjectId: globalIdOf(person) }))
  const outcome = await perform(world, 'gateway', 'recordUsage', { accountId: account, events })
  if (outcome.__typename !== 'RecordUsageSuccess') throw new Error(JSON.stringify(outcome))
  await writeByServices(world, person)
  await sequenceEvents(world.resources.db, world.clock)
  await insertRows(owner, person)
}

async function writeByServices(world: World, { accountId, subjectId }: Person): Promise<void> {
  const call = { caller: systemSession(accountId), requestId: 'filled' }
  await world.resources.db.write(call, async (tx) => {
    const about = { accountId, subjectId }
    await emitEvent(tx, world.clock, { ...about, kind: 'subject.updated', payload: { subjectId } })
    const entry = { ...about, kind: 'subject.updated', recordType: 'Subject', recordIds: [subjectId] } as const
    await recordAudit(tx, world.clock, call, entry)
    const firstAt = new Date('2024-02-29T23:59:59.999Z')
    const month = { subjectId, month: '2024-02', category: 'USAGE', firstAt } as const
    await inventory.record(tx, world.clock, [itemOfMonth(accountId, month)])
  })
}

/** By the owner: what belongs to domains that this test does not want to run. */
async function insertRows(owner: Owner, { accountId, subjectId }: Person): Promise<void> {
  const run = async (sql: string, ...values: string[]) => void (await owner.query(sql, ...values))
  await run(
    `insert into usage_event_held (account_id, occurred_at, request_id, kind, subject_id, address_prefix, recorded_at)
     values ($1::uuid, '2024-02-29T23:59:59.999Z', 'held-' || $2, 'API_REQUEST', $2::uuid, '203.0.113.0/24', now())`,
    accountId,
    subjectId,
  )
  await run(
    `insert into invitation (account_id, id, subject_id, created_at, expires_at)
     values ($1::uuid, gen_random_uuid(), $2::uuid, '2026-03-01', '2026-03-08')`,
    accountId,
    subjectId,
  )
  await run(
    `with made as (
       insert into job (account_id, id, kind, caller, payload, created_at, run_at, expires_at, state)
       values ($1::uuid, gen_random_uuid(), 'audit.export', 'SUBJECT:' || $2, '{}', now(), now(), '2999-01-01', 'DONE')
       returning id)
     insert into job_chunk (account_id, job_id, position, body)
     select $1::uuid, id, n, 'piece' from made, generate_series(0, 1) n`,
    accountId,
    subjectId,
  )
  await run(
    `insert into idempotency_record (account_id, caller, mutation, key_hash, fingerprint, created_at, expires_at)
     values ($1::uuid, 'SUBJECT:' || $2, 'updateSubject', '\\x01', '\\x02', now(), '2999-01-01')`,
    accountId,
    subjectId,
  )
  await run(
    `with made as (
       insert into processor (account_id, id, name, role, country, created_at, updated_at)
       values ('${PLATFORM}', gen_random_uuid(), 'Filled', 'PROCESSOR', 'DE', now(), now()) returning id)
     insert into inventory_recipient (account_id, item_id, processor_home_id, processor_id, purpose, first_at, last_at)
     select $1::uuid, i.id, '${PLATFORM}', made.id, 'SERVICE_PROVISION', now(), now() from inventory_item i, made
     where i.account_id = $1::uuid and i.subject_id = $2::uuid and i.locator = 'subject'`,
    accountId,
    subjectId,
  )
  await run(
    `insert into legal_hold (account_id, id, scope, subject_id, authority_cipher, reason_cipher, confidential, review_on,
       placed_by, placed_at, released_by, released_at, release_reason_cipher, mark_pending)
     values ($1::uuid, gen_random_uuid(), 'SUBJECT', $2::uuid, '\\x00', '\\x00', false, '2026-09-15', 'STAFF:-', now(),
       'STAFF:-', now(), '\\x00', false)`,
    accountId,
    subjectId,
  )
  await run(
    `with made as (
       insert into reconciliation (account_id, id, job_id, started_at)
       values ('${PLATFORM}', gen_random_uuid(), gen_random_uuid(), now()) returning id)
     insert into reconciliation_finding (account_id, id, reconciliation_home_id, reconciliation_id, kind, system,
       category, locator, subject_id, rows)
     select $1::uuid, gen_random_uuid(), '${PLATFORM}', id, 'ORPHANED', 'usage', 'USAGE', 'usage_event/2026-01',
       $2::uuid, 0 from made`,
    accountId,
    subjectId,
  )
  await run(
    `with made as (
       insert into webhook_endpoint (account_id, id, url_cipher, created_at, updated_at)
       values ($1::uuid, gen_random_uuid(), '\\x00', now(), now()) returning id)
     insert into webhook_delivery (account_id, id, endpoint_id, event_account_id, event_id, sequence, kind, subject_id,
       next_attempt_at, created_at)
     select $1::uuid, gen_random_uuid(), made.id, $1::uuid, f.event_id, f.sequence, f.kind, $2::uuid, now(), now()
     from made, event_feed f where f.feed_id = $1::uuid and f.subject_id = $2::uuid`,
    accountId,
    subjectId,
  )
}

/** Of everything located, with how many rows: `locator category rows`. */
export const placesOf = (located: readonly { locator: string; category: string; rows: number }[]) =>
  located.map(({ locator, category, rows }) => `${locator} ${category} ${rows}`)

/** What living items say that a system holds of a person in a category. */
export async function piecesOf(
  tx: Tx,
  { key: system }: Pick<PersonalDataSystem, 'key'>,
  { accountId, subjectId }: { readonly accountId: string; readonly subjectId: string | null },
  category?: DataCategory,
): Promise<Piece[]> {
  const items = await tx.inventoryItem.findMany({
    where: {
      accountId,
      subjectId,
      system,
      ...(category ? { category } : {}),
      state: { in: ['LIVE', 'HELD', 'RESTRICTED'] },
    },
    select: { id: true, subjectId: true, category: true, locator: true },
    orderBy: { id: 'asc' },
  })
  return items.map(({ id, ...item }) => ({ ...item, itemId: id }))
}

/**
 * Ends all that a system holds of a person in a category, as whoever asks it to does: lock, ledger, effect, the key where
 * it is shredded, items. @returns rows
 */
export async function endPlaces(
  world: World,
  tx: Tx,
  system: PersonalDataSystem,
  action: EndAction,
  person: Person,
  category: DataCategory,
): Promise<number> {
  const { accountId, subjectId } = person
  const { resources, clock } = world
  await lockAccount(tx, accountId)
  const pieces = await piecesOf(tx, system, person, category)
  const group = { action, system: system.key, category, itemIds: pieces.map(({ itemId }) => itemId) }
  const id = await beginErasure(tx, clock, { ...group, accountId, cause: 'REQUEST', lineId: null })
  const counted = await system.end(tx, resources, accountId, action, pieces)
  const keysDestroyed =
    action === 'SHRED' ? await resources.keys.destroyAll(tx, accountId, [{ subjectId, category }]) : 0
  await finishErasure(tx, clock, { accountId, id, action }, { ...counted, keysDestroyed })
  return counted.rows
}
