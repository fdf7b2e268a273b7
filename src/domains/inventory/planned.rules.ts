/** As `planned_version` of an item: newer than any rule. What was made due by hand is not planned anew. */
export const PLANNED_BY_HAND = 2_147_483_647
