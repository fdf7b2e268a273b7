import { isUuid } from '../time/id.ts'
import { badInput } from './refusals.ts'

/** The key of a tenant's row. */
export type TenantKey = { readonly accountId: string; readonly id: string }

/** An id that no row has. */
export const NO_ROW = 'ffffffff-ffff-4fff-bfff-ffffffffffff'

/** The local part of a tenant row's global id: `account/id`. */
export function tenantKey(row: TenantKey): string {
  return `${row.accountId}/${row.id}`
}

/** Reads such a local part; null where it has another shape. */
export function parseTenantKey(local: string): TenantKey | null {
  const [accountId, id, ...rest] = local.split('/')
  return isUuid(accountId) && isUuid(id) && rest.length === 0 ? { accountId, id } : null
}

/** The Relay global id of a row, as the API gives it out: base64 of `Type:local`. */
export function globalId(typename: string, local: string): string {
  return Buffer.from(`${typename}:${local}`).toString('base64')
}

/** The types that `node` and `nodes` find. */
export const NODE_TYPES = ['Account', 'ApiClient', 'AuditEvent', 'Job', 'Subject'] as const

/**
 * Takes a global id apart.
 * @throws BAD_USER_INPUT when it is none, or of a type that has none
 */
export function readGlobalId(value: string): { typename: string; id: string } {
  for (const typename of NODE_TYPES) {
    const id = localPart(typename, value)
    if (id !== null) return { typename, id }
  }
  throw badInput('id', 'is not a global id')
}

/** The local part of a global id of `typename`; null where it is of another type or none at all. */
function localPart(typename: string, value: string): string | null {
  const text = Buffer.from(value, 'base64').toString('utf8')
  return text.startsWith(`${typename}:`) && globalId(typename, text.slice(typename.length + 1)) === value
    ? text.slice(typename.length + 1)
    : null
}

/**
 * The key that an argument names.
 * @throws BAD_INPUT naming the argument when it is not a global id of `typename`
 */
export function readTenantKey(argument: string, typename: string, value: string): TenantKey {
  const local = localPart(typename, value)
  const key = local === null ? null : parseTenantKey(local)
  if (!key) throw badInput(argument, `is not the id of a ${typename}`)
  return key
}

/** The account that an argument names. @throws BAD_INPUT likewise */
export function readAccountId(argument: string, value: string): string {
  const local = localPart('Account', value)
  if (!isUuid(local)) throw badInput(argument, 'is not the id of an Account')
  return local
}
