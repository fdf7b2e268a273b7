import { type KeyObject, randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Clock } from '../time/clock.ts'
import { KeyFileError } from './errors.ts'
import { createKeyFile, type KeyFileContent, keyFileExists, readKeyFile, rewriteKeyFile } from './key-file.ts'
import { KEY_BYTES, KeyMaterial, keyFromBase64 } from './key-material.ts'
import type { KeyProvider, MacPurpose } from './key-provider.ts'

/** Where the key file lies and whether it may be made. */
export type LocalKeyProviderOptions = {
  readonly path: string
  readonly clock: Clock
  /** False when the database holds keys already: a missing file is then an error, not a first start. */
  readonly mayCreate: boolean
}

/** A new epoch: its name sorts by time of making and is never used again. */
function newEpoch(at: Date) {
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '')
  return {
    id: `${stamp}-${randomBytes(4).toString('hex')}`,
    createdAt: at.toISOString(),
    key: randomBytes(KEY_BYTES).toString('base64'),
  }
}

function materialOf(path: string, content: KeyFileContent): KeyMaterial {
  const index = keyFromBase64(content.index)
  const epochs = new Map<string, KeyObject>()
  for (const { id, key } of content.epochs) {
    const secret = keyFromBase64(key)
    if (secret) epochs.set(id, secret)
  }
  if (!index || epochs.size !== content.epochs.length)
    throw new KeyFileError('KEYS.FILE_INVALID', `The key file ${path} is damaged. Restore it from your copy.`)
  return new KeyMaterial(index, epochs)
}

/** Keys in a file of this machine, readable by its owner alone. Several processes may use the same file. */
export class LocalKeyProvider implements KeyProvider {
  readonly #path: string
  #keys: KeyMaterial
  #stamp: string

  private constructor(path: string, keys: KeyMaterial, stamp: string) {
    this.#path = path
    this.#keys = keys
    this.#stamp = stamp
  }

  /** Whether there is a key file at `path`. */
  static exists(path: string): Promise<boolean> {
    return keyFileExists(path)
  }

  /**
   * Opens the key file (mode 0600, in a folder made with mode 0700), and makes it first when there is none and it may
   * be made; of several processes that do so at once, one makes it and all use the same.
   * @throws KeyFileError KEYS.FILE_MISSING when there is none and it must not be made; KEYS.FILE_INVALID when it is
   * damaged or others can read it. No message shows content.
   */
  static async open({ path, clock, mayCreate }: LocalKeyProviderOptions): Promise<LocalKeyProvider> {
    if (!(await LocalKeyProvider.exists(path))) {
      if (!mayCreate)
        throw new KeyFileError(
          'KEYS.FILE_MISSING',
          `The key file ${path} is missing, and the database holds data that only it can open. ` +
            'Restore it from your copy; a new one could not open anything.',
        )
      const index = randomBytes(KEY_BYTES).toString('base64')
      await createKeyFile(path, { format: 1, index, epochs: [newEpoch(clock.now())] })
    }
    const { content, stamp } = await readKeyFile(path)
    return new LocalKeyProvider(path, materialOf(path, content), stamp)
  }

  async currentEpoch() {
    await this.#refresh()
    return this.#keys.current
  }

  async wrap(key: Uint8Array) {
    await this.#refresh()
    return this.#keys.wrap(key)
  }

  async unwrap(epoch: string, wrapped: Uint8Array) {
    if (!this.#keys.holds(epoch)) await this.#refresh()
    return this.#keys.unwrap(epoch, wrapped)
  }

  async createEpoch(at: Date): Promise<string> {
    const epoch = newEpoch(at)
    await rewriteKeyFile(this.#path, (content) => ({ ...content, epochs: [...content.epochs, epoch] }))
    await this.#refresh()
    return epoch.id
  }

  async destroyEpoch(epoch: string): Promise<void> {
    await rewriteKeyFile(this.#path, (content) => {
      if (content.epochs.at(-1)?.id === epoch)
        throw new Error(`epoch ${epoch} is the current one: make a new one first`)
      const epochs = content.epochs.filter(({ id }) => id !== epoch)
      return epochs.length === content.epochs.length ? content : { ...content, epochs }
    })
    await this.#refresh()
  }

  async mac(purpose: MacPurpose, parts: readonly string[]) {
    return this.#keys.mac(purpose, parts)
  }

  /** Reads the file again when another process has changed it. */
  async #refresh(): Promise<void> {
    const { ino, mtimeNs, size } = await stat(this.#path, { bigint: true }).catch(() => {
      throw new KeyFileError('KEYS.FILE_MISSING', `The key file ${this.#path} is missing. Restore it from your copy.`)
    })
    if (`${ino} ${mtimeNs} ${size}` === this.#stamp) return
    const { content, stamp } = await readKeyFile(this.#path)
    this.#keys = materialOf(this.#path, content)
    this.#stamp = stamp
  }
}
