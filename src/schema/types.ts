import type { Scope } from '../auth/permissions.ts'
import type { Session } from '../auth/session.ts'
import type { Deps } from '../domains/deps.ts'
import type { Live } from '../domains/live.ts'
import type PrismaTypes from '../generated/pothos.ts'
import type { OperationReads } from './operation-reads.ts'

/** What is left of a caller's requests, as this process counts them. */
export type CallerQuota = {
  readonly limit: number
  readonly remaining: number
  /** Null where no window is open. */
  readonly resetsAt: Date | null
  readonly windowSeconds: number
}

/** What every resolver is given. */
export type Context = {
  readonly session: Session
  readonly requestId: string
  /** Languages in which the caller wants texts, most wanted first, in lower case. */
  readonly languages: readonly string[]
  readonly deps: Deps
  /** The one read transaction of the operation. */
  readonly reads: OperationReads
  /** The open streams of this process. */
  readonly live: Live
  /** The caller with the rights that it has now, for streams; throws when its token has ended. */
  readonly refresh: (session: Session) => Promise<Session>
  /** The header `Last-Event-ID`: what a stream that broke off had sent last; null where the caller sends none. */
  readonly lastEventId: string | null
  /** Names the event that a stream sends next, for its `id:` line. */
  readonly nameEvent: (id: string) => void
  /** What is left to a caller, by its name; counts nothing. */
  readonly quotaOf: (callerName: string) => Promise<CallerQuota>
}

/** The builder's types, all in one place. */
export type SchemaTypes = {
  Context: Context
  PrismaTypes: PrismaTypes
  AuthScopes: { scope: Scope }
  DefaultAuthStrategy: 'all'
  DefaultFieldNullability: false
  DefaultInputFieldRequiredness: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    BigInt: { Input: number | bigint; Output: number | bigint | string }
    CountryCode: { Input: string; Output: string }
    EmailAddress: { Input: string; Output: string }
  }
}
