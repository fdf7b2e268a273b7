import type { KeyObject } from 'node:crypto'
import { KeysAreReadOnlyError, KeyVariableError } from './errors.ts'
import { isEpochName, KeyMaterial, keyFromBase64 } from './key-material.ts'
import type { KeyProvider, MacPurpose } from './key-provider.ts'

const FORM = 'PRIVACY_KEYS must read index=BASE64,EPOCH=BASE64[,EPOCH=BASE64...], each key 32 bytes in base64'

/** Reads the variable. Its errors name the place of a fault and never the text, which may be a key. */
function parseKeys(text: string): KeyMaterial {
  const epochs = new Map<string, KeyObject>()
  let index: KeyObject | null = null
  for (const [at, entry] of text.split(',').entries()) {
    const [name = '', ...rest] = entry.trim().split('=')
    const key = keyFromBase64(rest.join('='))
    if (!key) throw new KeyVariableError(`${FORM}: entry ${at + 1} holds no such key`)
    if (name === 'index' && index === null) index = key
    else if (isEpochName(name) && !epochs.has(name)) epochs.set(name, key)
    else throw new KeyVariableError(`${FORM}: entry ${at + 1} has a name that is malformed or given twice`)
  }
  if (!index) throw new KeyVariableError(`${FORM}: the entry named index is missing`)
  if (epochs.size === 0) throw new KeyVariableError(`${FORM}: there is no epoch`)
  return new KeyMaterial(index, epochs)
}

/**
 * Keys from a variable, for machines whose secrets come from outside. The last epoch is the current one. Only the
 * operator can change epochs.
 */
export class EnvKeyProvider implements KeyProvider {
  readonly #keys: KeyMaterial

  /**
   * @param text the variable's text: `index=BASE64,EPOCH=BASE64[,EPOCH=BASE64...]`.
   * @throws KeyVariableError when it has another form; the message shows no content.
   */
  constructor(text: string) {
    this.#keys = parseKeys(text)
  }

  async currentEpoch() {
    return this.#keys.current
  }

  async wrap(key: Uint8Array) {
    return this.#keys.wrap(key)
  }

  async unwrap(epoch: string, wrapped: Uint8Array) {
    return this.#keys.unwrap(epoch, wrapped)
  }

  /** @throws KeysAreReadOnlyError always: the message tells what to do instead. */
  async createEpoch(_at: Date): Promise<string> {
    throw new KeysAreReadOnlyError(
      'The keys come from PRIVACY_KEYS. To rotate: append a new epoch (NAME=BASE64 of 32 random bytes) to the ' +
        'variable, restart every process, and run `npm run keys:rotate`.',
    )
  }

  /** @throws KeysAreReadOnlyError while the variable still names the epoch: the message tells what to do. */
  async destroyEpoch(epoch: string): Promise<void> {
    if (!this.#keys.holds(epoch)) return
    throw new KeysAreReadOnlyError(
      `The keys come from PRIVACY_KEYS. Nothing living needs epoch ${epoch} any more: remove it from the variable ` +
        'and from every copy, restart every process, and run `npm run keys:rotate` again.',
    )
  }

  async mac(purpose: MacPurpose, parts: readonly string[]) {
    return this.#keys.mac(purpose, parts)
  }
}
