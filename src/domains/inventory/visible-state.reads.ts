import { Prisma } from '../../generated/prisma/client.ts'
import { type HoldViewer, seesConfidentialHolds } from './visible-state.rules.ts'

/**
 * The state that a caller is shown, of the row `i` of `inventory_item`, for statements written by hand: the same as
 * `visibleState`.
 */
export const visibleStateOf = (viewer: HoldViewer): Prisma.Sql =>
  seesConfidentialHolds(viewer)
    ? Prisma.sql`i.state`
    : Prisma.sql`(case when i.state = 'HELD' and i.hold_confidential then i.resumes_as else i.state end)`
