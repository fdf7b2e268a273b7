import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import type { FeedListener } from '../events/events.feed.ts'

/**
 * Makes a delivery of each entry for every endpoint of its feed that wants its kind: in one statement, in the
 * transaction that gives the entry its place, so that none is passed over. Paused endpoints get theirs too; disabled
 * ones do not. A test goes to the endpoint that it names, whatever kinds that wants. What follows an undelivered event
 * of the same person waits as long as that does.
 */
export const fanOut =
  (clock: Clock): FeedListener =>
  async (tx, entries) => {
    if (entries.length === 0) return
    const now = clock.now()
    // A version 7 UUID begins with the time; the rest of each row's is drawn by the database.
    const time = newId(clock).slice(0, 14)
    await tx.$executeRaw`
      with entry as (
        select * from unnest(
          ${entries.map((entry) => entry.feedId)}::uuid[], ${entries.map((entry) => entry.sequence)}::bigint[],
          ${entries.map((entry) => entry.accountId)}::uuid[], ${entries.map((entry) => entry.eventId)}::uuid[],
          ${entries.map((entry) => entry.kind)}::text[], ${entries.map((entry) => entry.subjectId)}::uuid[])
          as entry (feed_id, sequence, account_id, event_id, kind, subject_id)),
      endpoint as (
        select account_id, id, kinds, coalesce(processor_id, account_id) as feed_id from webhook_endpoint
        where state <> 'DISABLED' and ((processor_id is null and account_id in (select feed_id from entry))
          or (account_id = ${PLATFORM_ACCOUNT_ID}::uuid and processor_id in (select feed_id from entry)))
        for key share)
      insert into webhook_delivery (account_id, id, endpoint_id, event_account_id, event_id, sequence, kind, subject_id,
        next_attempt_at, created_at)
      select endpoint.account_id, (${time} || substr(gen_random_uuid()::text, 15))::uuid, endpoint.id, entry.account_id,
        entry.event_id, entry.sequence, entry.kind, entry.subject_id, greatest(${now}, (
          select before.next_attempt_at from webhook_delivery before
          where before.account_id = endpoint.account_id and before.endpoint_id = endpoint.id
            and before.subject_id = entry.subject_id and before.state = 'PENDING'
          order by before.sequence desc limit 1)), ${now}
      from entry join endpoint using (feed_id)
      where case when entry.kind = 'webhook.test' then exists (
          select from outbox_event event where event.account_id = entry.account_id and event.id = entry.event_id
            and event.payload ->> 'endpointId' = endpoint.id::text)
        else coalesce(cardinality(endpoint.kinds), 0) = 0 or entry.kind = any(endpoint.kinds) end
      on conflict (account_id, endpoint_id, event_id) do nothing`
  }
