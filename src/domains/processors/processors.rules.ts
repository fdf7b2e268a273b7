import type { DataCategory, Purpose } from '../../generated/prisma/enums.ts'
import { addSeconds } from '../../time/clock.ts'

/** How many entries a call of `recordRecipient` may have. */
export const RECIPIENT_ENTRIES_MAX = 500

/** How far apart the clocks of a gateway and of this server may be, in seconds: 5 minutes. */
export const CLOCK_SKEW_SECONDS = 300

/** How many regions a processor may have. */
export const REGIONS_MAX = 50

/** Where data is processed. */
export const REGION = /^[a-z0-9-]{1,32}$/

/** Letters, digits and the punctuation of names of organisations; nothing that a spreadsheet or a page would run. */
export const ORGANISATION = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,&'()/+-]{0,199}$/u

const DATE = /^\d{4}-\d{2}-\d{2}$/

/** The date that `value` writes as YYYY-MM-DD, at midnight UTC; null where there is no such day. */
export function readDate(value: string): Date | null {
  if (!DATE.test(value)) return null
  const date = new Date(`${value}T00:00:00.000Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value) && date.getUTCFullYear() > 0
    ? date
    : null
}

/** What the register says of a processor, as far as it decides what it may receive. */
export type RegisterEntry = {
  readonly categories: readonly DataCategory[]
  readonly purposes: readonly Purpose[]
  readonly contractOn: Date | null
  readonly endedAt: Date | null
}

/** That a processor received data of these categories for a purpose. */
export type Receipt = { readonly categories: readonly DataCategory[]; readonly purpose: Purpose; readonly at: Date }

/** Which field of an entry is at fault, and why, without the value. */
export type ReceiptFault = { readonly field: string; readonly reason: string }

/**
 * Why the register does not allow what a processor is said to have received; null where it does.
 * @see GDPR Art. 5(1)(b) (purpose limitation), Art. 28(3) (a contract that binds the processor)
 */
export function receiptFault(processor: RegisterEntry, receipt: Receipt, now: Date): ReceiptFault | null {
  const { categories, purpose, at } = receipt
  if (at > addSeconds(now, CLOCK_SKEW_SECONDS)) return { field: 'at', reason: 'lies more than 5 minutes ahead' }
  if (categories.length === 0) return { field: 'categories', reason: 'names no category' }
  if (processor.endedAt !== null) return { field: 'processorId', reason: 'names a processor that has ended' }
  if (processor.contractOn === null)
    return { field: 'processorId', reason: 'names a processor that has no contract on file' }
  if (processor.contractOn > at) return { field: 'at', reason: 'lies before the contract with the processor' }
  if (!categories.every((category) => processor.categories.includes(category)))
    return { field: 'categories', reason: 'names a category that the register does not allow for the processor' }
  if (!processor.purposes.includes(purpose))
    return { field: 'purpose', reason: 'is one that the register does not allow for the processor' }
  return null
}
