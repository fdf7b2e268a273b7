import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unwrapSecret, wrapSecret } from '../../src/crypto/epoch-gate.ts'
import { DecryptionError, KeyDestroyedError } from '../../src/crypto/errors.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { type KeyOwner, Keyring } from '../../src/crypto/keyring.ts'
import type { Tx } from '../../src/db/database.ts'
import { clock, type KeyWorld, now, openKeyWorld, rowsOf, sealFor } from './key-world.ts'

let world: KeyWorld
beforeAll(async () => {
  world = await openKeyWorld()
})
afterAll(() => world.close())

const open = async (owner: KeyOwner, sealed: Uint8Array, keys = world.keys) =>
  keys.open(await rowsOf(world, owner), owner, 'note', sealed)

test('what was sealed under an owner key opens with the row that the statement returned', async () => {
  const owner = await world.newOwner()
  const sealed = await sealFor(world, owner, 'Ada')
  expect(await open(owner, sealed)).toBe('Ada')
  expect(await open(owner, sealed, new Keyring(world.provider, clock))).toBe('Ada')
  const rows = await rowsOf(world, owner)
  expect(rows.map(({ version, epoch }) => ({ version, epoch }))).toEqual([
    { version: 1, epoch: await world.provider.currentEpoch() },
  ])
})

test('one owner has one key, and other categories, persons and the account have others', async () => {
  const owner = await world.newOwner()
  const owners: KeyOwner[] = [
    owner,
    await world.newOwner(),
    { ...owner, category: 'USAGE' },
    { ...owner, subjectId: null, category: 'CONSENT' },
  ]
  const exported = new Set<string>()
  for (const each of [...owners, ...owners]) {
    const { key } = await world.write(async (tx) => world.keys.keyForWriting(tx, each).then((k) => ({ key: k.key })))
    exported.add(key.export().toString('hex'))
  }
  expect(exported.size).toBe(4)
})

test('transactions that ask for a first key at once get the same key', async () => {
  for (const subject of ['person', 'account'] as const) {
    const owner: KeyOwner = { ...(await world.newOwner()), category: 'PAYMENT' }
    const asked = subject === 'person' ? owner : { ...owner, subjectId: null }
    const sealed = await Promise.all(Array.from({ length: 8 }, (_, at) => sealFor(world, asked, `text ${at}`)))
    const rows = await rowsOf(world, asked)
    expect(rows.length).toBe(1)
    for (const [at, value] of sealed.entries()) expect(await open(asked, value)).toBe(`text ${at}`)
  }
})

test('a key made in a transaction that rolls back is gone, and the next one makes another', async () => {
  const owner = await world.newOwner()
  await expect(
    world.write(async (tx) => {
      await world.keys.keyForWriting(tx, owner)
      throw new Error('refused')
    }),
  ).rejects.toThrow('refused')
  expect(await rowsOf(world, owner)).toEqual([])
  expect(await open(owner, await sealFor(world, owner, 'later'))).toBe('later')
})

test('a value does not open as another field, person or account', async () => {
  const [owner, other] = [await world.newOwner(), await world.newOwner()]
  const sealed = await sealFor(world, owner, 'Ada')
  await sealFor(world, other, 'Grace')
  const rows = [...(await rowsOf(world, owner)), ...(await rowsOf(world, other))]
  expect(await world.keys.open(rows, owner, 'note', sealed)).toBe('Ada')
  await expect(world.keys.open(rows, other, 'note', sealed)).rejects.toBeInstanceOf(DecryptionError)
  await expect(world.keys.open(rows, owner, 'name', sealed)).rejects.toBeInstanceOf(DecryptionError)
  expect(await world.keys.open(rows, { ...owner, category: 'USAGE' }, 'note', sealed)).toBe(null)
})

test('a destroyed key opens nothing, though it was unwrapped a moment ago, and cannot be made anew', async () => {
  const owner = await world.newOwner()
  const sealed = await sealFor(world, owner, 'Ada')
  expect(await open(owner, sealed)).toBe('Ada')
  expect(await world.write((tx) => world.keys.destroy(tx, owner))).toBe(1)
  expect(await open(owner, sealed)).toBe(null)
  await expect(sealFor(world, owner, 'late')).rejects.toMatchObject({ code: 'KEYS.DESTROYED' })
  expect(await world.write((tx) => world.keys.destroy(tx, owner))).toBe(0)
  const stored = await world.read((tx) => tx.dataKey.findMany({ where: { subjectId: owner.subjectId } }))
  expect(stored.map(({ wrapped, destroyedAt }) => ({ wrapped, destroyedAt }))).toEqual([
    { wrapped: null, destroyedAt: now },
  ])
})

test('destroying where no key existed leaves a tombstone that bars a late first write', async () => {
  const owner = await world.newOwner()
  expect(await world.write((tx) => world.keys.destroy(tx, owner))).toBe(0)
  await expect(sealFor(world, owner, 'late')).rejects.toBeInstanceOf(KeyDestroyedError)
  expect((await rowsOf(world, owner)).map(({ wrapped }) => wrapped)).toEqual([null])
})

test('destroying spares the other categories of the same person', async () => {
  const owner = await world.newOwner()
  const kept: KeyOwner = { ...owner, category: 'PAYMENT' }
  const [gone, stays] = [await sealFor(world, owner, 'gone'), await sealFor(world, kept, 'stays')]
  await world.write((tx) => world.keys.destroy(tx, owner))
  expect([await open(owner, gone), await open(kept, stays)]).toEqual([null, 'stays'])
})

test('a first write and a destruction at once never leave a living key behind', async () => {
  let tried = 0
  for (; tried < 15; tried++) {
    const owner = await world.newOwner()
    const written = sealFor(world, owner, 'text').catch((error: unknown) => error)
    const [destroyed, sealed] = await Promise.all([world.write((tx) => world.keys.destroy(tx, owner)), written])
    expect((await rowsOf(world, owner)).map(({ wrapped }) => wrapped)).toEqual([null])
    if (destroyed === 0) expect(sealed).toBeInstanceOf(KeyDestroyedError)
    else expect(await open(owner, sealed as Uint8Array)).toBe(null)
  }
  expect(tried).toBe(15)
})

test('the cache saves the unwrapping and never the question whether the key lives', async () => {
  let unwrapped = 0
  const counting: KeyProvider = {
    currentEpoch: () => world.provider.currentEpoch(),
    wrap: (key) => world.provider.wrap(key),
    unwrap: (epoch, wrapped) => {
      unwrapped++
      return world.provider.unwrap(epoch, wrapped)
    },
    createEpoch: (at) => world.provider.createEpoch(at),
    destroyEpoch: (epoch) => world.provider.destroyEpoch(epoch),
    mac: (purpose, parts) => world.provider.mac(purpose, parts),
  }
  const keys = new Keyring(counting, clock)
  const owner = await world.newOwner()
  const sealed = await sealFor(world, owner, 'Ada')
  const rows = await rowsOf(world, owner)
  for (let read = 0; read < 50; read++) expect(await keys.open(rows, owner, 'note', sealed)).toBe('Ada')
  expect(unwrapped).toBe(1)
  expect(await keys.open([], owner, 'note', sealed)).toBe(null)
  expect(
    await keys.open(
      rows.map((row) => ({ ...row, wrapped: null })),
      owner,
      'note',
      sealed,
    ),
  ).toBe(null)
  expect(
    await keys.open(
      rows.map((row) => ({ ...row, version: 2 })),
      owner,
      'note',
      sealed,
    ),
  ).toBe(null)
  expect(unwrapped).toBe(1)
})

/** The handle with every statement on data keys and every raw one counted. */
function counted(tx: Tx, onStatement: () => void): Tx {
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name)
        if (name === 'dataKey') return wrap(value as object)
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          onStatement()
          return value.apply(object, given)
        }
      },
    })
  return wrap(tx)
}

test('asking for a key costs three statements the first time and one from then on', async () => {
  const owner = await world.newOwner()
  const statements = [0, 0, 0]
  for (const round of statements.keys())
    await world.write(async (tx) => {
      await world.keys.keyForWriting(
        counted(tx, () => {
          statements[round] = (statements[round] ?? 0) + 1
        }),
        owner,
      )
    })
  expect(statements).toEqual([3, 1, 1])
})

test('the private half of a signing key survives wrapping, up to RSA sizes', async () => {
  const pairs = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('rsa', { modulusLength: 4096 }),
  ]
  for (const { privateKey } of pairs) {
    const secret = privateKey.export({ type: 'pkcs8', format: 'der' })
    const stored = await world.db.auth((tx) => wrapSecret(tx, world.provider, secret))
    expect(Buffer.from(await unwrapSecret(world.provider, stored)).equals(secret)).toBe(true)
  }
  expect(pairs.length).toBe(3)
})
