import { type Caller, callerName, PLATFORM_ACCOUNT_ID } from './caller.ts'
import type { Database, Tx } from './database.ts'
import { sqlStateOf } from './postgres-errors.ts'

/** A mutation call with a key: repeated with the same key and input it has one effect and one answer. */
export type IdempotentCall = {
  readonly mutation: string
  /** Keyed hash of the key the caller sent. */
  readonly keyHash: Uint8Array<ArrayBuffer>
  /** Keyed hash of the input. */
  readonly fingerprint: Uint8Array<ArrayBuffer>
  readonly at: Date
  readonly expiresAt: Date
}

/** A repeated call that cannot be answered. */
export class IdempotencyError extends Error {
  override readonly name = 'IdempotencyError'
  readonly code: 'IDEMPOTENCY_KEY_REUSED' | 'IDEMPOTENCY_KEY_IN_PROGRESS'

  constructor(code: IdempotencyError['code']) {
    super(
      code === 'IDEMPOTENCY_KEY_REUSED'
        ? 'This idempotency key was used for another input.'
        : 'The first call with this idempotency key is still running.',
    )
    this.code = code
  }
}

const WAIT_MS_MAX = 5_000

/** The SQLSTATE of a lock that was waited for in vain. */
const LOCK_NOT_AVAILABLE = '55P03'

const accountOf = (caller: Caller) => caller.accountId ?? PLATFORM_ACCOUNT_ID

/**
 * Takes the key inside the transaction of the effect. An equal call that is running is waited for, up to five seconds.
 * @returns what the first call answered, or null when this is the first.
 */
export async function claimIdempotencyKey(
  tx: Tx,
  caller: Caller,
  call: IdempotentCall,
): Promise<{ outcome: unknown } | null> {
  const name = callerName(caller)
  await tx.$executeRaw`select set_config('lock_timeout', ${`${WAIT_MS_MAX}ms`}, true)`
  const claimed = await tx.$executeRaw`
    insert into idempotency_record (account_id, caller, mutation, key_hash, fingerprint, created_at, expires_at)
    values (${accountOf(caller)}::uuid, ${name}, ${call.mutation}, ${call.keyHash}, ${call.fingerprint},
            ${call.at}, ${call.expiresAt})
    on conflict do nothing`.catch((error: unknown) => {
    throw sqlStateOf(error) === LOCK_NOT_AVAILABLE ? new IdempotencyError('IDEMPOTENCY_KEY_IN_PROGRESS') : error
  })
  await tx.$executeRaw`select set_config('lock_timeout', '0', true)`
  if (claimed === 1) return null
  const [row] = await tx.$queryRaw<{ same: boolean; outcome: unknown }[]>`
    select fingerprint = ${call.fingerprint} as same, outcome from idempotency_record
    where account_id = ${accountOf(caller)}::uuid and caller = ${name} and mutation = ${call.mutation}
      and key_hash = ${call.keyHash}`
  if (!row) throw new IdempotencyError('IDEMPOTENCY_KEY_IN_PROGRESS')
  if (!row.same) throw new IdempotencyError('IDEMPOTENCY_KEY_REUSED')
  return { outcome: row.outcome }
}

/** Stores what a repeat needs to answer the same: ids and counts, never personal data. */
export async function rememberOutcome(tx: Tx, caller: Caller, call: IdempotentCall, outcome: unknown): Promise<void> {
  await tx.$executeRaw`
    update idempotency_record set outcome = ${JSON.stringify(outcome)}::jsonb
    where account_id = ${accountOf(caller)}::uuid and caller = ${callerName(caller)}
      and mutation = ${call.mutation} and key_hash = ${call.keyHash}`
}

/** Deletes keys past their time, 500 a transaction. @returns how many */
export async function deleteExpiredIdempotencyKeys(db: Pick<Database, 'worker'>, now: Date): Promise<number> {
  let count = 0
  for (;;) {
    const deleted = await db.worker(
      (tx) => tx.$executeRaw`
        delete from idempotency_record where ctid = any(array(
          select ctid from idempotency_record where expires_at <= ${now} limit 500 for update skip locked))`,
    )
    count += deleted
    if (deleted < 500) return count
  }
}
