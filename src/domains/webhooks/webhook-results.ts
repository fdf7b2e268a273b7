import { systemSession } from '../../auth/session.ts'
import type { Tx } from '../../db/database.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { recordAudit } from '../audit/audit.service.ts'
import { emitEvent } from '../events/events.service.ts'
import type { Claimed } from './webhook-claims.ts'
import { type DeliveryProblem, stateAfter } from './webhooks.rules.ts'

/** How an attempt ended. */
export type Attempted = {
  readonly claimed: Claimed
  /** When it began. */
  readonly at: Date
  readonly status: number | null
  readonly problem: DeliveryProblem | null
  readonly durationMs: number
}

/**
 * Writes down how attempts ended: the deliveries' states and next instants, and the log. A success always counts; a
 * failure only where nobody has claimed the delivery since. An endpoint that answered 410 is disabled.
 */
export async function recordAttempts(
  tx: Tx,
  clock: Clock,
  chance: () => number,
  attempts: readonly Attempted[],
): Promise<void> {
  const now = clock.now()
  const rows = attempts.map((attempt) => {
    const { state, pauseSeconds } = stateAfter({ ...attempt, attempts: attempt.claimed.attempts }, chance())
    return { ...attempt, state, nextAttemptAt: addSeconds(now, pauseSeconds) }
  })
  const of = <T>(value: (row: (typeof rows)[number]) => T): T[] => rows.map(value)
  const gone = new Map(rows.flatMap((row) => (row.problem === 'GONE' ? [[row.claimed.endpointId, row] as const] : [])))
  // Whoever changes an endpoint locks it before its deliveries; so does this.
  if (gone.size > 0)
    await tx.$executeRaw`
      select from webhook_endpoint where id = any(${[...gone.keys()]}::uuid[]) order by account_id, id for update`
  await tx.$executeRaw`
    with ended as (
      select * from unnest(${of((row) => row.claimed.accountId)}::uuid[], ${of((row) => row.claimed.id)}::uuid[],
        ${of((row) => row.claimed.attempts)}::int[], ${of((row) => row.state)}::webhook_delivery_state[],
        ${of((row) => row.nextAttemptAt)}::timestamptz[], ${of((row) => row.status)}::int[],
        ${of((row) => row.problem)}::text[])
        as ended (account_id, id, attempts, state, next_attempt_at, status, problem))
    update webhook_delivery d set state = ended.state, next_attempt_at = ended.next_attempt_at, leased_until = null,
      last_status = ended.status, last_problem = ended.problem,
      finished_at = case when ended.state = 'PENDING' then null else ${now}::timestamptz end
    from ended where d.account_id = ended.account_id and d.id = ended.id
      and ((ended.state = 'DELIVERED' and d.state <> 'DELIVERED')
        or (d.state = 'PENDING' and d.attempts = ended.attempts))`
  await moveFollowers(tx, now, rows)
  await addLog(tx, clock, rows)
  for (const { claimed, at } of gone.values()) await disableGone(tx, clock, claimed, at)
}

/** Adds the attempts to the log; one whose endpoint was deleted meanwhile has none. */
async function addLog(tx: Tx, clock: Clock, rows: readonly Attempted[]): Promise<void> {
  const of = <T>(value: (row: Attempted) => T): T[] => rows.map(value)
  await tx.$executeRaw`
    insert into webhook_attempt (account_id, id, delivery_id, number, at, status, problem, duration_ms)
    select d.account_id, attempt.id, d.id, attempt.number, attempt.at, attempt.status, attempt.problem,
      attempt.duration_ms
    from unnest(${of((row) => row.claimed.accountId)}::uuid[], ${of(() => newId(clock))}::uuid[],
      ${of((row) => row.claimed.id)}::uuid[], ${of((row) => row.claimed.attempts)}::int[],
      ${of((row) => row.at)}::timestamptz[], ${of((row) => row.status)}::int[],
      ${of((row) => row.problem)}::text[], ${of((row) => row.durationMs)}::int[])
      as attempt (account_id, id, delivery_id, number, at, status, problem, duration_ms)
    join webhook_delivery d on d.account_id = attempt.account_id and d.id = attempt.delivery_id
    for key share of d`
}

type Ended = Attempted & { readonly state: string; readonly nextAttemptAt: Date }

/**
 * What follows a delivery of the same person waits with it, so that the poll need not look at it; when that has come to
 * its end after a wait, it is due at once.
 */
async function moveFollowers(tx: Tx, now: Date, rows: readonly Ended[]): Promise<void> {
  const moved = rows.filter(
    ({ claimed, state }) => claimed.subjectId !== null && (state === 'PENDING' || claimed.attempts > 1),
  )
  if (moved.length === 0) return
  const of = <T>(value: (row: Ended) => T): T[] => moved.map(value)
  await tx.$executeRaw`
    with ended as (
      select * from unnest(${of((row) => row.claimed.accountId)}::uuid[],
        ${of((row) => row.claimed.endpointId)}::uuid[], ${of((row) => row.claimed.subjectId)}::uuid[],
        ${of((row) => row.claimed.sequence)}::bigint[], ${of((row) => row.state === 'PENDING')}::boolean[],
        ${of((row) => row.nextAttemptAt)}::timestamptz[])
        as ended (account_id, endpoint_id, subject_id, sequence, waits, next_attempt_at))
    update webhook_delivery d set next_attempt_at = case when ended.waits then ended.next_attempt_at else ${now} end
    from ended where d.account_id = ended.account_id and d.endpoint_id = ended.endpoint_id
      and d.subject_id = ended.subject_id and d.state = 'PENDING' and d.sequence > ended.sequence and d.attempts = 0
      and case when ended.waits then d.next_attempt_at < ended.next_attempt_at else d.next_attempt_at > ${now} end`
}

/** Disables an endpoint that answered 410, unless it was changed since; tells its account or processor. */
async function disableGone(
  tx: Tx,
  clock: Clock,
  { accountId, endpointId, id: deliveryId }: Claimed,
  at: Date,
): Promise<void> {
  const now = clock.now()
  const { count } = await tx.webhookEndpoint.updateMany({
    where: { accountId, id: endpointId, state: { not: 'DISABLED' }, updatedAt: { lte: at } },
    data: { state: 'DISABLED', disabledReason: 'GONE', updatedAt: now },
  })
  if (count === 0) return
  await giveUp(tx, now, { accountId, endpointId })
  const where = { accountId_id: { accountId, id: endpointId } }
  const { processorId } = await tx.webhookEndpoint.findUniqueOrThrow({ where, select: { processorId: true } })
  await tx.$executeRaw`select set_config('app.account_id', ${accountId}, true)`
  await recordAudit(
    tx,
    clock,
    { caller: systemSession(accountId), requestId: deliveryId },
    { accountId, kind: 'webhook.endpoint_state_changed', recordType: 'WebhookEndpoint', recordIds: [endpointId] },
  )
  await emitEvent(tx, clock, {
    accountId,
    kind: 'webhook.endpoint_disabled',
    ...(processorId === null ? {} : { processorId }),
    payload: { endpointId },
  })
}

/** Gives up what waits for an endpoint that is disabled. It can be delivered again by hand. */
export async function giveUp(tx: Tx, now: Date, of: { accountId: string; endpointId: string }): Promise<void> {
  await tx.webhookDelivery.updateMany({
    where: { ...of, state: 'PENDING' },
    data: { state: 'DEAD', lastProblem: 'ENDPOINT_DISABLED', leasedUntil: null, finishedAt: now },
  })
}
