import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { Keyring } from '../../src/crypto/keyring.ts'
import { isRotationDue } from '../../src/crypto/rotation.ts'
import { Database, type Tx } from '../../src/db/database.ts'
import {
  clock,
  countOpening,
  epochRows,
  epochsInFile,
  fill,
  inUse,
  type KeyWorld,
  openKeyWorld,
  type Sealed,
} from './key-world.ts'

const later = new Date('2026-12-24T00:00:00.000Z')

let world: KeyWorld
beforeAll(async () => {
  world = await openKeyWorld()
})
afterAll(() => world.close())

/** A database whose n-th transaction of the worker is cut off, before it begins or after it has committed. */
class CutOffDatabase extends Database {
  #left = Number.POSITIVE_INFINITY
  #when: 'before' | 'after' = 'before'

  cutAt(n: number, when: 'before' | 'after') {
    this.#left = n
    this.#when = when
  }

  override async worker<T>(fn: (tx: Tx) => Promise<T>, accountId?: string): Promise<T> {
    const cut = --this.#left === 0
    if (cut && this.#when === 'before') throw new Error('killed')
    const result = await super.worker(fn, accountId)
    if (cut) throw new Error('killed')
    return result
  }
}

/** A provider whose n-th call that matters to a rotation is cut off, before or after its effect. */
function cutOffProvider(provider: KeyProvider, n: number, when: 'before' | 'after'): KeyProvider {
  let left = n
  const cutting = <A extends unknown[], T>(fn: (...given: A) => Promise<T>) => {
    return async (...given: A) => {
      const cut = --left === 0
      if (cut && when === 'before') throw new Error('killed')
      const result = await fn(...given)
      if (cut) throw new Error('killed')
      return result
    }
  }
  return {
    currentEpoch: cutting(() => provider.currentEpoch()),
    wrap: cutting((key: Uint8Array) => provider.wrap(key)),
    unwrap: cutting((epoch: string, wrapped: Uint8Array) => provider.unwrap(epoch, wrapped)),
    createEpoch: cutting((at: Date) => provider.createEpoch(at)),
    destroyEpoch: cutting((epoch: string) => provider.destroyEpoch(epoch)),
    mac: (purpose, parts) => provider.mac(purpose, parts),
  }
}

/** Cuts a rotation off at one point, then runs it again. Gives whether there was such a point. */
async function cutAndResume(part: 'database' | 'provider', n: number, when: 'before' | 'after', sealed: Sealed) {
  const [before] = await epochsInFile(world)
  const db = new CutOffDatabase(world.backend)
  if (part === 'database') db.cutAt(n, when)
  const provider = part === 'provider' ? cutOffProvider(world.provider, n, when) : world.provider
  const run = new Keyring(provider, clock).rotateEpoch({ db, now: later, batchCount: 3 })
  const outcome = await run.then(
    () => 'done',
    (error: Error) => error.message,
  )
  if (outcome === 'done') return false
  expect(outcome).toBe('killed')
  expect(await countOpening(world, sealed)).toBe(9)
  const left = await epochsInFile(world)
  await world.keys.ensureEpochRow(world.db, later)
  if (await isRotationDue(world.db, later)) await world.keys.rotateEpoch({ db: world.db, now: later })
  const epochs = await epochsInFile(world)
  expect(await countOpening(world, sealed)).toBe(9)
  expect(await inUse(world)).toEqual({ [epochs[0] ?? '']: 9 })
  expect(epochs).toEqual([left.length > 1 || left[0] !== before ? left.at(-1) : epochs[0]])
  const living = (await epochRows(world)).filter(({ destroyedAt }) => destroyedAt === null)
  expect(living.map(({ id }) => id)).toEqual(epochs)
  return true
}

test('a rotation cut off at any point goes on at the next run, makes no second epoch and loses nothing', async () => {
  const sealed = await fill(world)
  const tried = { database: 0, provider: 0 }
  for (const part of ['database', 'provider'] as const)
    for (const when of ['before', 'after'] as const)
      for (let n = 1; await cutAndResume(part, n, when, sealed); n++) tried[part]++
  expect(tried).toEqual({ database: 28, provider: 58 })
})
