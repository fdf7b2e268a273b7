import type { Caller } from '../db/caller.ts'
import type { AccountRole, StaffRole } from '../generated/prisma/enums.ts'
import type { Scope } from './permissions.ts'

/** A caller whose identity has been proven, with what it may do. Made by the session resolver and by nothing else. */
export type Session = Caller & {
  readonly scopes: ReadonlySet<Scope>
  /** The account role of a member; null for everyone else. */
  readonly accountRole: AccountRole | null
  readonly staffRoles: readonly StaffRole[]
  /** When the person last signed in by hand (`auth_time`), for step-up (RFC 9470); null where unknown. */
  readonly authenticatedAt: Date | null
  /** When the token ends (`exp`), and with it whatever stays open for the caller; null where the caller is nobody here. */
  readonly expiresAt: Date | null
  /**
   * Who a person is beyond this account: what taking up an invitation needs, also of one who is nobody here yet. Null
   * for everyone else. `identityHash` is the keyed hash of issuer and subject identifier.
   */
  readonly identity: { readonly identityHash: Uint8Array<ArrayBuffer>; readonly verifiedEmail: string | null } | null
}

const nobody = {
  callerId: null,
  accountId: null,
  subjectId: null,
  processorId: null,
  reach: 'NONE',
  accountRole: null,
  staffRoles: [],
  authenticatedAt: null,
  expiresAt: null,
  identity: null,
} as const

/** The session of a request without a token. */
export const anonymousSession: Session = { ...nobody, principal: 'ANONYMOUS', scopes: new Set(['public']) }

/** The session of the worker and of commands, acting on one account. It passes no scope check of the API. */
export function systemSession(accountId: string): Session {
  return { ...nobody, principal: 'SYSTEM', accountId, reach: 'ACCOUNT', scopes: new Set() }
}
