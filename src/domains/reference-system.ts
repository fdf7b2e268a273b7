import type { Tx } from '../db/database.ts'
import type { ExportedRecord, Outcome, Person, PersonalDataSystem } from './personal-data.ts'

/** A system whose tables name persons by their ids and hold nothing else of them. */
export type References = {
  readonly key: string
  readonly name: string
  /** With their schema. */
  readonly tables: readonly string[]
  /** Why its rows stay when a person is erased: a closed word. */
  readonly exception: string
  count(tx: Tx, person: Person): Promise<number>
}

/**
 * The system of such tables. There is nothing in it to locate, to export or to correct, and its rows stay when a person
 * is erased: the id then leads nowhere.
 */
export function referenceSystem({ key, name, tables, exception, count }: References): PersonalDataSystem {
  const retain = async (tx: Tx, person: Person): Promise<Outcome> => {
    const rows = await count(tx, person)
    return rows === 0 ? { outcome: 'NOT_FOUND' } : { outcome: 'RETAINED', rows, exception }
  }
  return {
    key,
    name,
    kind: 'DATABASE',
    categories: [],
    tables: tables.map((table) => ({ name: table, holds: 'REFERENCES' })),
    locate: async () => [],
    locatePage: async () => [],
    export: noRecords,
    correct: async () => ({ outcome: 'NOT_FOUND' }),
    anonymise: (tx, _deps, person) => retain(tx, person),
    erase: (tx, _deps, person) => retain(tx, person),
    shred: (tx, _deps, person) => retain(tx, person),
    count,
  }
}

/** An export of nothing. */
export async function* noRecords(): AsyncGenerator<ExportedRecord> {
  yield* []
}

/** What came of an effect on a person's rows: counted after it, and NOT_FOUND where there was nothing to do. */
export function outcomeOf(outcome: 'ERASED' | 'ANONYMISED' | 'SHREDDED', rows: number, remaining: number): Outcome {
  return rows === 0 && remaining === 0 ? { outcome: 'NOT_FOUND' } : { outcome, rows, remaining }
}
