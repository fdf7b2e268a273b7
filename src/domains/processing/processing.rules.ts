/** Whether `value` may be the key of a system in the inventory. */
export { isSystemKey } from '../inventory/inventory.rules.ts'

/** What the key of a system or dataset of fideslang looks like, as the table says. */
export const FIDES_KEY = /^[A-Za-z0-9_.<>-]{1,128}$/
