import { Prisma } from '../generated/prisma/client.ts'
import type { Backend, Login } from './backend.ts'
import { actingOn, asCaller, type Caller } from './caller.ts'
import { claimIdempotencyKey, type IdempotentCall, rememberOutcome } from './idempotency.ts'

/** The handle of an open transaction: all that a service or a read may touch. */
export type Tx = Prisma.TransactionClient

/** A caller together with what a write must carry along. */
export type Call<C extends Caller = Caller> = {
  readonly caller: C
  readonly requestId: string
  /** Present where the caller sent an idempotency key. */
  readonly idempotency?: IdempotentCall
}

/** An open read that outlives one function: `close` ends it. */
export type OpenRead = { readonly tx: Tx; close(): Promise<void> }

export type DatabaseOptions = {
  /** How long a transaction may last, in milliseconds. Default 30,000. */
  readonly transactionMsMax?: number
  /** How long a caller waits for a connection, in milliseconds. Default 20,000. */
  readonly connectionWaitMsMax?: number
}

/**
 * The one way to the database. Each method opens one transaction, whose first statement carries the caller; nobody
 * else opens transactions, and none is ever opened inside another.
 */
export class Database {
  readonly kind: Backend['kind']
  readonly #backend: Backend
  readonly #limits: { timeout: number; maxWait: number }

  constructor(backend: Backend, options: DatabaseOptions = {}) {
    this.#backend = backend
    this.kind = backend.kind
    this.#limits = { timeout: options.transactionMsMax ?? 30_000, maxWait: options.connectionWaitMsMax ?? 20_000 }
  }

  /** Runs `fn` in a transaction that shows `caller` its rows. */
  read<T>(caller: Caller, fn: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transaction('app', asCaller(caller), fn)
  }

  /** Opens a read that lasts until `close`. A GraphQL operation reads through exactly one of these. */
  async openRead(caller: Caller): Promise<OpenRead> {
    const opened = Promise.withResolvers<Tx>()
    const closed = Promise.withResolvers<void>()
    const done = this.read(caller, (tx) => {
      opened.resolve(tx)
      return closed.promise
    })
    done.catch(opened.reject)
    const tx = await opened.promise
    return {
      tx,
      close: () => {
        closed.resolve()
        return done
      },
    }
  }

  /**
   * Runs a use case that writes. What `fn` throws rolls everything back; what it returns is committed, and remembered
   * under the call's idempotency key, so that a repeat answers the same without running `fn` again. Therefore `fn`
   * returns only ids and counts, as JSON.
   * `accountId` names the account acted on, for callers that belong to none (Staff, gateways).
   * @throws IdempotencyError when the key was used for another input, or its first call still runs.
   */
  write<T>(call: Call, fn: (tx: Tx) => Promise<T>, accountId?: string): Promise<T> {
    const caller = accountId === undefined ? call.caller : actingOn(call.caller, accountId)
    return this.#transaction('app', asCaller(caller), async (tx) => {
      const { idempotency } = call
      if (!idempotency) return fn(tx)
      const earlier = await claimIdempotencyKey(tx, call.caller, idempotency)
      if (earlier) return earlier.outcome as T
      const outcome = await fn(tx)
      await rememberOutcome(tx, call.caller, idempotency, outcome)
      return outcome
    })
  }

  /** Runs `fn` as the login that looks up identities, clients, keys and revocations. */
  auth<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transaction('auth', [], fn)
  }

  /** Runs `fn` as the worker's login; effects on an account's rows name the account. */
  worker<T>(fn: (tx: Tx) => Promise<T>, accountId?: string): Promise<T> {
    const settings = [
      ['app.principal', 'SYSTEM'],
      ['app.caller', 'SYSTEM:-'],
      ['app.account_id', accountId ?? ''],
    ] as const
    return this.#transaction('worker', settings, fn)
  }

  close(): Promise<void> {
    return this.#backend.close()
  }

  #transaction<T>(login: Login, settings: ReturnType<typeof asCaller>, fn: (tx: Tx) => Promise<T>): Promise<T> {
    const role = this.#backend.roleOf(login)
    const all = role === null ? settings : [['role', role] as const, ...settings]
    return this.#backend.client(login).$transaction(
      async (tx) => {
        if (all.length > 0) {
          const calls = all.map(([name, value]) => Prisma.sql`set_config(${name}, ${value}, true)`)
          await tx.$queryRaw`select ${Prisma.join(calls)}`
        }
        return fn(tx)
      },
      { ...this.#limits },
    )
  }
}
