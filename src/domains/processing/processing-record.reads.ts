import type { Session } from '../../auth/session.ts'
import { liveKeySelect } from '../../crypto/keyring.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory, Purpose } from '../../generated/prisma/enums.ts'
import { accountScope } from '../accounts/accounts.scope.ts'
import type { Deps } from '../deps.ts'
import { inventoryCountReach } from '../inventory/inventory.scope.ts'
import { rulesInEffect } from '../inventory/retention-rule.reads.ts'
import { ruleTextsOf } from '../inventory/retention-rule.rules.ts'
import type { TenantKey } from '../public-id.ts'
import {
  assembleRecord,
  type Counted,
  type ProcessingRecord,
  type ProcessingRole,
  type Received,
  type RecordController,
  type RecordGroup,
  type RecordKey,
} from './processing-record.rules.ts'

/** Which records; what is absent does not narrow. */
export type RecordFilter = {
  /** The controller's account. */
  readonly accountId?: string | null
  readonly role?: ProcessingRole | null
  readonly purpose?: Purpose | null
  readonly category?: DataCategory | null
  /** That may receive the data, or did. */
  readonly processor?: TenantKey | null
}

type Reading = { readonly deps: Deps; readonly tx: Tx; readonly session: Session }

/**
 * A page of the records of processing that the caller may see, in order of role, controller and purpose, after the
 * given one. What an account's own users are in is recorded for that account (role PROCESSOR), so is what is in the
 * account and of nobody, but for what the account tells of
 * itself; all else for the platform (role CONTROLLER). Ten statements, however many records.
 * @see GDPR Art. 30
 */
export async function readProcessingRecords(
  reading: Reading,
  filter: RecordFilter,
  page: { readonly limit: number; readonly after: RecordKey | null },
): Promise<ProcessingRecord[]> {
  const { deps, tx, session } = reading
  const reach = inventoryCountReach(session)
  if (!reach) return []
  const now = deps.clock.now()
  const keys = await readKeys(tx, reach.accountId, filter, page)
  if (keys.length === 0) return []
  const groups = await readGroups(tx, reach.accountId, keys)
  const received = await readReceived(tx, reach.accountId, keys)
  const ids = [...new Set(keys.map(({ controllerId }) => controllerId))]
  const parts = {
    groups,
    received,
    register: await tx.processor.findMany({
      where: {
        accountId: PLATFORM_ACCOUNT_ID,
        OR: [{ endedAt: null }, { id: { in: received.map(({ processorId }) => processorId) } }],
      },
    }),
    controllers: await readControllers(reading, ids),
    systemNames: await readSystemNames(tx, groups),
    rules: (await rulesInEffect(tx, now)).map((rule) => ({ ...rule, description: ruleTextsOf(rule.description) })),
    keyEpochStartedAt: await readEpochStart(tx),
    dataKeys: await countDataKeys(tx, session, ids),
  }
  return keys.map((key) => assembleRecord(key, parts, now))
}

/** The controllers that the caller may see, by id, with their names in clear. Two statements. */
export async function readControllers(
  { deps, tx, session }: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RecordController>> {
  const rows = await tx.account.findMany({
    where: { AND: [accountScope(session), { id: { in: [...ids] } }] },
    select: {
      id: true,
      country: true,
      nameCipher: true,
      dataKeys: { where: { subjectId: null, category: 'ACCOUNT' }, select: liveKeySelect },
    },
  })
  const controllers = await Promise.all(
    rows.map(async ({ id, country, nameCipher, dataKeys }): Promise<RecordController> => {
      const owner = { accountId: id, subjectId: null, category: 'ACCOUNT' } as const
      return { id, country, name: nameCipher && (await deps.keys.open(dataKeys, owner, 'account.name', nameCipher)) }
    }),
  )
  return new Map(controllers.map((controller) => [controller.id, controller]))
}

/** Role and controller of the row `t`, whose person is `s`. What an account tells of itself is the platform's to decide. */
const roleOf = (t: Prisma.Sql, isOfAccount: Prisma.Sql) => Prisma.sql`
  case when s.kind = 'END_USER'
      or (${t}.subject_id is null and ${t}.account_id <> ${PLATFORM_ACCOUNT_ID}::uuid and not ${isOfAccount})
    then 'PROCESSOR' else 'CONTROLLER' end as role,
  case when s.kind = 'END_USER' or (${t}.subject_id is null and not ${isOfAccount}) then ${t}.account_id
    else ${PLATFORM_ACCOUNT_ID}::uuid end as controller_id`

const roleOfItem = roleOf(Prisma.sql`i`, Prisma.sql`(i.subject_id is null and i.category = 'ACCOUNT')`)

const LIVING = Prisma.sql`i.state in ('LIVE', 'HELD', 'RESTRICTED')`

/** Joins the person of `i`. */
const PERSON = Prisma.sql`left join subject s on s.account_id = i.account_id and s.id = i.subject_id`

/** Of one account, which sees its own records alone; null: of all. */
const within = (own: string | null) => (own === null ? Prisma.empty : Prisma.sql`and i.account_id = ${own}::uuid`)

/**
 * Living items of each person, once for each of their purposes. They are summed by person before they are multiplied by
 * purposes, which is what makes a hundred thousand of them bearable.
 */
const activityOf = (own: string | null) => Prisma.sql`
  select * from (
    select ${roleOfItem}, p.purpose, i.subject_id, s.kind, i.category, i.system, i.legal_basis, i.items
    from (select account_id, subject_id, category, system, legal_basis, purposes, count(*) as items
      from inventory_item i where ${LIVING} ${within(own)} group by 1, 2, 3, 4, 5, 6) as i
      ${PERSON} cross join unnest(i.purposes) as p (purpose)) as a
  ${own === null ? Prisma.empty : Prisma.sql`where controller_id = ${own}::uuid`}`

const COUNTS = Prisma.sql`sum(items)::bigint as items, count(distinct subject_id) as subjects`

/** What was received of living items, by role, controller, purpose and processor of the register. */
const receiptsOf = (own: string | null) => Prisma.sql`
  select ${roleOfItem}, r.purpose, r.processor_id, r.first_at, r.last_at
  from inventory_recipient r join inventory_item i on i.account_id = r.account_id and i.id = r.item_id ${PERSON}
  where r.processor_home_id = ${PLATFORM_ACCOUNT_ID}::uuid and ${LIVING} ${within(own)}`

async function readKeys(
  tx: Tx,
  own: string | null,
  filter: RecordFilter,
  { limit, after }: { readonly limit: number; readonly after: RecordKey | null },
): Promise<(RecordKey & Counted)[]> {
  const { processor } = filter
  const conditions = [
    Prisma.sql`true`,
    filter.accountId && Prisma.sql`controller_id = ${filter.accountId}::uuid`,
    filter.role && Prisma.sql`role = ${filter.role}`,
    filter.purpose && Prisma.sql`purpose = ${filter.purpose}::purpose`,
    filter.category && Prisma.sql`${filter.category}::data_category = any (categories)`,
    processor &&
      Prisma.sql`${processor.accountId}::uuid = ${PLATFORM_ACCOUNT_ID}::uuid and (
        (role, controller_id, purpose) in (select role, controller_id, purpose from (${receiptsOf(own)}) as receipt
          where processor_id = ${processor.id}::uuid)
        or exists (select from processor p where p.account_id = ${processor.accountId}::uuid
          and p.id = ${processor.id}::uuid and p.ended_at is null and record.purpose = any (p.purposes)
          and record.categories && p.categories))`,
    after &&
      Prisma.sql`(role, controller_id, purpose::text collate "C") > (${after.role}, ${after.controllerId}::uuid, ${after.purpose})`,
  ]
  const rows = await tx.$queryRaw<(RecordKey & { items: bigint; subjects: bigint })[]>`
    with activity as (${activityOf(own)}),
    record as (
      select role, controller_id, purpose, ${COUNTS}, array_agg(distinct category) as categories
      from activity group by 1, 2, 3)
    select role, controller_id as "controllerId", purpose::text as purpose, items, subjects from record
    where ${all(conditions)} order by role, controller_id, purpose::text collate "C" limit ${limit}`
  return rows.map(withCounts)
}

const all = (conditions: readonly unknown[]) =>
  Prisma.join(
    conditions.filter((each) => each instanceof Prisma.Sql),
    ' and ',
  )

const withCounts = <R extends { items: unknown; subjects: unknown }>(row: R): R & Counted => ({
  ...row,
  items: BigInt(row.items as number),
  subjects: BigInt(row.subjects as number),
})

/** The rows of the named records. */
const chosen = (rows: Prisma.Sql, keys: readonly RecordKey[]) => Prisma.sql`
  select a.* from (${rows}) as a join unnest(${keys.map(({ role }) => role)}::text[],
    ${keys.map(({ controllerId }) => controllerId)}::uuid[], ${keys.map(({ purpose }) => purpose)}::purpose[])
    as k (role, controller_id, purpose) using (role, controller_id, purpose)`

/** One scan, four ways of grouping; `grouping` tells by which column a row was made. */
async function readGroups(tx: Tx, own: string | null, keys: readonly RecordKey[]): Promise<RecordGroup[]> {
  const rows = await tx.$queryRaw<RecordGroup[]>`
    select role, controller_id as "controllerId", purpose::text as purpose,
      case grouping(category, kind, system, legal_basis)
        when 7 then 'CATEGORY' when 11 then 'KIND' when 13 then 'SYSTEM' else 'BASIS' end as by,
      coalesce(category::text, kind::text, system, legal_basis::text) as value, ${COUNTS}
    from (${chosen(activityOf(own), keys)}) as activity
    group by grouping sets ((role, controller_id, purpose, category), (role, controller_id, purpose, kind),
      (role, controller_id, purpose, system), (role, controller_id, purpose, legal_basis))
    order by value nulls last`
  return rows.map(withCounts)
}

async function readReceived(tx: Tx, own: string | null, keys: readonly RecordKey[]) {
  const rows = await tx.$queryRaw<(RecordKey & Received & { processorId: string })[]>`
    select role, controller_id as "controllerId", purpose::text as purpose, processor_id as "processorId",
      count(*) as items, min(first_at) as "firstAt", max(last_at) as "lastAt"
    from (${chosen(receiptsOf(own), keys)}) as receipt
    group by 1, 2, 3, 4`
  return rows.map((row) => ({ ...row, items: BigInt(row.items) }))
}

async function readSystemNames(tx: Tx, groups: readonly RecordGroup[]): Promise<ReadonlyMap<string, string>> {
  const keys = [...new Set(groups.flatMap(({ by, value }) => (by === 'SYSTEM' && value !== null ? [value] : [])))]
  const rows = await tx.system.findMany({
    where: { builtIn: true, key: { in: keys } },
    select: { key: true, name: true },
  })
  return new Map(rows.flatMap(({ key, name }) => (name === null ? [] : [[key, name] as const])))
}

async function readEpochStart(tx: Tx): Promise<Date | null> {
  const epoch = await tx.keyEpoch.findFirst({
    where: { destroyedAt: null },
    orderBy: { createdAt: 'desc' },
    select: { createdAt: true },
  })
  return epoch?.createdAt ?? null
}

/** Living data keys of the persons of each controller, and of its account. Staff sees keys of persons as it sees persons. */
async function countDataKeys(tx: Tx, session: Session, controllerIds: readonly string[]) {
  if (session.principal === 'STAFF' && !session.scopes.has('subjects:read')) return null
  const rows = await tx.$queryRaw<{ role: string; controller_id: string; keys: bigint }[]>`
    select role, controller_id, count(*) as keys from (
      select ${roleOf(Prisma.sql`k`, Prisma.sql`false`)}
      from keys.data_key k left join subject s on s.account_id = k.account_id and s.id = k.subject_id
      where k.destroyed_at is null) as living
    where controller_id = any (${controllerIds}::uuid[]) group by 1, 2`
  return new Map(rows.map((row) => [`${row.role} ${row.controller_id}`, BigInt(row.keys)]))
}
