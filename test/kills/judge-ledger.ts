import type { LedgerLine } from '../../src/ledger/ledger-line.ts'
import type { Owner } from '../kit/owner.ts'
import type { Fault } from './judge.ts'
import type { Seed } from './seed.ts'

type Tell = (kind: Fault['kind'], what: string) => void

type Erasure = {
  readonly id: string
  readonly line: string | null
  readonly cause: string
  readonly items: number
  readonly finished: boolean
  readonly itemIds: readonly string[]
}

/** The ledger of the database against the lines outside it, the audit and what was counted of delays. */
export async function judgeLedger(
  owner: Owner,
  lines: readonly LedgerLine[],
  { expected }: Seed,
  tell: Tell,
): Promise<void> {
  const erasures = await owner.query<Erasure>(
    `select e.id, e.line_id as line, e.cause::text, e.items, e.finished_at is not null and e.remaining = 0 as finished,
       array(select i.item_id::text from erasure_item i where i.account_id = e.account_id and i.erasure_id = e.id)
         as "itemIds"
     from erasure e`,
  )
  for (const { id, finished, items, itemIds } of erasures)
    if (!finished || items !== itemIds.length) tell('TORN', `the erasure ${id} is not finished`)
  judgeLines(erasures, lines, tell)
  const audited = await owner.query<{ id: string; events: number }>(
    `select r.id, count(*)::int as events from audit_event a, unnest(a.record_ids) as r (id)
     where record_type = 'Erasure' group by 1`,
  )
  const events = new Map(audited.map((row) => [row.id, row.events]))
  for (const { id } of erasures)
    if (events.get(id) !== 1) tell(events.has(id) ? 'DOUBLED' : 'TORN', `the erasure ${id} is not in the audit once`)
  if (events.size > erasures.length) tell('TORN', 'the audit knows erasures that the ledger does not')
  const [drift] = await owner.query<{ timers: number }>(
    `select coalesce(sum(n), 0)::int as timers from retention_drift, unnest(timers) as n`,
  )
  const byTime = expected.filter((item) => item.byTime).length
  const counted = drift?.timers ?? 0
  if (counted !== byTime) tell(counted > byTime ? 'DOUBLED' : 'TORN', `${counted} delays of ${byTime} timers`)
}

/** Every erasure was announced with its items; what is told as done is there, what is told as rolled back is not. */
function judgeLines(erasures: readonly Erasure[], lines: readonly LedgerLine[], tell: Tell): void {
  const committed = new Map(erasures.map((erasure) => [erasure.id, erasure]))
  const announced = new Set<string>()
  const intents = new Map<string, readonly string[]>()
  for (const line of lines) {
    if (line.kind === 'FILE') continue
    if (line.kind === 'INTENT') {
      if (intents.has(line.id)) tell('DOUBLED', `the line ${line.id} is there twice`)
      intents.set(
        line.id,
        line.effects.map(({ erasureId }) => erasureId),
      )
      for (const { erasureId, itemIds } of line.effects) {
        const erasure = committed.get(erasureId)
        if (erasure?.line === line.id && sameSet(itemIds, erasure.itemIds)) announced.add(erasureId)
      }
      continue
    }
    for (const erasureId of intents.get(line.id) ?? [''])
      if (committed.has(erasureId) !== (line.kind === 'DONE')) tell('TORN', `the line ${line.id} says ${line.kind}`)
  }
  for (const { id } of erasures) if (!announced.has(id)) tell('TORN', `the erasure ${id} was not announced as it is`)
}

const sameSet = (a: readonly string[], b: readonly string[]) => a.toSorted().join() === b.toSorted().join()
