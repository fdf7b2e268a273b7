import type { Tx } from '../db/database.ts'
import { type ExportedRecord, NoSuchPlaceError, type Person, type PersonalDataSystem } from './personal-data.ts'

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
 * The system of such tables. There is nothing in it to locate, to export, to correct or to end, and its rows stay when a
 * person is erased: the id then leads nowhere.
 */
export function referenceSystem({ key, name, tables, exception, count }: References): PersonalDataSystem {
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
    ...nothingToEnd(key),
    exception,
    count,
  }
}

/** An export of nothing. */
export async function* noRecords(): AsyncGenerator<ExportedRecord> {
  yield* []
}

/** How a system refuses to end or reseal what it does not hold. */
export function nothingToEnd(key: string): Pick<PersonalDataSystem, 'end' | 'reseal'> {
  const refuse = () => Promise.reject(new NoSuchPlaceError(key))
  return { end: refuse, reseal: refuse }
}
