import type { DataCategory } from '../../src/generated/prisma/enums.ts'
import type { Owner } from '../kit/owner.ts'
import type { Role, SeededAccount } from './seed.ts'

/** An ending that is asked for by one of the primitives. */
export type Request = {
  readonly accountId: string
  readonly subjectId: string
  readonly category?: DataCategory
  readonly locator?: string
  readonly action: 'DELETE' | 'ANONYMISE' | 'SHRED'
}

/** An item as it was written, and what it must be in the end; LIVE also stands for held and restricted. */
export type Expected = {
  readonly itemId: string
  readonly accountId: string
  readonly subjectId: string | null
  readonly category: DataCategory
  readonly locator: string
  readonly end: 'LIVE' | 'ERASED' | 'ANONYMISED'
  /** Whether time ends it, so that its delay is counted. */
  readonly byTime: boolean
}

type Item = Omit<Expected, 'end' | 'byTime'>
type End = Pick<Expected, 'end' | 'byTime'>

const LIVES: End = { end: 'LIVE', byTime: false }

/** Of the account of requests: a person shredded but for its held row, one made anonymous, one category, one piece. */
export function requestsOf(accounts: readonly SeededAccount[]): readonly Request[] {
  const account = accounts.find(({ role }) => role === 'requests')
  const accountId = account?.id ?? ''
  return (account?.persons ?? []).flatMap((subjectId, index): Request[] => {
    if (index === 1) return [{ accountId, subjectId, action: 'ANONYMISE' }]
    if (index === 2) return [{ accountId, subjectId, category: 'USAGE', action: 'DELETE' }]
    if (index === 3) return [{ accountId, subjectId, locator: 'identity_link', action: 'DELETE' }]
    return index % 2 === 0 ? [{ accountId, subjectId, action: 'SHRED' }] : []
  })
}

/** What must become of each item, by the role of its account and the place of its person in it. */
export async function expectedOf(owner: Owner, accounts: readonly SeededAccount[]): Promise<readonly Expected[]> {
  const items = await owner.query<Item>(
    `select id as "itemId", account_id as "accountId", subject_id as "subjectId", category::text, locator
     from inventory_item`,
  )
  return items.map((item) => {
    const account = accounts.find(({ id }) => id === item.accountId)
    const index = account?.persons.indexOf(item.subjectId ?? '') ?? -1
    return { ...item, ...(account ? endOf(account.role, item, index) : LIVES) }
  })
}

function endOf(role: Role, item: Item, index: number): End {
  if (role === 'closing') return timed(item, false)
  if (role === 'partly-held') return timed(item, isHeld(item, index))
  if (role === 'requests' && index >= 0) return { end: askedEnd(item, index), byTime: false }
  return LIVES
}

/** Closing an account ends everything of it but what serves its security. */
const timed = (item: Item, held: boolean): End =>
  held || item.category === 'SECURITY' ? LIVES : { end: 'ERASED', byTime: true }

function isHeld({ category, locator }: Item, index: number): boolean {
  return index === 0 || (index === 1 && category === 'USAGE') || (index === 2 && locator === 'subject')
}

function askedEnd({ category, locator }: Item, index: number): Expected['end'] {
  if (index === 0) return locator === 'subject' ? 'LIVE' : 'ERASED'
  if (index === 1) return 'ANONYMISED'
  if (index === 2) return category === 'USAGE' ? 'ERASED' : 'LIVE'
  if (index === 3) return locator === 'identity_link' ? 'ERASED' : 'LIVE'
  return index % 2 === 0 ? 'ERASED' : 'LIVE'
}
