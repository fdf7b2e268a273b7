import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '../../src/db/database.ts'
import type { ExportedRecord, Outcome, Person } from '../../src/domains/personal-data.ts'
import { DataCategory } from '../../src/generated/prisma/enums.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { keyOf } from '../api/calls.ts'
import { digestTables, type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { fillSystems, placesOf } from './systems-kit.ts'

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

type Effect = 'anonymise' | 'erase' | 'shred'
type Expected = {
  /** Rows that name the person. */
  readonly count: number
  readonly places: readonly string[]
  /** Records of an export, by category; none of others. */
  readonly exported: Readonly<Partial<Record<DataCategory, readonly string[]>>>
  readonly corrects: boolean
  /** What each effect answers, by category, and what a repeat does; nothing is found of others. */
  readonly effects: Readonly<Record<Effect, Readonly<Partial<Record<DataCategory, readonly [Outcome, Outcome]>>>>>
}

const NOT_FOUND: Outcome = { outcome: 'NOT_FOUND' }
const done = (outcome: 'ERASED' | 'ANONYMISED' | 'SHREDDED', rows: number): readonly [Outcome, Outcome] => [
  { outcome, rows, remaining: 0 },
  NOT_FOUND,
]
const CATEGORIES = Object.values(DataCategory)
const everyCategory = <T>(value: T) => Object.fromEntries(CATEGORIES.map((category) => [category, value]))

function references(count: number, exception: string): Expected {
  const kept: Outcome = { outcome: 'RETAINED', rows: count, exception }
  const effect = everyCategory([kept, kept] as const)
  return {
    count,
    places: [],
    exported: {},
    corrects: false,
    effects: { anonymise: effect, erase: effect, shred: effect },
  }
}

// With the person's account go idempotency keys; copies go with anything. 1 job, 2 pieces, 1 key.
const copies = { ...everyCategory(done('ERASED', 3)), ACCOUNT: done('ERASED', 4) }
const usage = (outcome: 'ERASED' | 'ANONYMISED') => ({ USAGE: done(outcome, 3), SECURITY: done(outcome, 1) })

/** What `fillSystems` put there, counted by hand. */
const EXPECTED: Readonly<Record<string, Expected>> = {
  accounts: {
    count: 3,
    places: ['identity_link ACCOUNT 1', 'subject ACCOUNT 1'],
    exported: { ACCOUNT: ['subject', 'identity_link', 'invitation'] },
    corrects: true,
    effects: {
      anonymise: { ACCOUNT: done('ANONYMISED', 3) },
      erase: { ACCOUNT: done('ERASED', 3) },
      // The three rows and the key.
      shred: { ACCOUNT: done('SHREDDED', 4) },
    },
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
    effects: { anonymise: usage('ANONYMISED'), erase: usage('ERASED'), shred: usage('ERASED') },
  },
  audit: { ...references(2, 'AUDIT_TRAIL'), exported: { SECURITY: ['audit_event', 'audit_event'] } },
  events: references(2, 'EVENT_LOG'),
  jobs: {
    count: 4,
    places: [],
    exported: {},
    corrects: false,
    effects: { anonymise: copies, erase: copies, shred: copies },
  },
  // Items of the row, the sign-in and four months with their categories; one recipient.
  inventory: references(7, 'ACCOUNTABILITY'),
  processing: references(1, 'RECONCILIATION_RECORD'),
  webhooks: references(1, 'DELIVERY_LOG'),
  keys: {
    ...references(1, 'KEY_RECORD'),
    effects: { ...references(1, 'KEY_RECORD').effects, shred: { ACCOUNT: done('SHREDDED', 1) } },
  },
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

  test.each(['anonymise', 'erase', 'shred'] as const)(
    'does "%s" once in each category, reads it back, and leaves nobody else with less',
    async (effect) => {
      for (const category of CATEGORIES) {
        const [first, again, others] = await tried(async (tx) => [
          await system[effect](tx, world.resources, person, category),
          await system[effect](tx, world.resources, person, category),
          await countOthers(tx),
        ])
        const answers = expected.effects[effect][category] ?? [NOT_FOUND, NOT_FOUND]
        expect([category, first, again]).toEqual([category, ...answers])
        expect(others).toEqual(await tried(countOthers))
      }
    },
  )

  test('has lost nothing of all this when its transactions failed at the end', async () => {
    const before = await digestTables(owner)
    await tried(async (tx) => {
      for (const category of CATEGORIES) await system.erase(tx, world.resources, person, category)
      for (const category of CATEGORIES) await system.shred(tx, world.resources, person, category)
    })
    expect(await digestTables(owner)).toEqual(before)
  })

  test('finds nothing under an account that the person is not of', async () => {
    const mixed = { accountId: person.accountId, subjectId: stranger.subjectId }
    const before = await digestTables(owner)
    await world.resources.db.worker(async (tx) => {
      expect([await system.locate(tx, mixed), await system.count(tx, mixed)]).toEqual([[], 0])
      for (const category of CATEGORIES) {
        expect(await all(system.export(tx, world.resources, mixed, category))).toEqual([])
        for (const effect of ['anonymise', 'erase', 'shred'] as const)
          expect(await system[effect](tx, world.resources, mixed, category)).toEqual(NOT_FOUND)
      }
      expect(await system.correct(tx, world.resources, mixed, { name: 'Nobody' })).toEqual(NOT_FOUND)
    }, person.accountId)
    expect(await digestTables(owner)).toEqual(before)
  })
})

/** Rows that name another person of the same account, and what the worker sees of one of another account. */
async function countOthers(tx: Tx): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { key, count } of SYSTEMS)
    counts[key] = (await count(tx, personOf(world.ids.owner))) + (await count(tx, stranger))
  return counts
}
