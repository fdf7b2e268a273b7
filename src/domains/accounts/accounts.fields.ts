import { isScope, type Scope } from '../../auth/permissions.ts'
import type { Caller } from '../../db/caller.ts'
import { globalId, readTenantKey, tenantKey } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { isCountry } from '../../schema/scalars.ts'
import type { SchemaTypes } from '../../schema/types.ts'
import { NotAvailable } from './accounts.problems.ts'
import { AccountNode, ApiClientNode, SubjectNode } from './accounts.types.ts'

type FieldsOf<Outcome> = PothosSchemaTypes.ObjectFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  Outcome
>

/** The field `account` of a mutation's success. */
export const accountField = <T extends { accountId: string }>(t: FieldsOf<T>) =>
  t.prismaField({
    type: AccountNode,
    description: 'The account.',
    resolve: (query, { accountId }, _args, { reads }) =>
      reads.tx.account.findUniqueOrThrow({ ...query, where: { id: accountId } }),
  })

/** The field `subject` of a mutation's success. */
export const subjectField = <T extends { accountId: string; id: string }>(t: FieldsOf<T>) =>
  t.prismaField({
    type: SubjectNode,
    description: 'The person.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.subject.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })

/** The field `apiClient` of a mutation's success. */
export const apiClientField = <T extends { accountId: string; id: string }>(t: FieldsOf<T>) =>
  t.prismaField({
    type: ApiClientNode,
    description: 'The client.',
    resolve: (query, { accountId, id }, _args, { reads }) =>
      reads.tx.apiClient.findUniqueOrThrow({ ...query, where: { accountId_id: { accountId, id } } }),
  })

/** Where data is processed. */
export const REGION = /^[a-z0-9-]{1,32}$/

const SUBDIVISION = /^[A-Z]{2}-[A-Z0-9]{1,3}$/

/** @throws BAD_INPUT when a region has another shape */
export function assertRegion(value: string | null | undefined): void {
  if (value !== null && value !== undefined && !REGION.test(value))
    throw badInput('region', `must match ${REGION.source}`)
}

/** @throws BAD_INPUT when a subdivision is not of ISO 3166-2's shape, or does not lie in the country */
export function assertPlace(input: { country?: string | null | undefined; subdivision?: string | null | undefined }) {
  const { country, subdivision } = input
  if (subdivision === null || subdivision === undefined) return
  if (!SUBDIVISION.test(subdivision)) throw badInput('subdivision', 'must be an ISO 3166-2 code, e.g. US-CA')
  if (!isCountry(subdivision.slice(0, 2))) throw badInput('subdivision', 'must begin with a country')
  if (country !== undefined && !subdivision.startsWith(`${country}-`))
    throw badInput('subdivision', 'must lie in the country')
}

/** @throws BAD_INPUT when a name is no scope's */
export function readScopes(values: readonly string[] | null | undefined): Scope[] | null {
  if (!values) return null
  return values.map((value) => {
    if (!isScope(value)) throw badInput('scopes', 'names a scope that does not exist')
    return value
  })
}

/** The id of a subject of the caller's own account. @throws NOT_AVAILABLE for another account's */
export function ownSubjectId(caller: Caller, value: string): string {
  const key = readTenantKey('subjectId', 'Subject', value)
  if (key.accountId !== caller.accountId) throw new NotAvailable()
  return key.id
}

/** The global id of a subject. */
export function subjectGlobalId(key: { accountId: string; id: string }): string {
  return globalId('Subject', tenantKey(key))
}

/** What the caller sent, without keys whose value is undefined. */
export function present<T extends object>(input: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as never
}
