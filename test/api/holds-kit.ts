import { SCOPES } from '../../src/auth/permissions.ts'
import { DEMO_STAFF_SUB } from '../../src/demo/demo-data.ts'
import type { InventoryItem } from '../../src/generated/prisma/client.ts'
import type { World } from '../kit/world.ts'
import { keyOf, type Outcome, perform, type Who } from './calls.ts'

/** A hold as its mutations answer it. */
export type HoldAnswer = {
  readonly id: string
  readonly state: string
  readonly marked: boolean
  readonly itemsHeld: number
  readonly itemsResumed: number
}

/** What `placeHold` needs beside its target. */
export const HOLD = {
  authority: 'District Court of Kiel, 7 O 12/26',
  reason: 'Evidence in Olsen v. Aster',
  reviewOn: '2026-09-15',
  confidential: false,
} as const

/** Places a hold as Staff. @throws Error when it is refused */
export async function place(world: World, target: object, as: Who = 'staff'): Promise<HoldAnswer> {
  return holdOf(await perform(world, as, 'placeHold', { ...HOLD, ...target }))
}

/** A token of the demo's member of staff that is good now, however far the clock was moved. */
export async function staffNow(world: World): Promise<Who> {
  const scope = Object.keys(SCOPES).join(' ')
  return { token: (await world.serving.demoIssuer?.issue({ sub: DEMO_STAFF_SUB, scope })) ?? '' }
}

/** Releases a hold as Staff. @throws Error when it is refused */
export async function release(world: World, legalHoldId: string, as: Who = 'staff'): Promise<HoldAnswer> {
  return holdOf(await perform(world, as, 'releaseHold', { legalHoldId, reason: 'The case is closed' }))
}

function holdOf(outcome: Outcome): HoldAnswer {
  const { legalHold } = outcome
  if (!legalHold) throw new Error(`the hold was refused: ${JSON.stringify(outcome)}`)
  return legalHold as HoldAnswer
}

/** The living and ended items of an account as they are stored, in the order of system, locator, person and time. */
export function itemsOf(world: World, accountId: string, where: object = {}): Promise<InventoryItem[]> {
  return world.resources.db.worker(
    (tx) =>
      tx.inventoryItem.findMany({
        where: { accountId, ...where },
        orderBy: [{ system: 'asc' }, { locator: 'asc' }, { subjectId: 'asc' }, { id: 'asc' }],
      }),
    accountId,
  )
}

/** The state of each item of an account: place, state, what it resumes as, whether its holds are all confidential. */
export async function statesOf(world: World, accountId: string, where: object = {}): Promise<string[]> {
  const names = new Map(
    (['owner', 'member', 'endUser', 'other'] as const).map((name) => [keyOf(world.ids[name]).id, name] as const),
  )
  const items = await itemsOf(world, accountId, where)
  return items.map(({ subjectId, category, locator, state, resumesAs, holdConfidential }) =>
    [
      subjectId === null ? 'nobody' : (names.get(subjectId) ?? 'another'),
      category,
      locator,
      state,
      ...(resumesAs === null ? [] : [`as ${resumesAs}`]),
      ...(holdConfidential ? ['confidential'] : []),
    ].join(' '),
  )
}
