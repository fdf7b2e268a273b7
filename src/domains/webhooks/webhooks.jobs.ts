import { z } from 'zod'
import type { Database, Tx } from '../../db/database.ts'
import type { JobHandler, JobStep } from '../../jobs/jobs.ts'
import { addSeconds, CLOCK_SKEW_SECONDS } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { LEASE_SECONDS, PAUSE_SECONDS_MAX } from './webhooks.rules.ts'

/** The kind of job that delivers a range of events again. */
export const REDELIVERY = 'webhooks.redeliver'

const STEP = 500

const payloadShape = z.strictObject({
  accountId: z.uuid(),
  endpointId: z.uuid(),
  feedId: z.uuid(),
  states: z.array(z.enum(['PENDING', 'DELIVERED', 'DEAD'])),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  /** The number of the last entry that was looked at, and of the last one to look at. */
  after: z.int().min(0),
  last: z.int().min(0),
})

/** Which events of a feed a redelivery is about, and how far it has come. Parsed when queued and when run. */
export type Redelivery = z.infer<typeof payloadShape>

/** Reads a redelivery's payload. @throws ZodError when it is none */
export function readRedelivery(payload: unknown): Redelivery {
  return payloadShape.parse(payload)
}

/**
 * Goes through a feed, 500 entries a step: deliveries in the states that were asked for become due again under the same
 * `webhook-id`, and events that never had one get one, where the endpoint wants their kind.
 */
export const redeliveryHandler: JobHandler = {
  kind: REDELIVERY,
  async step(tx, job): Promise<JobStep> {
    const payload = readRedelivery(job.payload)
    const [page] = await tx.$queryRaw<{ last: bigint | null; entries: number }[]>`
      select max(sequence) as last, count(*)::int as entries from (
        select sequence from event_feed
        where feed_id = ${payload.feedId}::uuid and sequence > ${payload.after} and sequence <= ${payload.last}
        order by sequence limit ${STEP}) as page`
    if (!page || page.last === null) return { payload, done: 0, finished: true }
    const until = Number(page.last)
    const done = await redeliver(tx, payload, until, job.runAt)
    return { payload: { ...payload, after: until }, done, finished: page.entries < STEP }
  },
}

/** @returns how many entries of the step lie in the range of time */
async function redeliver(tx: Tx, payload: Redelivery, until: number, now: Date): Promise<number> {
  const { accountId, endpointId, feedId, states, from, to, after } = payload
  const time = newId({ now: () => now }).slice(0, 14)
  const [row] = await tx.$queryRaw<{ done: number }[]>`
    with entry as (
      select f.sequence, f.account_id, f.event_id, f.kind, f.subject_id, event.payload
      from event_feed f join outbox_event event on event.account_id = f.account_id and event.id = f.event_id
      where f.feed_id = ${feedId}::uuid and f.sequence > ${after} and f.sequence <= ${until}
        and event.created_at >= ${from}::timestamptz and event.created_at < ${to}::timestamptz),
    endpoint as (
      select account_id, id, kinds from webhook_endpoint
      where account_id = ${accountId}::uuid and id = ${endpointId}::uuid and state <> 'DISABLED' for key share),
    again as (
      update webhook_delivery d set state = 'PENDING', attempts = 0, next_attempt_at = ${now}, finished_at = null
      from endpoint, entry
      where d.account_id = endpoint.account_id and d.endpoint_id = endpoint.id
        and d.event_account_id = entry.account_id and d.event_id = entry.event_id
        and d.state <> 'PENDING' and d.state::text = any(${states}::text[])),
    made as (
      insert into webhook_delivery (account_id, id, endpoint_id, event_account_id, event_id, sequence, kind, subject_id,
        next_attempt_at, created_at)
      select endpoint.account_id, (${time} || substr(gen_random_uuid()::text, 15))::uuid, endpoint.id, entry.account_id,
        entry.event_id, entry.sequence, entry.kind, entry.subject_id, ${now}, ${now}
      from entry cross join endpoint
      where case when entry.kind = 'webhook.test' then entry.payload ->> 'endpointId' = endpoint.id::text
        else coalesce(cardinality(endpoint.kinds), 0) = 0 or entry.kind = any(endpoint.kinds) end
      on conflict (account_id, endpoint_id, event_id) do nothing)
    select count(*)::int as done from entry`
  return row?.done ?? 0
}

/** Deletes keys that no longer sign. @returns how many */
export function deleteExpiredKeys(db: Database, now: Date): Promise<number> {
  return db.worker(async (tx) => (await tx.webhookKey.deleteMany({ where: { expiresAt: { lte: now } } })).count)
}

/**
 * Makes deliveries due that wait, or are leased, longer than they ever are meant to: the clock was ahead then.
 * @returns how many
 */
export function recallPutOffDeliveries(db: Database, now: Date): Promise<number> {
  const neverWaits = addSeconds(now, PAUSE_SECONDS_MAX + CLOCK_SKEW_SECONDS)
  const neverLeased = addSeconds(now, LEASE_SECONDS + CLOCK_SKEW_SECONDS)
  return db.worker(
    (tx) => tx.$executeRaw`
      update webhook_delivery set
        next_attempt_at = case when next_attempt_at > ${neverWaits} then ${now} else next_attempt_at end,
        leased_until = case when leased_until > ${neverLeased} then null else leased_until end
      where state = 'PENDING' and (next_attempt_at > ${neverWaits} or leased_until > ${neverLeased})`,
  )
}

/** What waits to be sent to active endpoints, for metrics: how many, and the age of the oldest in seconds. */
export async function webhookBacklog(db: Database, now: Date): Promise<{ waiting: number; oldestSeconds: number }> {
  const [row] = await db.worker(
    (tx) => tx.$queryRaw<{ waiting: number; oldest: Date | null }[]>`
      select count(*)::int as waiting, min(d.created_at) as oldest
      from webhook_delivery d join webhook_endpoint e on e.account_id = d.account_id and e.id = d.endpoint_id
      where d.state = 'PENDING' and e.state = 'ACTIVE'`,
  )
  const oldestSeconds = row?.oldest ? Math.max(0, (now.getTime() - row.oldest.getTime()) / 1000) : 0
  return { waiting: row?.waiting ?? 0, oldestSeconds }
}
