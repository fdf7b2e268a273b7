import type pg from 'pg'
import type { BenchEvent } from './events.ts'

const SQL = `
  insert into usage_event (account_id, recorded_at, occurred_at, request_id, kind, model, endpoint_kind, region,
    input_tokens, output_tokens, payload_bytes, latency_ms)
  select $1::uuid, $2::timestamptz, e.*
  from unnest($3::timestamptz[], $4::text[], $5::usage_kind[], $6::text[], $7::endpoint_kind[], $8::text[],
    $9::int[], $10::int[], $11::bigint[], $12::int[]) as e
  on conflict do nothing`

/** One statement for all events of a call, without any check of ours. @returns how many were new */
export async function insertRaw(pool: pg.Pool, accountId: string, events: readonly BenchEvent[]): Promise<number> {
  const column = <K extends keyof BenchEvent>(key: K) => events.map((event) => event[key])
  const { rowCount } = await pool.query(SQL, [
    accountId,
    new Date().toISOString(),
    column('occurredAt'),
    column('requestId'),
    column('kind'),
    column('model'),
    column('endpointKind'),
    column('region'),
    column('inputTokens'),
    column('outputTokens'),
    column('payloadBytes'),
    column('latencyMs'),
  ])
  return rowCount ?? 0
}
