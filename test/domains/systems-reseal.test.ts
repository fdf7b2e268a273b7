import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Tx } from '../../src/db/database.ts'
import { accountsSystem } from '../../src/domains/accounts/accounts.system.ts'
import { readPerson } from '../../src/domains/accounts/person-export.ts'
import { NoSuchPlaceError, type Person } from '../../src/domains/personal-data.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { newId } from '../../src/time/id.ts'
import { codeOf, fresh, keyOf, perform } from '../api/calls.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { piecesOf } from './systems-kit.ts'

let world: World
let statements: Statements
beforeAll(async () => {
  world = await openWorld()
  statements = watchStatements()
})
afterEach(() => statements.reset())
afterAll(async () => {
  statements.stop()
  await world.close()
})

const run = <T>({ accountId }: Person, fn: (tx: Tx) => Promise<T>) => world.resources.db.worker(fn, accountId)

async function newPerson(more: object = {}): Promise<Person & { readonly id: string }> {
  const made = await perform(world, 'subject', 'createSubject', { reference: fresh(), ...more })
  const { id } = made['subject'] as { id: string }
  const { accountId, id: subjectId } = keyOf(id)
  return { accountId, subjectId, id }
}

const ownerOf = ({ accountId, subjectId }: Person) => ({ accountId, subjectId, category: 'ACCOUNT' }) as const

/** Seals the person's row anew under a key of its item. @returns rows, and the item */
const reseal = (person: Person) =>
  run(person, async (tx) => {
    const [piece] = await piecesOf(tx, accountsSystem, person)
    if (!piece) throw new Error('the person has no item')
    const key = await world.resources.keys.keyForItem(tx, ownerOf(person), piece.itemId)
    const rows = await accountsSystem.reseal(tx, world.resources, person.accountId, piece, key)
    return { rows, itemId: piece.itemId }
  })

const read = async (person: Person) => {
  const known = await run(person, (tx) => readPerson(tx, world.resources, person))
  return known && [known.name, known.email, known.reference]
}
const destroyShared = (person: Person) => run(person, (tx) => world.resources.keys.destroy(tx, ownerOf(person)))

test('a row that was sealed anew is read without the key of its person, by the API too, and ends with its own', async () => {
  const email = `${fresh()}@mail.example`
  const reference = fresh()
  const person = await newPerson({ name: 'Rosa Sealed', email, reference })
  statements.reset()
  const { rows, itemId } = await reseal(person)
  expect([rows, statements.seen.filter((sql) => /^\s*update .*subject/i.test(sql)).length]).toEqual([1, 1])
  expect(await destroyShared(person)).toBe(1)
  expect(await read(person)).toEqual(['Rosa Sealed', email, reference])
  const query = 'query($id: ID!) { subject(id: $id) { name email reference } }'
  const shown = await world.ask('subject', query, { id: person.id })
  expect(shown.data.subject).toEqual({ name: 'Rosa Sealed', email, reference })
  const update = perform(world, 'subject', 'updateSubject', { subjectId: person.id, name: 'Rosa Late' })
  expect(await codeOf(update)).toBe('SUBJECT.ERASED')
  // It is found as before, so that nobody takes its reference.
  expect(await perform(world, 'subject', 'createSubject', { reference })).toMatchObject({
    code: 'SUBJECT.REFERENCE_TAKEN',
  })
  const gone = await run(person, (tx) => world.resources.keys.destroyOfItems(tx, person.accountId, [itemId]))
  expect([gone, await read(person)]).toEqual([1, [null, null, null]])
})

test('a repeat seals the same anew, also after the key of the person went', async () => {
  const person = await newPerson({ name: 'Rosa Twice' })
  await reseal(person)
  await destroyShared(person)
  expect((await reseal(person)).rows).toBe(1)
  expect((await read(person))?.[0]).toBe('Rosa Twice')
})

test('what can no longer be opened stays as it is', async () => {
  const person = await newPerson({ name: 'Rosa Late' })
  await destroyShared(person)
  expect((await reseal(person)).rows).toBe(0)
  expect((await read(person))?.[0]).toBe(null)
})

test('keys that items get at once are one for each item, of different versions, beside a shared key of that moment', async () => {
  const person = await newPerson()
  const { keys } = world.resources
  const owner = { accountId: person.accountId, subjectId: person.subjectId, category: 'SECURITY' } as const
  const items = Array.from({ length: 5 }, () => newId(world.clock))
  const [shared, ...own] = await Promise.all([
    run(person, (tx) => keys.keyForWriting(tx, owner)),
    ...[...items, ...items].map((item) => run(person, (tx) => keys.keyForItem(tx, owner, item))),
  ])
  const versions = own.map(({ version }) => version)
  expect(versions.slice(5)).toEqual(versions.slice(0, 5))
  expect([shared.version, ...versions.slice(0, 5)].toSorted()).toEqual([1, 2, 3, 4, 5, 6])
  const [gone, again] = await Promise.all([destroyAll(person), destroyAll(person)])
  expect([gone, again].toSorted()).toEqual([0, 1])
  expect(await run(person, (tx) => keys.destroyOfItems(tx, person.accountId, items))).toBe(5)

  function destroyAll(of: Person) {
    return run(of, (tx) => keys.destroyAll(tx, of.accountId, [owner]))
  }
})

test('a sign-in and usage have nothing that is sealed; who holds references alone refuses', async () => {
  const person = await newPerson()
  await run(person, async (tx) => {
    const [piece] = await piecesOf(tx, accountsSystem, person)
    if (!piece) throw new Error('the person has no item')
    const key = await world.resources.keys.keyForItem(tx, ownerOf(person), piece.itemId)
    const answers: Record<string, unknown> = {}
    for (const { key: name, reseal: again } of SYSTEMS) {
      const locator = name === 'usage' ? 'usage_event/2026-03' : 'identity_link'
      answers[name] = await again(tx, world.resources, person.accountId, { ...piece, locator }, key).catch(
        (error: unknown) => (error instanceof NoSuchPlaceError ? 'REFUSED' : error),
      )
    }
    const refused = Object.fromEntries(SYSTEMS.map(({ key: name }) => [name, 'REFUSED']))
    expect(answers).toEqual({ ...refused, accounts: 0, usage: 0 })
  })
})
