import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory, RetentionAction } from '../../generated/prisma/enums.ts'
import type { LedgerEffect } from '../../ledger/erasure-ledger.ts'
import type { LedgerLine } from '../../ledger/ledger-line.ts'
import { lockAccount } from '../accounts/account-guards.ts'
import type { Deps } from '../deps.ts'
import { beginErasures, finishErasures } from '../inventory/erasure.service.ts'
import type { PersonalDataSystem } from '../personal-data.ts'
import { endTaken } from './ending.service.ts'
import { notHeld } from './ending-claims.ts'
import type { TakenItem } from './ending-items.ts'

/** A line that announces what is ended. */
export type IntentLine = Extract<LedgerLine, { readonly kind: 'INTENT' }>

/** What came of a line: items that were ended now, rows, keys, and items that a hold covers and that were left. */
export type LineReplayed = {
  readonly items: number
  readonly rows: number
  readonly keysDestroyed: number
  readonly held: number
}

type Effect = Omit<LedgerEffect, 'category' | 'action'> & {
  readonly category: DataCategory
  readonly action: RetentionAction
}

const NOTHING: LineReplayed = { items: 0, rows: 0, keysDestroyed: 0, held: 0 }

/**
 * Ends what a line announced, as far as it lives in this database, under the ids that the line gave: one transaction.
 * Then the ledger here knows the line.
 * @param wasDone whether it had been committed: then no hold was in the way, and one that a restore brought back is not
 * @throws EndingFault, NotGoneError: nothing was changed
 */
export async function replayLine(
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  line: IntentLine,
  wasDone: boolean,
): Promise<LineReplayed> {
  const byAccount = Map.groupBy(line.effects as readonly Effect[], ({ accountId }) => accountId)
  let total = NOTHING
  for (const [accountId, effects] of byAccount) {
    const work = { deps, systems, line, wasDone, accountId }
    const one = await deps.db.worker((tx) => replayEffects(tx, work, effects), accountId)
    total = {
      items: total.items + one.items,
      rows: total.rows + one.rows,
      keysDestroyed: total.keysDestroyed + one.keysDestroyed,
      held: total.held + one.held,
    }
  }
  // Where something was left under a hold, the line stays open: a later replay must respect that hold too.
  if (!wasDone && total.held === 0) await deps.ledger.done(line.id, deps.clock.now())
  return total
}

type Work = {
  readonly deps: Deps
  readonly systems: readonly PersonalDataSystem[]
  readonly line: IntentLine
  readonly wasDone: boolean
  readonly accountId: string
}

async function replayEffects(tx: Tx, work: Work, announced: readonly Effect[]): Promise<LineReplayed> {
  const { deps, systems, line, accountId } = work
  // Whoever announced it may still be at work: then this waits, and finds it done.
  await lockAccount(tx, accountId)
  const effects = await unknownOf(tx, accountId, announced)
  if (effects.length === 0) return NOTHING
  const { free, held } = await takeLiving(tx, work, effects)
  const ids = new Map(effects.map((effect) => [kindOf(effect), effect.erasureId]))
  const announcedAs = (group: Parameters<typeof kindOf>[0]) => ids.get(kindOf(group)) ?? ''
  const request = { accountId, cause: 'REPLAY', lineId: line.id, requestId: line.id, items: free } as const
  const keysGo = effects.some((effect) => effect.keysGo === true)
  const { items, rows, keysDestroyed } = await endTaken(tx, deps, systems, request, { keysGo, announcedAs })
  const ended = new Set(free.map(kindOf))
  await writeOff(
    tx,
    work,
    effects.filter((effect) => !ended.has(kindOf(effect)) || ids.get(kindOf(effect)) !== effect.erasureId),
  )
  return { items, rows, keysDestroyed, held }
}

const kindOf = ({ system, category, action }: Pick<Effect, 'system' | 'category' | 'action'>) =>
  `${system} ${category} ${action}`

async function unknownOf(tx: Tx, accountId: string, effects: readonly Effect[]): Promise<readonly Effect[]> {
  const ids = effects.map(({ erasureId }) => erasureId)
  const rows = await tx.erasure.findMany({ where: { accountId, id: { in: ids } }, select: { id: true } })
  const known = new Set(rows.map(({ id }) => id))
  return effects.filter(({ erasureId }) => !known.has(erasureId))
}

/** What lives of the announced items; its rows are locked. What goes with its partition is left to the fold. */
async function takeLiving(tx: Tx, { accountId, wasDone }: Work, effects: readonly Effect[]) {
  const wanted = effects
    .filter(({ action }) => action !== 'DROP_PARTITION')
    .flatMap(({ itemIds, system, category, action }) => itemIds.map((itemId) => ({ itemId, system, category, action })))
  const actions = new Map(wanted.map(({ itemId, action }) => [itemId, action]))
  const free = wasDone ? Prisma.sql`true` : notHeld(accountId)
  const rows = await tx.$queryRaw<(Omit<TakenItem, 'action'> & { free: boolean })[]>`
    select i.id as "itemId", i.subject_id as "subjectId", i.category, i.system, i.locator, i.due_at as "dueAt",
      ${free} as free
    from inventory_item i
    join unnest(${wanted.map(({ itemId }) => itemId)}::uuid[], ${wanted.map(({ system }) => system)}::text[],
      ${wanted.map(({ category }) => category)}::data_category[]) as w (id, system, category)
      on w.id = i.id and w.system = i.system and w.category = i.category
    where i.account_id = ${accountId}::uuid and i.state in ('LIVE', 'HELD', 'RESTRICTED')
    order by i.id for update of i`
  const taken = rows.flatMap(({ free: isFree, ...item }): TakenItem[] => {
    const action = actions.get(item.itemId)
    return isFree && action ? [{ ...item, action }] : []
  })
  return { free: taken, held: rows.length - taken.length }
}

/** Notes that of these nothing is here to be ended, so that nobody looks again. */
async function writeOff(tx: Tx, { deps, line, accountId }: Work, effects: readonly Effect[]): Promise<void> {
  if (effects.length === 0) return
  const groups = effects.map(({ erasureId, system, category, action }) => ({
    ...{ erasureId, system, category, action, itemIds: [], rows: 0, remaining: 0, keysDestroyed: 0 },
  }))
  const ids = effects.map(({ erasureId }) => erasureId)
  await beginErasures(tx, deps.clock, { accountId, cause: 'REPLAY', lineId: line.id }, groups, ids)
  await finishErasures(tx, deps.clock, accountId, groups)
}
