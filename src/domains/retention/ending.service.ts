import { systemSession } from '../../auth/session.ts'
import type { Tx } from '../../db/database.ts'
import type { DataCategory, ErasureCause, RetentionAction } from '../../generated/prisma/enums.ts'
import { newId } from '../../time/id.ts'
import { lockAccount } from '../accounts/account-guards.ts'
import type { AuditKind } from '../audit/audit.rules.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { beginErasures, type FinishedGroup, finishErasures, NotGoneError } from '../inventory/erasure.service.ts'
import type { Counted, EndAction, PersonalDataSystem } from '../personal-data.ts'
import { type EndingProblem, type Group, groupItems } from './ending.rules.ts'
import { takeItems } from './ending-claims.ts'
import { EndingFault, withKeys, withLedger } from './ending-faults.ts'
import type { EndItem, EndRequest, TakenItem } from './ending-items.ts'
import { destroyKeys, type KeyPlan, planKeys, resealKept } from './ending-keys.ts'
import { noteDrift } from './retention-drift.ts'

export type { EndItem, EndRequest, TakenItem } from './ending-items.ts'

/** What was ended: items, rows that were changed or deleted, living keys that were destroyed. */
export type EndResult = { readonly items: number; readonly rows: number; readonly keysDestroyed: number }

/** What whoever holds the account's lock may say beyond the request. */
export type EndOptions = {
  /** Whether the persons' keys of these categories must go, whatever is kept under them. Default: as actions say. */
  readonly keysGo?: boolean
  /** Whether a system is asked item by item, so that the rows of each are known. Default: together. */
  readonly itemByItem?: boolean
  /** Told when the line is on disk. */
  readonly onAnnounced?: () => void
  /** The id under which a line of the ledger outside has announced a group already. Default: it is announced now. */
  readonly announcedAs?: (group: Pick<EndItem, 'system' | 'category' | 'action'>) => string
}

/** What came of one item, where it was asked for. */
export type EndedPiece = Counted & { readonly itemId: string }

/**
 * Ends items in the open transaction of the worker, whose account is named: takes the account's lock, leaves out what
 * is ended already or covered by a hold (a replay does again what no hold was in the way of then, and asks for none),
 * writes the ledger of the database, seals anew what stays, announces the effect in the ledger outside, lets the systems
 * end it, counts again, destroys keys, ends the items, and writes drift and audit. All of it commits, or nothing. The
 * caller tells the ledger outside how it went (`done`, `aborted`) after the transaction.
 * Effects: as above. @throws EndingFault, NotGoneError: nothing may be committed
 * @see GDPR Art. 5(1)(e), 17; NIST SP 800-88r2, 4.6
 */
export async function endInTransaction(
  tx: Tx,
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  request: EndRequest,
): Promise<EndResult> {
  await lockAccount(tx, request.accountId)
  deps.failpoint('locked')
  const items = await takeItems(tx, request)
  deps.failpoint('claimed')
  const { pieces: _, ...result } = await endTaken(tx, deps, systems, { ...request, items })
  return result
}

/** The same without lock and check: the caller holds the lock, and has found these items living and not held. */
export async function endTaken(
  tx: Tx,
  deps: Deps,
  systems: readonly PersonalDataSystem[],
  request: EndRequest & { readonly items: readonly TakenItem[] },
  options: EndOptions = {},
): Promise<EndResult & { readonly pieces: readonly EndedPiece[] }> {
  const { accountId, cause, lineId, items } = request
  if (items.length === 0) return { items: 0, rows: 0, keysDestroyed: 0, pieces: [] }
  const groups = groupItems(items).map((group) => effectOf(systems, group))
  const why = { accountId, cause, lineId }
  const ids = await beginErasures(tx, deps.clock, why, groups, options.announcedAs && groups.map(options.announcedAs))
  deps.failpoint('begun')
  const keys = await planKeys(tx, accountId, items, options.keysGo ?? false)
  await withKeys(() => resealKept(tx, deps, systems, accountId, keys.kept))
  deps.failpoint('resealed')
  if (!options.announcedAs) await announce(deps, request, groups, ids, options.keysGo ?? false)
  options.onAnnounced?.()
  deps.failpoint('announced')
  const counted: GroupCount[] = []
  for (const group of groups) {
    counted.push(await endGroup(tx, deps, accountId, group, options.itemByItem ?? false))
    deps.failpoint('ended')
  }
  await withKeys(() => destroyKeys(tx, deps, accountId, keys))
  deps.failpoint('keys-destroyed')
  const finished = finishedOf(groups, ids, counted, keys)
  await finishErasures(tx, deps.clock, accountId, finished)
  deps.failpoint('finished')
  if (cause === 'RETENTION') await noteDrift(tx, deps.clock, accountId, items)
  deps.failpoint('drift-noted')
  await audit(tx, deps, request, ids)
  deps.failpoint('audited')
  const sum = (key: 'rows' | 'keysDestroyed') => finished.reduce((total, group) => total + group[key], 0)
  return {
    items: items.length,
    rows: sum('rows'),
    keysDestroyed: sum('keysDestroyed'),
    pieces: counted.flatMap(({ pieces }) => pieces),
  }
}

type Effect = Group<TakenItem> & {
  readonly action: EndAction
  readonly itemIds: readonly string[]
  readonly of: PersonalDataSystem
}

/** Whether an item of this rule is ended by itself, and not with its partition. */
const isEndAction = (action: RetentionAction): action is EndAction => action !== 'DROP_PARTITION'

/** Why nobody can end an item by itself; null where somebody can. */
export function unendable(
  systems: readonly PersonalDataSystem[],
  { system, category, action }: Pick<EndItem, 'system' | 'category' | 'action'>,
): EndingProblem | null {
  const of = systems.find(({ key }) => key === system)
  if (!of) return 'ERASURE.NO_SUCH_SYSTEM'
  if (!of.categories.includes(category)) return 'ERASURE.NO_SUCH_PLACE'
  return isEndAction(action) ? null : 'ERASURE.NOT_BY_ITEM'
}

/** @throws EndingFault when nobody can end these items one by one */
function effectOf(systems: readonly PersonalDataSystem[], group: Group<TakenItem>): Effect {
  const problem = unendable(systems, group)
  if (problem !== null) throw new EndingFault(problem)
  const of = systems.find(({ key }) => key === group.system)
  if (!of || !isEndAction(group.action)) throw new EndingFault('ERASURE.NOT_BY_ITEM')
  return { ...group, action: group.action, of, itemIds: group.items.map(({ itemId }) => itemId) }
}

function announce(
  deps: Deps,
  { accountId, lineId }: EndRequest,
  groups: readonly Effect[],
  ids: readonly string[],
  keysGo: boolean,
): Promise<void> {
  const effects = groups.map(({ system, category, action, itemIds }, at) => ({
    ...{ erasureId: ids[at] ?? '', accountId, system, category, action, itemIds },
    ...(keysGo ? { keysGo } : {}),
  }))
  return withLedger(() => deps.ledger.intend(lineId, deps.clock.now(), effects))
}

type GroupCount = { readonly rows: number; readonly pieces: readonly EndedPiece[] }

/** Lets the system end a group, together or item by item. @throws NotGoneError when something is still there */
async function endGroup(
  tx: Tx,
  deps: Deps,
  accountId: string,
  { of, action, items }: Effect,
  itemByItem: boolean,
): Promise<GroupCount> {
  const all = items.map(({ itemId, subjectId, category, locator }) => ({ itemId, subjectId, category, locator }))
  let rows = 0
  const pieces: EndedPiece[] = []
  for (const some of itemByItem ? all.map((piece) => [piece]) : [all]) {
    const counted = await of.end(tx, deps, accountId, action, some)
    if (counted.remaining !== 0) throw new NotGoneError()
    rows += counted.rows
    if (itemByItem) pieces.push(...some.map(({ itemId }) => ({ itemId, ...counted })))
  }
  return { rows, pieces }
}

function finishedOf(
  groups: readonly Effect[],
  ids: readonly string[],
  counted: readonly GroupCount[],
  keys: KeyPlan,
): readonly FinishedGroup[] {
  const keysLeft = new Map<DataCategory, number>(keys.living)
  return groups.map(({ action, system, category, itemIds }, at) => {
    const rows = counted[at]?.rows ?? 0
    // Keys belong to a category; the first of its groups names them.
    const keysDestroyed = keysLeft.get(category) ?? 0
    keysLeft.delete(category)
    return { action, system, category, itemIds, erasureId: ids[at] ?? '', rows, remaining: 0, keysDestroyed }
  })
}

const AUDIT_KIND: Readonly<Record<ErasureCause, AuditKind>> = {
  RETENTION: 'retention.ended',
  CALLER: 'retention.erased',
  REQUEST: 'retention.erased',
  REPLAY: 'retention.replayed',
}

async function audit(tx: Tx, deps: Deps, request: EndRequest, ids: readonly string[]): Promise<void> {
  const { accountId, cause, requestId, items } = request
  const about = new Set(items.map(({ subjectId }) => subjectId))
  const [subjectId = null] = cause !== 'RETENTION' && about.size === 1 ? about : []
  await recordAudit(
    tx,
    deps.clock,
    { caller: systemSession(accountId), requestId },
    { accountId, kind: AUDIT_KIND[cause], subjectId, recordType: 'Erasure', recordIds: ids, count: items.length },
  )
}

/** A line of the ledger outside that belongs to one transaction. */
export type Line = { readonly id: string; announced: boolean }

/**
 * Opens the worker's transaction for an account and tells the ledger outside how it went: done after the commit, aborted
 * after a rollback. Where the commit itself fails nobody knows, and the line stays open: a replay looks.
 */
export async function withLine<T>(deps: Deps, accountId: string, run: (tx: Tx, line: Line) => Promise<T>): Promise<T> {
  const line = { id: newId(deps.clock), announced: false, committing: false }
  let result: T
  try {
    result = await deps.db.worker(async (tx) => {
      const ran = await run(tx, line)
      line.committing = true
      return ran
    }, accountId)
  } catch (error) {
    // A line that stays open because this fails too is looked at by a replay.
    if (line.announced && !line.committing) await deps.ledger.aborted(line.id, deps.clock.now()).catch(() => undefined)
    throw error
  }
  if (!line.announced) return result
  deps.failpoint('committed')
  await withLedger(() => deps.ledger.done(line.id, deps.clock.now()))
  return result
}
