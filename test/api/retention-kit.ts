import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import type { Owner } from '../kit/owner.ts'
import type { World } from '../kit/world.ts'
import { keyOf, localId } from './calls.ts'

/** An item whose timer is in a certain state, as a test needs it; absent: what a running one has. */
export type Planted = {
  /** Its number, which becomes its id. */
  readonly n: number
  /** `other`: of the second account. */
  readonly of?: 'member' | 'endUser' | 'other'
  readonly category?: 'COOKIE' | 'CONTENT_BATCH' | 'PAYMENT' | 'USAGE'
  readonly system?: string
  readonly state?: 'LIVE' | 'HELD' | 'RESTRICTED' | 'ERASED' | 'ANONYMISED'
  readonly confidential?: boolean
  readonly due?: string | null
  readonly attempt?: string | null
  readonly attempts?: number
  readonly problem?: string
  readonly done?: string
}

/** The UUID of a planted item. */
export const plantedId = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`

/** Global id of a planted item of the first account. */
export const itemId = (world: World, n: number) =>
  globalId('InventoryItem', tenantKey({ accountId: localId(world.ids.account), id: plantedId(n) }))

/** The number in the global id of a planted item. */
export const numberOf = (id: string) => Number(keyOf(id).id.slice(-12))

/** Writes items past the door, each with the timer that is said. The rule is that of its category which counts from writing. */
export async function plant(world: World, owner: Owner, items: readonly Planted[]): Promise<void> {
  const rows = items.map(({ n, of = 'member', category = 'COOKIE', system = 'banner', ...item }) => {
    const { accountId, id: subjectId } = keyOf(world.ids[of])
    const { state = 'LIVE', due = null } = item
    const isTaken = (state === 'LIVE' || state === 'RESTRICTED') && category !== 'USAGE'
    return {
      account_id: accountId,
      id: plantedId(n),
      subject_id: subjectId,
      category,
      system,
      locator: `place/${n}`,
      state,
      resumes_as: state === 'HELD' ? 'LIVE' : null,
      hold_confidential: item.confidential ?? false,
      due_at: due,
      attempt_at: isTaken ? (item.attempt ?? due) : null,
      attempts: item.attempts ?? 0,
      last_problem: item.problem ?? null,
      done_at: item.done ?? null,
    }
  })
  await owner.query(
    `insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis,
       collected_at, state_changed_at, state, resumes_as, hold_confidential, due_at, attempt_at, attempts, last_problem,
       done_at, retention_rule_id, planned_version)
     select i.account_id, i.id, i.subject_id, i.category, i.system, i.locator, '{SERVICE_PROVISION}', 'CONTRACT',
       '2026-03-01T00:00:00Z', '2026-03-01T00:00:00Z', i.state, i.resumes_as, i.hold_confidential, i.due_at,
       i.attempt_at, i.attempts, i.last_problem, i.done_at, r.id, r.version
     from jsonb_populate_recordset(null::inventory_item, $1::text::jsonb) i
     join retention_rule r on r.category = i.category and r.trigger = 'CREATED'`,
    JSON.stringify(rows),
  )
}

/** Writes down how late timers were that were done at `at`: seconds, and how many timers had each. */
export async function plantDrift(
  world: World,
  owner: Owner,
  n: number,
  drift: { at: string; category?: string; of?: 'account' | 'otherAccount'; late: Readonly<Record<number, number>> },
): Promise<void> {
  const seconds = Object.keys(drift.late).map(Number)
  await owner.query(
    `insert into retention_drift (account_id, id, category, at, drift_seconds, timers, drift_seconds_max)
     values ($1::uuid, $2::uuid, $3::data_category, $4::timestamptz, $5::int[], $6::int[], $7)`,
    localId(world.ids[drift.of ?? 'account']),
    plantedId(n),
    drift.category ?? 'COOKIE',
    drift.at,
    `{${seconds.join(',')}}`,
    `{${Object.values(drift.late).join(',')}}`,
    Math.max(...seconds),
  )
}
