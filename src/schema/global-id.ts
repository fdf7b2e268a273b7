import { globalId, type TenantKey } from '../domains/public-id.ts'
import { isUuid } from '../time/id.ts'
import { badInput } from './refusals.ts'

export { globalId, type TenantKey, tenantKey } from '../domains/public-id.ts'

/** An id that no row has. */
export const NO_ROW = 'ffffffff-ffff-4fff-bfff-ffffffffffff'

/** Reads the local part of a tenant row's global id; null where it has another shape. */
export function parseTenantKey(local: string): TenantKey | null {
  const [accountId, id, ...rest] = local.split('/')
  return isUuid(accountId) && isUuid(id) && rest.length === 0 ? { accountId, id } : null
}

/** The types that `node` and `nodes` find. */
export const NODE_TYPES = [
  'Account',
  'ApiClient',
  'Approval',
  'AuditEvent',
  'Dataset',
  'Erasure',
  'InventoryItem',
  'Job',
  'LegalHold',
  'Processor',
  'Reconciliation',
  'RetentionRule',
  'Subject',
  'System',
  'WebhookDelivery',
  'WebhookEndpoint',
] as const

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
