import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyProvider } from '../crypto/key-provider.ts'
import type { ErasureLedger, LedgerEffect } from './erasure-ledger.ts'
import { hashOf, type LedgerEntry, signingKeyOf, writeLine } from './ledger-line.ts'

/** What the names of the files end in. */
export const LEDGER_SUFFIX = '.ledger'

/** The key pair of the ledger: made of the provider's own secret, so that it is in no database and no backup of one. */
export async function ledgerKey(keyProvider: KeyProvider) {
  return signingKeyOf(await keyProvider.mac('ledger', ['ed25519']))
}

type Waiting = { readonly entry: LedgerEntry; readonly synced: boolean; resolve(): void; reject(error: unknown): void }

/**
 * The ledger as files in a folder: each process adds to one of its own, made when it first has something to say. Lines
 * are chained and signed. Those that come while others are being written are written together.
 */
export class FileLedger implements ErasureLedger {
  readonly #dir: string
  readonly #keyProvider: KeyProvider
  #file: Promise<OpenFile> | undefined
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  /** @param dir made when it is missing, open to its owner alone. */
  constructor(dir: string, keyProvider: KeyProvider) {
    this.#dir = dir
    this.#keyProvider = keyProvider
  }

  intend(lineId: string, at: Date, effects: readonly LedgerEffect[]): Promise<void> {
    const plain = effects.map((effect) => ({ ...effect, itemIds: [...effect.itemIds] }))
    return this.#add({ kind: 'INTENT', id: lineId, at: at.toISOString(), effects: plain }, true)
  }

  done(lineId: string, at: Date): Promise<void> {
    return this.#add({ kind: 'DONE', id: lineId, at: at.toISOString() }, false)
  }

  aborted(lineId: string, at: Date): Promise<void> {
    return this.#add({ kind: 'ABORTED', id: lineId, at: at.toISOString() }, false)
  }

  /** Writes what waits, makes sure of it, and closes the file. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing
    const file = await this.#file?.catch(() => undefined)
    this.#file = undefined
    await file?.close()
  }

  #add(entry: LedgerEntry, synced: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ entry, synced, resolve, reject })
    this.#writing ??= this.#write()
    return promise
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        this.#file ??= openFile(this.#dir, this.#keyProvider, batch[0]?.entry.at ?? '')
        const file = await this.#file
        await file.append(
          batch.map(({ entry }) => entry),
          batch.some(({ synced }) => synced),
        )
        for (const { resolve } of batch) resolve()
      } catch (error) {
        // What a failed write left behind is unknown: the next line goes to a new file.
        const file = this.#file
        this.#file = undefined
        await file?.then((broken) => broken.close()).catch(() => {})
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same step in which nothing waited: whoever comes next begins anew.
    this.#writing = undefined
  }
}

/** A file that is being written. */
class OpenFile {
  readonly #handle: FileHandle
  readonly #key: Awaited<ReturnType<typeof ledgerKey>>
  #lines = 0
  #prev = ''

  constructor(handle: FileHandle, key: Awaited<ReturnType<typeof ledgerKey>>) {
    this.#handle = handle
    this.#key = key
  }

  async append(entries: readonly LedgerEntry[], synced: boolean): Promise<void> {
    let text = ''
    for (const entry of entries) {
      this.#lines += 1
      const line = writeLine({ n: this.#lines, prev: this.#prev, ...entry }, this.#key.privateKey)
      this.#prev = hashOf(line)
      text += `${line}\n`
    }
    await this.#handle.writeFile(text)
    if (synced) await this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#handle.datasync().finally(() => this.#handle.close())
  }
}

async function openFile(dir: string, keyProvider: KeyProvider, at: string): Promise<OpenFile> {
  const key = await ledgerKey(keyProvider)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const id = randomUUID()
  const handle = await open(join(dir, `${id}${LEDGER_SUFFIX}`), 'ax', 0o600)
  const file = new OpenFile(handle, key)
  await file.append([{ kind: 'FILE', version: 1, id, at }], true)
  const folder = await open(dir, 'r')
  await folder.sync().finally(() => folder.close())
  return file
}
