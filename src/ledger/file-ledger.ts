import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyProvider } from '../crypto/key-provider.ts'
import type { ErasureLedger, LedgerEffect } from './erasure-ledger.ts'
import { hashOf, type LedgerEntry, type LedgerLine, nameOfKey, signingKeyOf, writeLine } from './ledger-line.ts'
import { LEDGER_SUFFIX, readLedger } from './read-ledger.ts'

/** The key pair of the ledger: made of the provider's own secret, so that it is in no database and no backup of one. */
export async function ledgerKey(keyProvider: KeyProvider) {
  return signingKeyOf(await keyProvider.mac('ledger', ['ed25519']))
}

type Waiting = { readonly entry: LedgerEntry; resolve(): void; reject(error: unknown): void }

/**
 * The ledger as files in a folder: each process adds to one of its own, made when it first has something to say. Lines
 * are chained and signed. Those that come while others are being written are written together.
 */
export class FileLedger implements ErasureLedger {
  readonly #dir: string
  readonly #keyProvider: KeyProvider
  #file: Promise<OpenFile> | undefined
  #waiting: Waiting[] = []
  #refused: LedgerEntry[] = []
  #writing: Promise<void> | undefined

  /** @param dir made when it is missing, open to its owner alone. */
  constructor(dir: string, keyProvider: KeyProvider) {
    this.#dir = dir
    this.#keyProvider = keyProvider
  }

  intend(lineId: string, at: Date, effects: readonly LedgerEffect[]): Promise<void> {
    const plain = effects.map(({ keysGo, ...effect }) => ({
      ...effect,
      itemIds: [...effect.itemIds],
      ...(keysGo ? { keysGo } : {}),
    }))
    return this.#add({ kind: 'INTENT', id: lineId, at: at.toISOString(), effects: plain })
  }

  done(lineId: string, at: Date): Promise<void> {
    return this.#add({ kind: 'DONE', id: lineId, at: at.toISOString() })
  }

  aborted(lineId: string, at: Date): Promise<void> {
    return this.#add({ kind: 'ABORTED', id: lineId, at: at.toISOString() })
  }

  /** Every line of every file, this one's too. @throws LedgerNotWholeError @see readLedger */
  async *read(): AsyncGenerator<LedgerLine> {
    const { publicKey } = await ledgerKey(this.#keyProvider)
    yield* readLedger(this.#dir, publicKey)
  }

  /** Writes what waits, makes sure of it, and closes the file. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing
    const file = await this.#file?.catch(() => undefined)
    this.#file = undefined
    await file?.close()
  }

  #add(entry: LedgerEntry): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ entry, resolve, reject })
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return promise
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#writeBatch(batch.map(({ entry }) => entry))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        await this.#giveUpFile(batch.map(({ entry }) => entry))
        for (const { reject } of batch) reject(error)
        continue
      }
      // What was done need not be waited for, but is not left to chance either.
      if (this.#waiting.length === 0) await this.#file?.then((file) => file.sync()).catch(() => this.#giveUpFile([]))
    }
  }

  async #writeBatch(entries: readonly LedgerEntry[]): Promise<void> {
    this.#file ??= openFile(this.#dir, this.#keyProvider, entries[0]?.at ?? '')
    const file = await this.#file
    await file.append([...this.#refused, ...entries])
    if (entries.some(({ kind }) => kind === 'INTENT')) await file.sync()
    this.#refused = []
  }

  /**
   * What a failed write left behind is unknown: the next line goes to a new file. What was refused may stand there all
   * the same, so that the next line that can be written is preceded by its end.
   */
  async #giveUpFile(entries: readonly LedgerEntry[]): Promise<void> {
    const broken = this.#file
    this.#file = undefined
    for (const { kind, id, at } of entries) if (kind === 'INTENT') this.#refused.push({ kind: 'ABORTED', id, at })
    await broken?.then((file) => file.close()).catch(() => undefined)
  }
}

/** A file that is being written. */
class OpenFile {
  readonly #handle: FileHandle
  readonly #key: Awaited<ReturnType<typeof ledgerKey>>
  #lines = 0
  #prev = ''
  #synced = true

  constructor(handle: FileHandle, key: Awaited<ReturnType<typeof ledgerKey>>) {
    this.#handle = handle
    this.#key = key
  }

  async append(entries: readonly LedgerEntry[]): Promise<void> {
    let text = ''
    for (const entry of entries) {
      this.#lines += 1
      const line = writeLine({ n: this.#lines, prev: this.#prev, ...entry }, this.#key.privateKey)
      this.#prev = hashOf(line)
      text += `${line}\n`
    }
    this.#synced = false
    await this.#handle.writeFile(text)
  }

  /** Resolves when all of it is on disk. */
  async sync(): Promise<void> {
    if (this.#synced) return
    await this.#handle.datasync()
    this.#synced = true
  }

  async close(): Promise<void> {
    await this.sync().finally(() => this.#handle.close())
  }
}

async function openFile(dir: string, keyProvider: KeyProvider, at: string): Promise<OpenFile> {
  const key = await ledgerKey(keyProvider)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const id = randomUUID()
  const handle = await open(join(dir, `${id}${LEDGER_SUFFIX}`), 'ax', 0o600)
  const file = new OpenFile(handle, key)
  await file.append([{ kind: 'FILE', version: 1, id, at, publicKey: nameOfKey(key.publicKey) }])
  await file.sync()
  const folder = await open(dir, 'r')
  await folder.sync().finally(() => folder.close())
  return file
}
