const pattern = (allowed: RegExp) => (value: unknown) =>
  typeof value === 'string' && allowed.test(value) ? value : undefined
const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const listOf = (one: (value: unknown) => unknown, countMax: number) => (value: unknown) =>
  Array.isArray(value) ? value.slice(0, countMax).filter((item) => one(item) !== undefined) : undefined

const name = pattern(/^[A-Za-z_][\w.:-]{0,99}$/)
const uuid = pattern(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

/**
 * The only keys that a log line may carry, each with the form its value must have. A key that is not here, or a value
 * of another form, is left out and counted: an allow-list, because a list of forbidden keys misses arrays, deeper paths
 * and messages. No entry can hold an address, a name, a token or free text.
 */
export const LOG_FIELDS: Readonly<Record<string, (value: unknown) => unknown>> = {
  requestId: pattern(/^[A-Za-z0-9-]{8,64}$/),
  principal: pattern(/^[A-Z]{1,20}$/),
  operation: pattern(/^(query|mutation|subscription)$/),
  fields: listOf(name, 20),
  status: number,
  durationMs: number,
  code: name,
  codes: listOf(name, 20),
  reason: pattern(/^[a-z0-9_]{1,40}$/),
  signal: pattern(/^SIG[A-Z0-9]{1,10}$/),
  port: number,
  count: number,
  attempt: number,
  bytes: number,
  seconds: number,
  job: name,
  jobId: uuid,
  accountId: uuid,
  event: name,
  backend: pattern(/^(pglite|postgres)$/),
  version: pattern(/^[\w.+-]{1,40}$/),
  migration: pattern(/^[a-z0-9_]{1,100}$/),
  check: name,
  checks: listOf(name, 20),
  file: pattern(/^[\w-]{1,64}\.ledger$/),
  line: number,
  lines: number,
  limiter: pattern(/^(caller|anonymous|failure)$/),
}
