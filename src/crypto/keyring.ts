import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Database, Tx } from '../db/database.ts'
import type { DataKey } from '../generated/prisma/client.ts'
import type { DataCategory } from '../generated/prisma/enums.ts'
import type { Clock } from '../time/clock.ts'
import { newId } from '../time/id.ts'
import { openField, sealField, versionOf } from './envelope.ts'
import { enterEpoch } from './epoch-gate.ts'
import { KeyDestroyedError } from './errors.ts'
import { KEY_BYTES } from './key-material.ts'
import type { KeyProvider } from './key-provider.ts'
import { destroyItemKeys, destroySharedKeys, itemKeyRow, type KeyRow, nextVersion } from './key-rows.ts'
import { ensureEpochRow, type RotationOptions, type RotationResult, rotateEpoch } from './rotation.ts'
import { UnwrapCache } from './unwrap-cache.ts'

/** Whose key it is: one person's (or the account's own, where `subjectId` is null), for one category of data. */
export type KeyOwner = {
  readonly accountId: string
  readonly subjectId: string | null
  readonly category: DataCategory
}

/** Whose keys, within an account. */
export type OwnerInAccount = Omit<KeyOwner, 'accountId'>

/** An open data key. Use it inside the transaction that got it, and keep it nowhere. */
export type FieldKey = KeyOwner & { readonly version: number; readonly key: KeyObject }

/** What a statement must select of a data key, so that a value of the same statement can be opened with it. */
export type LiveKeyRow = Pick<DataKey, 'accountId' | 'subjectId' | 'category' | 'version' | 'epoch' | 'wrapped'>

/** The columns of `LiveKeyRow`, for `select`. */
export const liveKeySelect = {
  accountId: true,
  subjectId: true,
  category: true,
  version: true,
  epoch: true,
  wrapped: true,
} as const

export type KeyringOptions = {
  /** How many unwrapped data keys stay in memory. Default 10,000. */
  readonly cacheCountMax?: number
}

/**
 * Data keys: one per person and category of data, and one of its own for an item that must outlive that, wrapped by the
 * provider's current epoch. Personal data is written only under them, and destroying a key erases what was written under
 * it, in every copy.
 * @see NIST SP 800-88r2, cryptographic erase
 */
export class Keyring {
  readonly #provider: KeyProvider
  readonly #clock: Clock
  readonly #cache: UnwrapCache

  constructor(provider: KeyProvider, clock: Clock, options: KeyringOptions = {}) {
    this.#provider = provider
    this.#clock = clock
    this.#cache = new UnwrapCache(provider, options.cacheCountMax ?? 10_000)
  }

  /**
   * The owner's newest living key, or its first one; never the key of an item. Two transactions that ask at once get the same key: the later one
   * waits for the earlier. Effects: may add a row to `keys.data_key`.
   * @throws KeyDestroyedError KEYS.DESTROYED when the owner's key was destroyed: a late write cannot make it anew.
   */
  async keyForWriting(tx: Tx, owner: KeyOwner): Promise<FieldKey> {
    const known = await this.#newest(tx, owner)
    if (known) return this.#fieldKey(owner, known)
    await enterEpoch(tx)
    const secret = randomBytes(KEY_BYTES)
    const wrapped = await this.#provider.wrap(secret)
    const row = { ...this.#newRow(owner), ...wrapped, version: 1, destroyedAt: null }
    const { count } = await tx.dataKey.createMany({ data: [row], skipDuplicates: true })
    if (count === 1) {
      const key = createSecretKey(secret)
      secret.fill(0)
      return { ...ownerOf(owner), version: 1, key }
    }
    const earlier = await this.#newest(tx, owner)
    if (!earlier) throw new KeyDestroyedError()
    return this.#fieldKey(owner, earlier)
  }

  /**
   * A key that seals this item alone, so that its data outlives the owner's shared key, and ends without it. An item has
   * one such key ever; who asks again gets the same. Values under it are opened like any other: they name its version.
   * Effects: may add a row to `keys.data_key`.
   * @throws KeyDestroyedError KEYS.DESTROYED when the item's key was destroyed, or is another owner's
   */
  async keyForItem(tx: Tx, owner: KeyOwner, itemId: string): Promise<FieldKey> {
    const known = await itemKeyRow(tx, owner, itemId)
    if (known) return this.#fieldKey(owner, known)
    await enterEpoch(tx)
    const secret = randomBytes(KEY_BYTES)
    const wrapped = await this.#provider.wrap(secret)
    for (;;) {
      const row = {
        ...this.#newRow(owner),
        ...wrapped,
        itemId,
        destroyedAt: null,
        version: await nextVersion(tx, owner),
      }
      const { count } = await tx.dataKey.createMany({ data: [row], skipDuplicates: true })
      if (count === 1) {
        const key = createSecretKey(secret)
        secret.fill(0)
        return { ...ownerOf(owner), version: row.version, key }
      }
      // Another transaction took the version for another item, or made this item's key.
      const earlier = await itemKeyRow(tx, owner, itemId)
      if (earlier) return this.#fieldKey(owner, earlier)
    }
  }

  /** Seals a text under the key, for one field of the key's owner. @see sealField */
  seal(key: FieldKey, field: string, plaintext: string): Uint8Array<ArrayBuffer> {
    const { accountId, subjectId, version } = key
    return sealField(key.key, { accountId, subjectId, field, version }, plaintext)
  }

  /**
   * Opens a sealed value, only with a key that `rows` shows as living; `rows` must come from the statement that read
   * the value (or one after it in the same transaction), never from an earlier one.
   * @returns null when the key was destroyed.
   * @throws DecryptionError when the value was altered or belongs to another owner or field.
   * @throws UnknownEpochError when the row names an epoch that the provider does not hold; a read that a rotation
   * overtook succeeds when repeated.
   */
  async open(rows: readonly LiveKeyRow[], owner: KeyOwner, field: string, sealed: Uint8Array): Promise<string | null> {
    const version = versionOf(sealed)
    const row = rows.find((candidate) => candidate.version === version && isOwnedBy(candidate, owner))
    if (!row?.wrapped) return null
    const key = await this.#cache.unwrap(row.epoch, row.wrapped)
    return openField(key, { accountId: owner.accountId, subjectId: owner.subjectId, field, version }, sealed)
  }

  /**
   * Destroys the owner's shared keys, and bars new ones: a tombstone stays, also where no key existed yet. What was sealed
   * under them can be opened no more once this commits; the copies of the wrapped key that logs and backups hold lose
   * their worth when the epoch ends. Keys of items stay.
   * @returns how many living keys were destroyed; 0 when repeated.
   */
  destroy(tx: Tx, { accountId, subjectId, category }: KeyOwner): Promise<number> {
    return this.destroyAll(tx, accountId, [{ subjectId, category }])
  }

  /** The same for any number of owners of an account, in three statements at most. */
  async destroyAll(tx: Tx, accountId: string, owners: readonly OwnerInAccount[]): Promise<number> {
    if (owners.length === 0) return 0
    const nextId = () => newId(this.#clock)
    const epoch = await this.#provider.currentEpoch()
    return destroySharedKeys(tx, { accountId, owners, nextId, epoch, at: this.#clock.now() })
  }

  /** Destroys the keys that items of an account have of their own. One statement. @returns how many; 0 when repeated */
  async destroyOfItems(tx: Tx, accountId: string, itemIds: readonly string[]): Promise<number> {
    return itemIds.length === 0 ? 0 : destroyItemKeys(tx, accountId, itemIds, this.#clock.now())
  }

  /** Makes a new epoch, moves every living key to it, and destroys the old ones. @see rotateEpoch in rotation.ts */
  rotateEpoch(options: RotationOptions): Promise<RotationResult> {
    return rotateEpoch(this.#provider, options)
  }

  /**
   * Records the provider's current epoch, to be rotated after `periodDays` (default 30). To be called at every start.
   * @see ensureEpochRow in rotation.ts
   */
  ensureEpochRow(db: Database, now: Date, periodDays?: number): Promise<string> {
    return ensureEpochRow(this.#provider, db, now, periodDays)
  }

  #newRow(owner: KeyOwner) {
    return { ...ownerOf(owner), id: newId(this.#clock), createdAt: this.#clock.now() }
  }

  #newest(tx: Tx, owner: KeyOwner): Promise<KeyRow | null> {
    return tx.dataKey.findFirst({
      where: { ...ownerOf(owner), itemId: null, wrapped: { not: null } },
      orderBy: { version: 'desc' },
      select: { version: true, epoch: true, wrapped: true },
    })
  }

  async #fieldKey(owner: KeyOwner, row: KeyRow): Promise<FieldKey> {
    if (!row.wrapped) throw new KeyDestroyedError()
    return { ...ownerOf(owner), version: row.version, key: await this.#cache.unwrap(row.epoch, row.wrapped) }
  }
}

/** The owner alone, whatever else the object holds. */
const ownerOf = ({ accountId, subjectId, category }: KeyOwner): KeyOwner => ({ accountId, subjectId, category })

const isOwnedBy = (row: LiveKeyRow, owner: KeyOwner) =>
  row.accountId === owner.accountId && row.subjectId === owner.subjectId && row.category === owner.category
