import type { Scope } from '../auth/permissions.ts'
import type { Session } from '../auth/session.ts'
import type { Deps } from '../domains/deps.ts'
import type PrismaTypes from '../generated/pothos.ts'
import type { OperationReads } from './operation-reads.ts'

/** What every resolver is given. */
export type Context = {
  readonly session: Session
  readonly requestId: string
  readonly deps: Deps
  /** The one read transaction of the operation. */
  readonly reads: OperationReads
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
