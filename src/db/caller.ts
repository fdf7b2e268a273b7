import { isUuid } from '../time/id.ts'

/** Kinds of callers. SYSTEM is the worker and the command line. */
export type PrincipalKind = 'ANONYMOUS' | 'SUBJECT' | 'INTEGRATION' | 'PROCESSOR' | 'STAFF' | 'GATEWAY' | 'SYSTEM'

/** How far a caller sees within its account: every row, rows about itself, or none. */
export type Reach = 'ACCOUNT' | 'SELF' | 'NONE'

/** What the database must know of a caller to show it its rows and no others. */
export type Caller = {
  readonly principal: PrincipalKind
  /** The subject's, client's or staff member's id; null for ANONYMOUS and SYSTEM. */
  readonly callerId: string | null
  /** The account whose rows are in reach; null where the principal has none (Staff reads by scope). */
  readonly accountId: string | null
  readonly subjectId: string | null
  readonly processorId: string | null
  readonly reach: Reach
  /** Names of the scopes in force. */
  readonly scopes: ReadonlySet<string>
}

/** The account of Pipelet itself: controller of visitors, contacts and members; home of gateways and processors. */
export const PLATFORM_ACCOUNT_ID = '00000000-0000-7000-8000-000000000000'

/** A caller's name in audit and idempotency rows: kind and id, no personal data. */
export function callerName(caller: Pick<Caller, 'principal' | 'callerId'>): string {
  return `${caller.principal}:${caller.callerId ?? '-'}`
}

/** The same caller with `accountId` in reach: for Staff and gateways, which name the account they act on. */
export function actingOn<C extends Caller>(caller: C, accountId: string): C {
  return { ...caller, accountId }
}

const SCOPE = /^[a-z-]+(:[a-z-]+)?$/

/**
 * The transaction-local settings that carry a caller into the database, where the row-level security policies read
 * them. An absent value is the empty string, which the policies read as "no rows".
 * @throws Error when an id is not a UUID or a scope is not a scope's name: nothing unchecked reaches a setting.
 */
export function asCaller(caller: Caller): ReadonlyArray<readonly [name: string, value: string]> {
  for (const id of [caller.callerId, caller.accountId, caller.subjectId, caller.processorId])
    if (id !== null && !isUuid(id)) throw new Error('a caller carries an id that is not a UUID')
  for (const scope of caller.scopes) if (!SCOPE.test(scope)) throw new Error('a caller carries a malformed scope')
  return [
    ['app.principal', caller.principal],
    ['app.caller', callerName(caller)],
    ['app.account_id', caller.accountId ?? ''],
    ['app.subject_id', caller.subjectId ?? ''],
    ['app.processor_id', caller.processorId ?? ''],
    ['app.reach', caller.reach],
    ['app.staff_scopes', caller.principal === 'STAFF' ? [...caller.scopes].join(',') : ''],
  ]
}
