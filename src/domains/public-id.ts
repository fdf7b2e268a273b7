/** The key of a tenant's row. */
export type TenantKey = { readonly accountId: string; readonly id: string }

/** The local part of a tenant row's global id: `account/id`. */
export function tenantKey(row: TenantKey): string {
  return `${row.accountId}/${row.id}`
}

/** The Relay global id of a row, as the API gives it out: base64 of `Type:local`. */
export function globalId(typename: string, local: string): string {
  return Buffer.from(`${typename}:${local}`).toString('base64')
}
