import type { KeyObject } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashOf, type LedgerLine, nameOfKey, readLine } from './ledger-line.ts'

/** What the names of the files end in. */
export const LEDGER_SUFFIX = '.ledger'

/** What is wrong with a line, in words. */
const FAULTS = {
  signature: 'its signature is not that of this ledger',
  other_key: 'it was signed with another key',
  shape: 'it has another form',
  order: 'it does not follow the line before',
  place: 'it stands where it does not belong',
  head: 'it is the head of another file',
} as const

/** What is wrong with a line, as a closed word. */
export type LedgerFault = keyof typeof FAULTS

/** A line that is not what was written. Names file, line and reason, and shows nothing of it. */
export class LedgerNotWholeError extends Error {
  override readonly name = 'LedgerNotWholeError'
  readonly code = 'LEDGER.NOT_WHOLE'
  /** Name of the file, without its folder. */
  readonly file: string
  /** 1 is the first. */
  readonly line: number
  readonly fault: LedgerFault
  constructor(file: string, line: number, fault: LedgerFault) {
    super(`The ledger of erasures does not verify: ${file}, line ${line}: ${FAULTS[fault]}.`)
    this.file = file
    this.line = line
    this.fault = fault
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
  const there = await stat(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (!there) return []
  return (await readdir(dir)).filter((name) => name.endsWith(LEDGER_SUFFIX)).sort()
}

async function* readFile(path: string, name: string, publicKey: KeyObject): AsyncGenerator<LedgerLine> {
  let prev = ''
  let n = 0
  for await (const text of wholeLines(path)) {
    n += 1
    const line = readLine(text, publicKey)
    const fault = faultOf(line, { n, prev, name, text, publicKey })
    if (typeof line === 'string' || fault !== null) throw new LedgerNotWholeError(name, n, fault ?? 'shape')
    prev = hashOf(text)
    yield line
  }
}

type Expected = {
  readonly n: number
  readonly prev: string
  readonly name: string
  readonly text: string
  readonly publicKey: KeyObject
}

function faultOf(line: ReturnType<typeof readLine>, { n, prev, name, text, publicKey }: Expected): LedgerFault | null {
  if (line === 'SIGNATURE') return n === 1 && namesOtherKey(text, publicKey) ? 'other_key' : 'signature'
  if (line === 'SHAPE') return 'shape'
  if (line.n !== n || line.prev !== prev) return 'order'
  if ((line.kind === 'FILE') !== (n === 1)) return 'place'
  return line.kind === 'FILE' && name !== `${line.id}${LEDGER_SUFFIX}` ? 'head' : null
}

/** Whether a head that does not verify says itself that it is of another key: the operator has the wrong one. */
function namesOtherKey(text: string, publicKey: KeyObject): boolean {
  const named = /"publicKey":"([A-Za-z0-9_-]{43})"/.exec(text)?.[1]
  return named !== undefined && named !== nameOfKey(publicKey)
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
