import type { Tx } from '../../db/database.ts'
import type { LedgerLine } from '../../ledger/ledger-line.ts'
import type { Deps } from '../deps.ts'
import type { IntentLine } from './replay-line.ts'

/** How many announcements are looked up in one statement. */
const BATCH_LINES = 200

/** Announcements that the database knows nothing of; memory grows with them alone, and not with the ledger. */
export type MissingLines = {
  /** How many are to be replayed. */
  readonly count: number
  /** What became of each, by the id of its line; open ones are not there. */
  readonly ends: ReadonlyMap<string, 'DONE' | 'ABORTED'>
  /** Whether this one is to be replayed. */
  has(line: IntentLine): boolean
}

export type Comparison = {
  readonly known: number
  readonly missing: MissingLines
  readonly unannounced: number | null
}

/**
 * Reads the ledger outside to its end, and finds what the database's own ledger lacks. What was rolled back is not
 * missing. @throws LedgerNotWholeError
 */
export async function compareLedger(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  { lines, since }: { readonly lines: () => AsyncIterable<LedgerLine>; readonly since?: Date },
): Promise<Comparison> {
  const now = clock.now()
  // Counted first: what is in the database by now was announced before.
  const announced = since ? null : await db.worker((tx) => countAnnounced(tx, now))
  const missing = new Map<string, string[]>()
  let [known, found] = [0, 0]
  let batch: IntentLine[] = []
  const look = async () => {
    const there = await db.worker((tx) => findErasures(tx, batch, now))
    found += there.announced
    for (const { id, effects } of batch) {
      const [first] = effects.filter(({ erasureId }) => !there.ids.has(erasureId))
      if (first) missing.set(id, [...(missing.get(id) ?? []), first.erasureId])
    }
    batch = []
  }
  for await (const line of lines()) {
    if (line.kind !== 'INTENT' || (since && new Date(line.at) < since)) continue
    known += 1
    batch.push(line)
    if (batch.length === BATCH_LINES) await look()
  }
  if (batch.length > 0) await look()
  const ends = missing.size === 0 ? new Map() : await readEnds(lines(), missing)
  for (const [id, end] of ends) if (end === 'ABORTED') missing.delete(id)
  return {
    known,
    unannounced: announced === null ? null : Math.max(0, announced - found),
    missing: {
      count: [...missing.values()].reduce((sum, ids) => sum + ids.length, 0),
      ends,
      has: ({ id, effects }) => {
        const ids = missing.get(id)
        return ids !== undefined && effects.some(({ erasureId }) => ids.includes(erasureId))
      },
    },
  }
}

async function readEnds(
  lines: AsyncIterable<LedgerLine>,
  missing: ReadonlyMap<string, unknown>,
): Promise<Map<string, 'DONE' | 'ABORTED'>> {
  const ends = new Map<string, 'DONE' | 'ABORTED'>()
  for await (const { kind, id } of lines) {
    if ((kind === 'DONE' || kind === 'ABORTED') && missing.has(id) && ends.get(id) !== 'DONE') ends.set(id, kind)
  }
  return ends
}

/** How many erasures say that a line announced them. */
async function countAnnounced(tx: Tx, until: Date): Promise<number> {
  const [row] = await tx.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from erasure where line_id is not null and begun_at <= ${until}`
  return row?.count ?? 0
}

/** Which of the announced erasures the database knows, and how many of them it knew at an instant. */
async function findErasures(tx: Tx, lines: readonly IntentLine[], until: Date) {
  const effects = lines.flatMap((line) => line.effects)
  const rows = await tx.$queryRaw<{ id: string; counted: boolean }[]>`
    select e.id, e.begun_at <= ${until} as counted
    from unnest(${effects.map(({ accountId }) => accountId)}::uuid[],
      ${effects.map(({ erasureId }) => erasureId)}::uuid[]) as a (account_id, id)
    join erasure e on e.account_id = a.account_id and e.id = a.id and e.line_id is not null`
  return { ids: new Set(rows.map(({ id }) => id)), announced: rows.filter(({ counted }) => counted).length }
}
