import { afterAll, beforeAll, expect, test } from 'vitest'
import { KeyDestroyedError } from '../../src/crypto/errors.ts'
import type { KeyOwner } from '../../src/crypto/keyring.ts'
import type { Tx } from '../../src/db/database.ts'
import { newId } from '../../src/time/id.ts'
import { clock, type KeyWorld, now, openKeyWorld, rowsOf, sealFor } from './key-world.ts'

let world: KeyWorld
beforeAll(async () => {
  world = await openKeyWorld()
})
afterAll(() => world.close())

const open = async (owner: KeyOwner, sealed: Uint8Array) =>
  world.keys.open(await rowsOf(world, owner), owner, 'note', sealed)
const newItem = () => newId(clock)
const sealForItem = (owner: KeyOwner, itemId: string, text: string) =>
  world.write(async (tx) => world.keys.seal(await world.keys.keyForItem(tx, owner, itemId), 'note', text))
const destroy = (owner: KeyOwner) => world.write((tx) => world.keys.destroy(tx, owner))
const destroyOf = (...itemIds: string[]) => world.write((tx) => world.keys.destroyOfItems(tx, world.accountId, itemIds))

/** The owner's keys as `version item alive`. */
const keysOf = async ({ accountId, subjectId, category }: KeyOwner) => {
  const rows = await world.read((tx) =>
    tx.dataKey.findMany({ where: { accountId, subjectId, category }, orderBy: { version: 'asc' } }),
  )
  return rows.map(
    ({ version, itemId, wrapped }) => `${version} ${itemId ? 'ITEM' : 'SHARED'} ${wrapped ? 'alive' : 'gone'}`,
  )
}

test.each([
  ['a person', (owner: KeyOwner) => owner],
  ['the account itself', (owner: KeyOwner) => ({ ...owner, subjectId: null, category: 'COMMUNICATION' }) as const],
])('the shared key of %s is destroyed, and what is sealed under the key of an item stays readable', async (_of, as) => {
  const owner = as(await world.newOwner())
  const [item, other] = [newItem(), newItem()]
  const shared = await sealFor(world, owner, 'shared')
  const kept = await sealForItem(owner, item, 'kept')
  const alsoKept = await sealForItem(owner, other, 'also kept')
  expect(await keysOf(owner)).toEqual(['1 SHARED alive', '2 ITEM alive', '3 ITEM alive'])
  expect(await destroy(owner)).toBe(1)
  expect([await open(owner, shared), await open(owner, kept), await open(owner, alsoKept)]).toEqual([
    null,
    'kept',
    'also kept',
  ])
  expect(await destroyOf(item)).toBe(1)
  expect([await open(owner, kept), await open(owner, alsoKept)]).toEqual([null, 'also kept'])
  expect(await destroyOf(item)).toBe(0)
})

test('an item has one key: whoever asks again gets the same', async () => {
  const owner = await world.newOwner()
  const item = newItem()
  const texts = [await sealForItem(owner, item, 'one'), await sealForItem(owner, item, 'two')]
  expect(await keysOf(owner)).toEqual(['2 ITEM alive'])
  expect(await Promise.all(texts.map((text) => open(owner, text)))).toEqual(['one', 'two'])
})

test('writing without an item never takes the key of one', async () => {
  const owner = await world.newOwner()
  const kept = await sealForItem(owner, newItem(), 'kept')
  const shared = await sealFor(world, owner, 'shared')
  expect(await keysOf(owner)).toEqual(['1 SHARED alive', '2 ITEM alive'])
  expect(await destroy(owner)).toBe(1)
  expect([await open(owner, shared), await open(owner, kept)]).toEqual([null, 'kept'])
})

test('a tombstone bars a new shared key, and no key of an item', async () => {
  const [owner, early] = [await world.newOwner(), await world.newOwner()]
  expect(await destroy(owner)).toBe(0)
  const kept = await sealForItem(owner, newItem(), 'kept')
  await expect(sealFor(world, owner, 'late')).rejects.toBeInstanceOf(KeyDestroyedError)
  expect([await keysOf(owner), await open(owner, kept)]).toEqual([['1 SHARED gone', '2 ITEM alive'], 'kept'])
  // Also where the item had its key first.
  await sealForItem(early, newItem(), 'kept')
  await destroy(early)
  await expect(sealFor(world, early, 'late')).rejects.toBeInstanceOf(KeyDestroyedError)
  expect(await keysOf(early)).toEqual(['1 SHARED gone', '2 ITEM alive'])
})

test('the destroyed key of an item is not made anew', async () => {
  const owner = await world.newOwner()
  const item = newItem()
  await sealForItem(owner, item, 'kept')
  await destroyOf(item)
  await expect(sealForItem(owner, item, 'late')).rejects.toMatchObject({ code: 'KEYS.DESTROYED' })
  expect(await keysOf(owner)).toEqual(['2 ITEM gone'])
})

test('items that ask at once get keys of their own, and one that is asked for twice at once gets one', async () => {
  const owner = await world.newOwner()
  await sealFor(world, owner, 'shared')
  const items = Array.from({ length: 6 }, newItem)
  const asked = [...items, ...items]
  const texts = await Promise.all(asked.map((item, at) => sealForItem(owner, item, `text ${at}`)))
  expect(await keysOf(owner)).toEqual([
    '1 SHARED alive',
    ...[2, 3, 4, 5, 6, 7].map((version) => `${version} ITEM alive`),
  ])
  expect(await Promise.all(texts.map((text) => open(owner, text)))).toEqual(asked.map((_, at) => `text ${at}`))
})

test("the key of an item is one owner's: another is refused, and opens nothing", async () => {
  const [owner, other] = [await world.newOwner(), await world.newOwner()]
  const item = newItem()
  const kept = await sealForItem(owner, item, 'kept')
  await sealForItem(other, newItem(), 'other')
  for (const wrong of [other, { ...owner, category: 'USAGE' as const }, { ...owner, subjectId: null }])
    await expect(sealForItem(wrong, item, 'late')).rejects.toBeInstanceOf(KeyDestroyedError)
  expect(await open({ ...owner, category: 'USAGE' }, kept)).toBe(null)
  await expect(open(other, kept)).rejects.toThrow()
  const elsewhere = world.write((tx) => world.keys.destroyOfItems(tx, newId(clock), [item]))
  expect([await elsewhere, await open(owner, kept)]).toEqual([0, 'kept'])
})

test('keys of many owners are destroyed at once, each with its tombstone, and no others', async () => {
  const owners = [await world.newOwner(), await world.newOwner(), await world.newOwner()]
  const [first, second, third] = owners as [KeyOwner, KeyOwner, KeyOwner]
  const own: KeyOwner = { ...first, subjectId: null, category: 'CONSENT' }
  const spared: KeyOwner = { ...first, category: 'PAYMENT' }
  const texts = [await sealFor(world, first, 'a'), await sealFor(world, own, 'b'), await sealFor(world, spared, 'c')]
  const kept = await sealForItem(second, newItem(), 'kept')
  const untouched = await sealFor(world, third, 'd')
  const gone = [first, second, own, first].map(({ subjectId, category }) => ({ subjectId, category }))
  const all = () => world.write((tx) => world.keys.destroyAll(tx, world.accountId, gone))
  expect(await all()).toBe(2)
  expect(await all()).toBe(0)
  expect(await open(first, texts[0] as Uint8Array)).toBe(null)
  expect(await open(own, texts[1] as Uint8Array)).toBe(null)
  expect(await open(spared, texts[2] as Uint8Array)).toBe('c')
  expect(await open(second, kept)).toBe('kept')
  expect(await open(third, untouched)).toBe('d')
  for (const owner of [first, second, own])
    await expect(sealFor(world, owner, 'late')).rejects.toBeInstanceOf(KeyDestroyedError)
  const stored = await world.read((tx) =>
    tx.dataKey.findMany({ where: { subjectId: first.subjectId, category: 'ACCOUNT' } }),
  )
  expect(stored.map(({ destroyedAt }) => destroyedAt)).toEqual([now])
  expect(await world.write((tx) => world.keys.destroyAll(tx, world.accountId, []))).toBe(0)
})

test('destroying takes as many statements for a hundred owners and items as for one', async () => {
  const counts: number[] = []
  for (const size of [1, 100]) {
    const subjects = await Promise.all(Array.from({ length: size }, () => world.newOwner()))
    let statements = 0
    const counting = (tx: Tx): Tx =>
      new Proxy(tx, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          return (...given: unknown[]) => {
            statements += 1
            return value.apply(target, given)
          }
        },
      })
    await world.write((tx) => world.keys.destroyAll(counting(tx), world.accountId, subjects))
    await world.write((tx) => world.keys.destroyOfItems(counting(tx), world.accountId, subjects.map(newItem)))
    counts.push(statements)
  }
  expect(counts).toEqual([4, 4])
})

test('a rotation re-wraps keys of items too', async () => {
  const owner = await world.newOwner()
  const kept = await sealForItem(owner, newItem(), 'kept')
  await world.keys.ensureEpochRow(world.db, now)
  const { epoch } = await world.keys.rotateEpoch({ db: world.db, now })
  const rows = await rowsOf(world, owner)
  expect(rows.map((row) => row.epoch)).toEqual([epoch])
  expect(await open(owner, kept)).toBe('kept')
})
