import type { DataCategory, Purpose } from '../../generated/prisma/enums.ts'
import type { NewItem } from '../inventory/inventory.service.ts'

/** Key of the system that holds usage events. */
export const USAGE = 'usage'

/** Categories of usage events: SECURITY those of that kind, USAGE all others. */
export type UsageCategory = Extract<DataCategory, 'USAGE' | 'SECURITY'>

const LAWFUL: Readonly<Record<UsageCategory, Pick<NewItem, 'purposes' | 'legalBasis'>>> = {
  SECURITY: { purposes: ['SECURITY', 'FRAUD_PREVENTION'] satisfies Purpose[], legalBasis: 'LEGITIMATE_INTERESTS' },
  USAGE: {
    purposes: ['SERVICE_PROVISION', 'PAYMENT_PROCESSING', 'USAGE_REPORTING'] satisfies Purpose[],
    legalBasis: 'CONTRACT',
  },
}

/** Events of a person (or of nobody) in a month, UTC, written `YYYY-MM`. */
export type UsageMonthOf = {
  readonly subjectId: string | null
  readonly month: string
  readonly category: UsageCategory
  /** When the earliest of them occurred. */
  readonly firstAt: Date
}

/** Whether usage events are of a category of data. */
export function isUsageCategory(category: DataCategory): category is UsageCategory {
  return Object.hasOwn(LAWFUL, category)
}

const LOCATOR = 'usage_event/'

/** Where the events of a month lie. */
export const locatorOf = (month: string) => `${LOCATOR}${month}`

/** The month of such a locator, UTC; null for any other text. */
export function monthOfLocator(locator: string): string | null {
  const month = locator.startsWith(LOCATOR) ? locator.slice(LOCATOR.length) : ''
  return /^[0-9]{4}-(0[1-9]|1[0-2])$/.test(month) ? month : null
}

/** The item of the inventory that events of a month need. Its retention starts with the month. */
export function itemOfMonth(accountId: string, { subjectId, month, category, firstAt }: UsageMonthOf): NewItem {
  return {
    accountId,
    subjectId,
    category,
    system: USAGE,
    locator: locatorOf(month),
    ...LAWFUL[category],
    collectedAt: firstAt,
    retentionStartsAt: new Date(`${month}-01T00:00:00.000Z`),
  }
}
