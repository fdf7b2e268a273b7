import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { KeyProvider } from './key-provider.ts'

/** Keeps the most recently used data keys unwrapped, in memory. Knows nothing of whether a key still lives. */
export class UnwrapCache {
  readonly #provider: KeyProvider
  readonly #countMax: number
  readonly #keys = new Map<string, Promise<KeyObject>>()

  /** @param countMax how many keys are kept; the least recently used goes first. */
  constructor(provider: KeyProvider, countMax: number) {
    this.#provider = provider
    this.#countMax = countMax
  }

  /** How many keys are kept now. */
  get size(): number {
    return this.#keys.size
  }

  /** The key that these wrapped bytes hold. A failure is not remembered. */
  async unwrap(epoch: string, wrapped: Uint8Array): Promise<KeyObject> {
    const name = `${epoch} ${hash('sha256', wrapped, 'base64')}`
    const known = this.#keys.get(name)
    const key = known ?? this.#ask(epoch, wrapped)
    this.#keys.delete(name)
    this.#keys.set(name, key)
    if (!known) {
      for (const oldest of this.#keys.keys()) {
        if (this.#keys.size <= this.#countMax) break
        this.#keys.delete(oldest)
      }
      key.catch(() => {
        if (this.#keys.get(name) === key) this.#keys.delete(name)
      })
    }
    return key
  }

  async #ask(epoch: string, wrapped: Uint8Array): Promise<KeyObject> {
    const secret = await this.#provider.unwrap(epoch, wrapped)
    const key = createSecretKey(secret)
    secret.fill(0)
    return key
  }
}
