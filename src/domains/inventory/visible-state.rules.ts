import type { Session } from '../../auth/session.ts'
import type { InventoryItem, Prisma } from '../../generated/prisma/client.ts'
import type { InventoryState } from '../../generated/prisma/enums.ts'

/** What of an item's row says which state a caller is shown. */
export type StoredState = Pick<InventoryItem, 'state' | 'resumesAs' | 'holdConfidential'>

/** The columns of `StoredState`, for `select`. */
export const storedStateSelect = { state: true, resumesAs: true, holdConfidential: true } as const

/** Who asks, as far as holds go. */
export type HoldViewer = Pick<Session, 'principal' | 'scopes'>

/** Whether a caller is told of confidential holds: Staff with `holds:manage`, and nobody else. */
export const seesConfidentialHolds = ({ principal, scopes }: HoldViewer): boolean =>
  principal === 'STAFF' && scopes.has('holds:manage')

/** Whether a caller is told that an item is held: where it is, unless every hold on it is hidden from the caller. */
export const isVisiblyHeld = (viewer: HoldViewer, { state, holdConfidential }: StoredState): boolean =>
  state === 'HELD' && (!holdConfidential || seesConfidentialHolds(viewer))

/**
 * The state of an item that a caller is shown: what is stored, but of an item that only confidential holds keep what it
 * is again without them. Whatever shows, filters, counts or orders by a state goes by this, never by the column.
 * @see GDPR Art. 23(1)(d) and (j), restrictions for the sake of investigations and claims
 */
export const visibleState = (viewer: HoldViewer, item: StoredState): InventoryState =>
  item.state === 'HELD' && !isVisiblyHeld(viewer, item) ? (item.resumesAs ?? item.state) : item.state

/** The items that a caller is shown in a state: the same as `visibleState`, as a condition. */
export function whereVisibleState(viewer: HoldViewer, state: InventoryState): Prisma.InventoryItemWhereInput {
  if (seesConfidentialHolds(viewer)) return { state }
  if (state === 'HELD') return { state, holdConfidential: false }
  return { OR: [{ state }, { state: 'HELD', holdConfidential: true, resumesAs: state }] }
}
