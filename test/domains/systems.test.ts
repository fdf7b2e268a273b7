import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '../../src/db/database.ts'
import {
  type Counted,
  type EndAction,
  type ExportedRecord,
  NoSuchPlaceError,
  type Outcome,
  type Person,
  type Piece,
} from '../../src/domains/personal-data.ts'
import { DataCategory } from '../../src/generated/prisma/enums.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { keyOf } from '../api/calls.ts'
import { digestTables, type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { fillSystems, piecesOf, placesOf } from './systems-kit.ts'

const personOf = (id: string): Person => {
  const { accountId, id: subjectId } = keyOf(id)
  return { accountId, subjectId }
}

let world: World
let owner: Owner
let person: Person
let stranger: Person
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  person = personOf(world.ids.member)
  stranger = personOf(world.ids.other)
  await fillSystems(world, owner, person)
  await fillSystems(world, owner, stranger)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

class RolledBack extends Error {}

/** Runs `fn` under the worker's login and takes back what it did. */
async function tried<T>(fn: (tx: Tx) => Promise<T>, accountId = person.accountId): Promise<T> {
  let result: { readonly value: T } | undefined
  const done = world.resources.db.worker(async (tx) => {
    result = { value: await fn(tx) }
    throw new RolledBack()
  }, accountId)
  await expect(done).rejects.toBeInstanceOf(RolledBack)
  if (!result) throw new Error('nothing was tried')
  return result.value
}

async function all(records: AsyncIterable<ExportedRecord>): Promise<ExportedRecord[]> {
  const found: ExportedRecord[] = []
  for await (const record of records) found.push(record)
  return found
}

type Expected = {
  /** Rows that name the person. */
  readonly count: number
  readonly places: readonly string[]
  /** Records of an export, by category; none of others. */
  readonly exported: Readonly<Partial<Record<DataCategory, readonly string[]>>>
  readonly corrects: boolean
  /** Rows that ending all places of a category changes or deletes, whatever the action; no other has places. */
  readonly ended: Readonly<Partial<Record<DataCategory, number>>>
  /** Rows of copies that jobs hold, and that go with that. */
  readonly copies: Readonly<Partial<Record<DataCategory, number>>>
  readonly exception: string | null
}

const NOT_FOUND: Outcome = { outcome: 'NOT_FOUND' }
const NOTHING: Counted = { rows: 0, remaining: 0 }
const ACTIONS: readonly EndAction[] = ['DELETE', 'ANONYMISE', 'SHRED']
const CATEGORIES = Object.values(DataCategory)

const references = (count: number, exception: string | null): Expected => ({
  count,
  places: [],
  exported: {},
  corrects: false,
  ended: {},
  copies: {},
  exception,
})

/** What `fillSystems` put there, counted by hand. */
const EXPECTED: Readonly<Record<string, Expected>> = {
  accounts: {
    count: 3,
    places: ['identity_link ACCOUNT 1', 'subject ACCOUNT 1'],
    exported: { ACCOUNT: ['subject', 'identity_link', 'invitation'] },
    corrects: true,
    ended: { ACCOUNT: 3 },
    // With the person's own row go idempotency keys: 1 job, 2 pieces, 1 key.
    copies: { ACCOUNT: 4 },
    exception: null,
  },
  usage: {
    count: 4,
    places: [
      'usage_event/2024-02 USAGE 1',
      'usage_event/2026-02 USAGE 1',
      'usage_event/2026-03 SECURITY 1',
      'usage_event/2026-03 USAGE 1',
    ],
    exported: { USAGE: ['usage_event', 'usage_event', 'usage_event'], SECURITY: ['usage_event'] },
    corrects: false,
    ended: { USAGE: 3, SECURITY: 1 },
    copies: { USAGE: 3, SECURITY: 3 },
    exception: null,
  },
  audit: { ...references(2, 'AUDIT_TRAIL'), exported: { SECURITY: ['audit_event', 'audit_event'] } },
  events: references(2, 'EVENT_LOG'),
  jobs: references(4, null),
  // Items of the row, the sign-in and four months with their categories; one recipient.
  inventory: references(7, 'ACCOUNTABILITY'),
  holds: references(1, 'LEGAL_CLAIMS'),
  processing: references(1, 'RECONCILIATION_RECORD'),
  webhooks: references(1, 'DELIVERY_LOG'),
  keys: references(1, 'KEY_RECORD'),
}

/** A place that no system has. */
const NOWHERE: Omit<Piece, 'subjectId'> = {
  itemId: '0199aa00-0000-7000-8000-000000000001',
  category: 'CONSENT',
  locator: 'nowhere',
}

describe.each(SYSTEMS.map((system) => [system.key, system] as const))('the system %s', (key, system) => {
  const expected = EXPECTED[key] as Expected

  test('locates what it holds of the person, and counts all that names it', async () => {
    const found = await tried(async (tx) => [await system.locate(tx, person), await system.count(tx, person)] as const)
    expect([placesOf(found[0]), found[1]]).toEqual([expected.places, expected.count])
    expect(found[0].every(({ subjectId }) => subjectId === person.subjectId)).toBe(true)
  })

  test('exports the records of each category and no others', async () => {
    for (const category of CATEGORIES) {
      const records = await tried((tx) => all(system.export(tx, world.resources, person, category)))
      expect(records.map(({ record }) => record)).toEqual(expected.exported[category] ?? [])
      expect(records.every((each) => each.category === category)).toBe(true)
    }
  })

  test('corrects what can be corrected, reads it back, and has nothing to do the second time', async () => {
    const change = {
      name: 'Bruno Berg',
      email: 'berg@aster.example',
      reference: 'b-1',
      country: 'AT',
      subdivision: null,
    }
    const outcomes = await tried(async (tx) => [
      await system.correct(tx, world.resources, person, change),
      await system.correct(tx, world.resources, person, change),
    ])
    const corrected = (rows: number): Outcome => ({ outcome: 'CORRECTED', rows, remaining: 0 })
    expect(outcomes).toEqual(expected.corrects ? [corrected(1), corrected(0)] : [NOT_FOUND, NOT_FOUND])
  })

  test.each(ACTIONS)(
    'ends its places by %s once, reads them back, and leaves nobody else with less',
    async (action) => {
      const end = (tx: Tx, pieces: readonly Piece[]) =>
        system.end(tx, world.resources, person.accountId, action, pieces)
      for (const category of CATEGORIES) {
        const seen = await tried(async (tx) => {
          const pieces = await piecesOf(tx, system, person, category)
          if (pieces.length === 0) return null
          const copies = await jobRows(tx)
          const [first, again] = [await end(tx, pieces), await end(tx, pieces)]
          const located = (await system.locate(tx, person)).filter((place) => place.category === category)
          return { first, again, located, copies: copies - (await jobRows(tx)), others: await countOthers(tx) }
        })
        const rows = expected.ended[category]
        expect([category, seen]).toEqual([
          category,
          rows === undefined
            ? null
            : {
                first: { rows, remaining: 0 },
                again: NOTHING,
                located: [],
                copies: expected.copies[category],
                others: await tried(countOthers),
              },
        ])
      }
    },
  )

  test('refuses to end what it does not hold, and says why rows stay', async () => {
    for (const subjectId of [person.subjectId, null]) {
      const piece = { ...NOWHERE, subjectId }
      for (const action of ACTIONS)
        await expect(
          world.resources.db.worker(
            (tx) => system.end(tx, world.resources, person.accountId, action, [piece]),
            person.accountId,
          ),
        ).rejects.toBeInstanceOf(NoSuchPlaceError)
    }
    expect(system.exception).toBe(expected.exception)
  })

  test('has lost nothing of all this when its transactions failed at the end', async () => {
    const before = await digestTables(owner)
    for (const action of ACTIONS)
      await tried(async (tx) => {
        const pieces = await piecesOf(tx, system, person)
        if (pieces.length > 0) await system.end(tx, world.resources, person.accountId, action, pieces)
      })
    expect(await digestTables(owner)).toEqual(before)
  })

  test('finds and ends nothing under an account that the person is not of', async () => {
    const mixed = { accountId: person.accountId, subjectId: stranger.subjectId }
    const before = await digestTables(owner)
    const foreign = await world.resources.db.worker((tx) => piecesOf(tx, system, stranger), stranger.accountId)
    await world.resources.db.worker(async (tx) => {
      expect([await system.locate(tx, mixed), await system.count(tx, mixed)]).toEqual([[], 0])
      for (const category of CATEGORIES)
        expect(await all(system.export(tx, world.resources, mixed, category))).toEqual([])
      for (const action of foreign.length > 0 ? ACTIONS : [])
        expect(await system.end(tx, world.resources, mixed.accountId, action, foreign)).toEqual(NOTHING)
      expect(await system.correct(tx, world.resources, mixed, { name: 'Nobody' })).toEqual(NOT_FOUND)
    }, person.accountId)
    expect(await digestTables(owner)).toEqual(before)
  })
})

/** Rows of the person's jobs and idempotency keys. */
async function jobRows(tx: Tx): Promise<number> {
  return (await SYSTEMS.find(({ key }) => key === 'jobs')?.count(tx, person)) ?? 0
}

/** Rows that name another person of the same account, and what the worker sees of one of another account. */
async function countOthers(tx: Tx): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { key, count } of SYSTEMS)
    counts[key] = (await count(tx, personOf(world.ids.owner))) + (await count(tx, stranger))
  return counts
}
