import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unwrapSecret, wrapSecret } from '../../src/crypto/epoch-gate.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { type KeyOwner, Keyring, liveKeySelect } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { epochsInUse } from '../../src/crypto/rotation.ts'
import type { Backend } from '../../src/db/backend.ts'
import type { Caller } from '../../src/db/caller.ts'
import { Database, type Tx } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { newId } from '../../src/time/id.ts'

/** The frozen instant of these tests. */
export const now = new Date('2026-11-23T18:00:00.000Z')
export const clock = { now: () => now }

/** A database with one account, and a key file of its own. */
export async function openKeyWorld() {
  const backend: Backend = await openPglite({ dataDir: 'memory' })
  const folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  const path = join(folder, 'keys.json')
  const provider = await LocalKeyProvider.open({ path, clock, mayCreate: true })
  const accountId = newId(clock)
  const caller: Caller = {
    principal: 'SYSTEM',
    callerId: null,
    accountId,
    subjectId: null,
    processorId: null,
    reach: 'ACCOUNT',
    scopes: new Set(),
  }
  const db = new Database(backend)
  const write = <T>(fn: (tx: Tx) => Promise<T>) => db.write({ caller, requestId: 'test' }, fn)
  const nameCipher = new Uint8Array(1)
  await write((tx) =>
    tx.account.create({ data: { id: accountId, nameCipher, country: 'DE', region: 'eu-1', createdAt: now } }),
  )
  return {
    db,
    backend,
    path,
    provider,
    keys: new Keyring(provider, clock),
    accountId,
    write,
    read: <T>(fn: (tx: Tx) => Promise<T>) => db.read(caller, fn),
    /** A new person's category of data, without a key yet. */
    newOwner: async (): Promise<KeyOwner> => {
      const subjectId = newId(clock)
      const data = { accountId, id: subjectId, kind: 'END_USER', createdAt: now, updatedAt: now } as const
      await write((tx) => tx.subject.create({ data }))
      return { accountId, subjectId, category: 'ACCOUNT' }
    },
    close: async () => {
      await backend.close()
      await rm(folder, { recursive: true })
    },
  }
}

export type KeyWorld = Awaited<ReturnType<typeof openKeyWorld>>

/** The owner's keys as a statement sees them now, tombstones too. */
export const rowsOf = (world: KeyWorld, { accountId, subjectId, category }: KeyOwner) =>
  world.read((tx) => tx.dataKey.findMany({ where: { accountId, subjectId, category }, select: liveKeySelect }))

/** Seals a text under the owner's key, in a transaction of its own. */
export const sealFor = (world: KeyWorld, owner: KeyOwner, text: string, keys = world.keys) =>
  world.write(async (tx) => keys.seal(await keys.keyForWriting(tx, owner), 'note', text))

/** What every living key of the world can be checked against: texts with their owners. */
export type Sealed = [owner: KeyOwner, text: Uint8Array][]

const secret = Uint8Array.of(1, 2, 3, 4)

/** Seven sealed texts of seven persons, two signing keys and a destroyed key, all under the provider's epoch. */
export async function fill(world: KeyWorld, provider: KeyProvider = world.provider): Promise<Sealed> {
  const keys = new Keyring(provider, clock)
  await keys.ensureEpochRow(world.db, now)
  const sealed: Sealed = []
  for (let at = 0; at < 7; at++) {
    const owner = await world.newOwner()
    sealed.push([owner, await sealFor(world, owner, 'Ada', keys)])
  }
  const gone = await world.newOwner()
  await world.write((tx) => keys.keyForWriting(tx, gone).then(() => keys.destroy(tx, gone)))
  for (const kid of ['one', 'two'])
    await world.db.auth(async (tx) => {
      const { epoch, wrapped } = await wrapSecret(tx, provider, secret)
      const key = { kid, algorithm: 'ES256', publicJwk: {}, privateCipher: wrapped, epoch, createdAt: now }
      await tx.signingKey.create({ data: key })
    })
  return sealed
}

/** How many of the texts and signing keys open now, with nothing cached. */
export async function countOpening(world: KeyWorld, sealed: Sealed, provider: KeyProvider = world.provider) {
  const keys = new Keyring(provider, clock)
  let opened = 0
  for (const [owner, text] of sealed)
    if ((await keys.open(await rowsOf(world, owner), owner, 'note', text)) === 'Ada') opened++
  for (const { epoch, privateCipher } of await world.db.auth((tx) => tx.signingKey.findMany()))
    if (privateCipher && (await unwrapSecret(provider, { epoch, wrapped: privateCipher })).length === 4) opened++
  return opened
}

/** How many living keys name each epoch. */
export const inUse = async (world: KeyWorld) => Object.fromEntries(await world.db.worker(epochsInUse))

/** What is recorded of the epochs, oldest first. */
export const epochRows = (world: KeyWorld) =>
  world.db.worker((tx) => tx.keyEpoch.findMany({ orderBy: { createdAt: 'asc' } }))

/** The epochs that the key file holds. */
export async function epochsInFile(world: KeyWorld): Promise<string[]> {
  const content: { epochs: { id: string }[] } = JSON.parse(await readFile(world.path, 'utf8'))
  return content.epochs.map(({ id }) => id)
}
