import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { EnvKeyProvider } from '../../src/crypto/env-key-provider.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { Keyring } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { isRotationDue, type RotationProgress } from '../../src/crypto/rotation.ts'
import type { Tx } from '../../src/db/database.ts'
import {
  clock,
  countOpening,
  epochRows,
  epochsInFile,
  fill,
  inUse,
  type KeyWorld,
  now,
  openKeyWorld,
  rowsOf,
  sealFor,
} from './key-world.ts'

const later = new Date('2026-12-24T00:00:00.000Z')

let world: KeyWorld
beforeEach(async () => {
  world = await openKeyWorld()
})
afterEach(() => world.close())

const isSomeoneWaiting = async (tx: Tx) => {
  const [row] = await tx.$queryRaw<{ waiting: boolean }[]>`
    select exists (select from pg_locks where locktype = 'advisory' and not granted) as waiting`
  return row?.waiting === true
}

test('a rotation moves every living key to a new epoch, destroys the old one and loses nothing', async () => {
  const sealed = await fill(world)
  const old = await world.provider.currentEpoch()
  const steps: RotationProgress[] = []
  const options = { db: world.db, now: later, batchCount: 3, onProgress: (step: RotationProgress) => steps.push(step) }
  const result = await world.keys.rotateEpoch(options)
  const epoch = await world.provider.currentEpoch()
  expect(epoch).not.toBe(old)
  expect(result).toEqual({ epoch, rewrapped: 9, destroyed: [old], awaitingRemoval: [] })
  expect(await inUse(world)).toEqual({ [epoch]: 9 })
  expect(await epochsInFile(world)).toEqual([epoch])
  expect(await epochRows(world)).toEqual([
    { id: old, createdAt: now, rotateAt: new Date('2026-12-23T18:00:00.000Z'), destroyedAt: later },
    { id: epoch, createdAt: later, rotateAt: new Date('2027-01-23T00:00:00.000Z'), destroyedAt: null },
  ])
  expect(await countOpening(world, sealed)).toBe(9)
  expect(steps.map(({ step, rewrapped, total }) => `${step} ${rewrapped}/${total}`)).toEqual([
    'CREATE 0/0',
    'REWRAP 5/9',
    'REWRAP 8/9',
    'REWRAP 9/9',
    'REWRAP 9/9',
    'REWRAP 9/9',
    'DESTROY 9/9',
  ])
})

test('a wrapped key copied before the rotation opens nothing after it', async () => {
  const [first] = await fill(world)
  if (!first) throw new Error('nothing was sealed')
  const [owner, text] = first
  const copied = await rowsOf(world, owner)
  await world.keys.rotateEpoch({ db: world.db, now: later })
  const keys = new Keyring(world.provider, clock)
  await expect(keys.open(copied, owner, 'note', text)).rejects.toMatchObject({ code: 'KEYS.EPOCH_UNKNOWN' })
})

test('a rotation is due when the date of the epoch has come, or an older one is left', async () => {
  await fill(world)
  expect(await isRotationDue(world.db, now)).toBe(false)
  expect(await isRotationDue(world.db, new Date('2026-12-23T17:59:59.999Z'))).toBe(false)
  expect(await isRotationDue(world.db, new Date('2026-12-23T18:00:00.000Z'))).toBe(true)
  await world.provider.createEpoch(later)
  await world.keys.ensureEpochRow(world.db, now)
  expect(await isRotationDue(world.db, now)).toBe(true)
  await world.keys.rotateEpoch({ db: world.db, now })
  expect(await isRotationDue(world.db, now)).toBe(false)
})

test('recording the epoch again keeps its dates', async () => {
  const epoch = await world.keys.ensureEpochRow(world.db, now)
  expect(await world.keys.ensureEpochRow(world.db, later)).toBe(epoch)
  expect((await epochRows(world)).map(({ id, createdAt }) => ({ id, createdAt }))).toEqual([
    { id: epoch, createdAt: now },
  ])
})

test('an epoch is not destroyed while a living key that cannot be re-wrapped still names it', async () => {
  await fill(world)
  const old = await world.provider.currentEpoch()
  await world.db.auth((tx) =>
    tx.signingKey.update({ where: { kid: 'one' }, data: { privateCipher: new Uint8Array(61).fill(1) } }),
  )
  await expect(world.keys.rotateEpoch({ db: world.db, now: later })).rejects.toMatchObject({
    code: 'KEYS.DECRYPTION_FAILED',
  })
  expect(await epochsInFile(world)).toContain(old)
  expect((await epochRows(world)).every(({ destroyedAt }) => destroyedAt === null)).toBe(true)
})

test('two processes that rotate at once lose nothing', async () => {
  const sealed = await fill(world)
  const second = await LocalKeyProvider.open({ path: world.path, clock, mayCreate: false })
  await Promise.all([
    world.keys.rotateEpoch({ db: world.db, now: later, batchCount: 2 }),
    new Keyring(second, clock).rotateEpoch({ db: world.db, now: later, batchCount: 2 }),
  ])
  await world.keys.rotateEpoch({ db: world.db, now: later })
  expect(await countOpening(world, sealed)).toBe(9)
  expect((await epochsInFile(world)).length).toBe(1)
})

test('keys that are first made while rotations run stay readable', async () => {
  const sealed = await fill(world)
  let rotating = true
  const rotations = (async () => {
    for (let round = 0; round < 5; round++) await world.keys.rotateEpoch({ db: world.db, now: later })
    rotating = false
  })()
  const other = await LocalKeyProvider.open({ path: world.path, clock, mayCreate: false })
  const keys = new Keyring(other, clock)
  while (rotating) {
    const owner = await world.newOwner()
    const text = await sealFor(world, owner, 'Ada', keys)
    sealed.push([owner, text])
  }
  await rotations
  expect(sealed.length).toBeGreaterThan(7)
  expect(await countOpening(world, sealed)).toBe(sealed.length + 2)
})

test('a rotation waits for a key that was wrapped and not yet committed', async ({ skip }) => {
  if (world.db.kind === 'pglite') skip('one connection: no two transactions are ever open at once')
  const sealed = await fill(world)
  const owner = await world.newOwner()
  const wrapped = Promise.withResolvers<void>()
  const commit = Promise.withResolvers<void>()
  const writing = world.write(async (tx) => {
    const key = await world.keys.keyForWriting(tx, owner)
    wrapped.resolve()
    await commit.promise
    return world.keys.seal(key, 'note', 'Ada')
  })
  await wrapped.promise
  const rotation = world.keys.rotateEpoch({ db: world.db, now: later })
  await vi.waitUntil(() => world.db.worker(isSomeoneWaiting), { timeout: 10_000 })
  expect((await epochsInFile(world)).length).toBe(2)
  commit.resolve()
  sealed.push([owner, await writing])
  expect(await rotation).toMatchObject({ rewrapped: 10 })
  expect(await countOpening(world, sealed)).toBe(10)
})

test('keys from a variable rotate in three steps of the operator', async () => {
  const base64 = (byte: number) => Buffer.alloc(32, byte).toString('base64')
  const [index, one, two] = [`index=${base64(1)}`, `one=${base64(2)}`, `two=${base64(3)}`]
  const rotate = (provider: KeyProvider) => new Keyring(provider, clock).rotateEpoch({ db: world.db, now: later })
  const first = new EnvKeyProvider([index, one].join())
  const sealed = await fill(world, first)
  await expect(rotate(first)).rejects.toMatchObject({ code: 'KEYS.READ_ONLY' })
  const both = new EnvKeyProvider([index, one, two].join())
  const waiting = { epoch: 'two', rewrapped: 9, destroyed: [], awaitingRemoval: ['one'] }
  expect(await rotate(both)).toEqual(waiting)
  expect(await rotate(both)).toEqual({ ...waiting, rewrapped: 0 })
  const last = new EnvKeyProvider([index, two].join())
  expect(await rotate(last)).toEqual({ epoch: 'two', rewrapped: 0, destroyed: ['one'], awaitingRemoval: [] })
  expect(await countOpening(world, sealed, last)).toBe(9)
})
