import type { Keyring } from '../../crypto/keyring.ts'
import { liveKeySelect } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'
import type { OutboxEvent } from '../../generated/prisma/client.ts'
import { addSeconds } from '../../time/clock.ts'
import { publishEvent } from '../events/events.publish.ts'
import { isEventKind } from '../events/events.rules.ts'
import { type SigningPair, signingPairOf } from './webhook-keys.ts'
import { webhookBody } from './webhook-message.ts'
import { openWebhookText, type WebhookText } from './webhook-texts.ts'
import { LEASE_SECONDS } from './webhooks.rules.ts'

/** A delivery that this worker has to itself for a minute, with all that sending it needs. */
export type Claimed = {
  readonly accountId: string
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly subjectId: string | null
  readonly sequence: bigint
  /** The number of the attempt, from 1. */
  readonly attempts: number
  /** Null where it cannot be made. */
  readonly message: { readonly url: string; readonly body: string; readonly pairs: readonly SigningPair[] } | null
}

/** How many deliveries may be claimed, in all and for each endpoint, and how many each has under way. */
export type Room = {
  readonly inAll: number
  readonly perEndpoint: number
  /** By endpoint id. */
  readonly busy: ReadonlyMap<string, number>
}

/** How far the poll looks ahead in an endpoint's queue for one that need not wait for another. */
const WINDOW = 500

type Row = {
  readonly account_id: string
  readonly id: string
  readonly endpoint_id: string
  readonly event_account_id: string
  readonly event_id: string
  readonly subject_id: string | null
  readonly sequence: bigint
  readonly attempts: number
}

/**
 * Claims deliveries that are due, and reads what sending them needs, with the keys that sign now. One that has an
 * earlier one of the same endpoint and person before it, undelivered, is left. A lease that ended (its worker was
 * killed) is claimed anew.
 */
export async function claimDue(tx: Tx, keys: Keyring, now: Date, room: Room): Promise<readonly Claimed[]> {
  const rows = await lease(tx, now, room)
  if (rows.length === 0) return []
  const endpoints = await endpointsOf(tx, keys, now, rows)
  const events = await eventsOf(tx, rows)
  return rows.map((row) => ({
    accountId: row.account_id,
    id: row.id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    subjectId: row.subject_id,
    sequence: row.sequence,
    attempts: row.attempts,
    message: messageOf(row, endpoints.get(row.endpoint_id), events.get(row.event_id)),
  }))
}

function messageOf(row: Row, endpoint: Endpoint | undefined, event: Event | undefined): Claimed['message'] {
  if (!endpoint || !event || !isEventKind(event.kind)) return null
  const { feedId, url, pairs } = endpoint
  const { accountId, kind, payload, createdAt } = event
  const { event_id: eventId, subject_id: subjectId, sequence } = row
  const published = publishEvent({ feedId, sequence, accountId, eventId, kind, subjectId, payload, createdAt })
  return { url, pairs, body: webhookBody(published) }
}

function lease(tx: Tx, now: Date, { inAll, perEndpoint, busy }: Room): Promise<Row[]> {
  return tx.$queryRaw<Row[]>`
    with picked as (
      select next.account_id, next.id
      from webhook_endpoint endpoint
      left join unnest(${[...busy.keys()]}::uuid[], ${[...busy.values()]}::int[]) as busy (id, deliveries)
        on busy.id = endpoint.id
      cross join lateral (
        select ahead.* from (
          select d.* from webhook_delivery d
          where d.account_id = endpoint.account_id and d.endpoint_id = endpoint.id and d.state = 'PENDING'
            and d.next_attempt_at <= ${now} and (d.leased_until is null or d.leased_until <= ${now})
          order by d.next_attempt_at, d.sequence limit ${WINDOW}) as ahead
        where ahead.subject_id is null or not exists (
          select from webhook_delivery before
          where before.account_id = ahead.account_id and before.endpoint_id = ahead.endpoint_id
            and before.subject_id = ahead.subject_id and before.sequence < ahead.sequence and before.state = 'PENDING')
        order by ahead.next_attempt_at, ahead.sequence
        limit greatest(0, ${perEndpoint}::int - coalesce(busy.deliveries, 0))) as next
      where endpoint.state = 'ACTIVE'
      order by next.next_attempt_at, next.sequence
      limit ${inAll}),
    locked as (
      select d.account_id, d.id from webhook_delivery d join picked using (account_id, id)
      where d.state = 'PENDING' and (d.leased_until is null or d.leased_until <= ${now})
      for update of d skip locked)
    update webhook_delivery d set leased_until = ${addSeconds(now, LEASE_SECONDS)}, attempts = d.attempts + 1
    from locked where d.account_id = locked.account_id and d.id = locked.id
    returning d.account_id, d.id, d.endpoint_id, d.event_account_id, d.event_id, d.subject_id, d.sequence, d.attempts`
}

type Endpoint = { readonly feedId: string; readonly url: string; readonly pairs: readonly SigningPair[] }
type Event = Pick<OutboxEvent, 'accountId' | 'id' | 'kind' | 'payload' | 'createdAt'>

/** Endpoints with what signs for them now; one whose data key was destroyed is left out. */
async function endpointsOf(tx: Tx, keys: Keyring, now: Date, rows: readonly Row[]): Promise<Map<string, Endpoint>> {
  const found = await tx.webhookEndpoint.findMany({
    where: { OR: distinct(rows, (row) => ({ accountId: row.account_id, id: row.endpoint_id })) },
    include: { keys: { where: { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }, orderBy: { id: 'desc' } } },
  })
  const living = await tx.dataKey.findMany({
    where: {
      accountId: { in: [...new Set(found.map(({ accountId }) => accountId))] },
      subjectId: null,
      category: 'SECURITY',
    },
    select: liveKeySelect,
  })
  const endpoints = new Map<string, Endpoint>()
  for (const { accountId, id, processorId, urlCipher, keys: pairRows } of found) {
    const open = (field: WebhookText, sealed: Uint8Array) => openWebhookText(keys, living, accountId, field, sealed)
    const url = await open('webhook-endpoint.url', urlCipher)
    const pairs: SigningPair[] = []
    for (const { publicKey, secretCipher, privateCipher } of pairRows) {
      const secret = await open('webhook-key.secret', secretCipher)
      const privateKey = await open('webhook-key.private', privateCipher)
      if (secret !== null && privateKey !== null) pairs.push(signingPairOf({ publicKey, secret, privateKey }))
    }
    if (url !== null && pairs.length > 0) endpoints.set(id, { feedId: processorId ?? accountId, url, pairs })
  }
  return endpoints
}

async function eventsOf(tx: Tx, rows: readonly Row[]): Promise<Map<string, Event>> {
  const found = await tx.outboxEvent.findMany({
    where: { OR: distinct(rows, (row) => ({ accountId: row.event_account_id, id: row.event_id })) },
    select: { accountId: true, id: true, kind: true, payload: true, createdAt: true },
  })
  return new Map(found.map((event) => [event.id, event]))
}

/** The keys of rows, each once. */
function distinct<K extends { readonly id: string }>(rows: readonly Row[], keyOf: (row: Row) => K): K[] {
  return [...new Map(rows.map(keyOf).map((key) => [key.id, key])).values()]
}
