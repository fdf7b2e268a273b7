/**
 * The condition that no row of a tenant's table meets. It must not be written `OR: []`: inside `AND` the database
 * client drops that, and every row meets what is left.
 */
export const NO_ROWS = { accountId: { in: [] as string[] } }
