import type { KeyObject } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LEDGER_SUFFIX } from './file-ledger.ts'
import { hashOf, type LedgerLine, readLine } from './ledger-line.ts'

/** A line that is not what was written. The message names file, line and reason, and shows nothing of it. */
export class LedgerNotWholeError extends Error {
  override readonly name = 'LedgerNotWholeError'
  readonly code = 'LEDGER.NOT_WHOLE'
  constructor(file: string, line: number, reason: string) {
    super(`The ledger of erasures does not verify: ${file}, line ${line}: ${reason}.`)
  }
}

/**
 * Every line of every file of a folder, in order within a file; read in pieces, so that memory does not grow with them.
 * A last line without its end was being written when its process was killed, and is passed over. A folder that is not
 * there has none.
 * @throws LedgerNotWholeError where a line is altered, missing, added or out of place
 */
export async function* readLedger(dir: string, publicKey: KeyObject): AsyncGenerator<LedgerLine> {
  for (const name of await ledgerFiles(dir)) yield* readFile(join(dir, name), name, publicKey)
}

/** Names of the files, in order. */
async function ledgerFiles(dir: string): Promise<string[]> {
  const there = await stat(dir).catch(() => null)
  if (!there) return []
  return (await readdir(dir)).filter((name) => name.endsWith(LEDGER_SUFFIX)).sort()
}

async function* readFile(path: string, name: string, publicKey: KeyObject): AsyncGenerator<LedgerLine> {
  let prev = ''
  let n = 0
  for await (const text of wholeLines(path)) {
    n += 1
    const line = readLine(text, publicKey)
    if (line === 'SIGNATURE') throw new LedgerNotWholeError(name, n, 'its signature is not that of this ledger')
    if (line === 'SHAPE') throw new LedgerNotWholeError(name, n, 'it has another form')
    if (line.n !== n || line.prev !== prev) throw new LedgerNotWholeError(name, n, 'it does not follow the line before')
    if ((line.kind === 'FILE') !== (n === 1)) throw new LedgerNotWholeError(name, n, 'it is in the wrong place')
    if (line.kind === 'FILE' && name !== `${line.id}${LEDGER_SUFFIX}`)
      throw new LedgerNotWholeError(name, n, 'it is the head of another file')
    prev = hashOf(text)
    yield line
  }
}

/** Lines that have their end; a rest without one is dropped. */
async function* wholeLines(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
