import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'

const id = z.uuid()
const at = z.iso.datetime()
const word = z.string().min(1).max(128)
const effect = z.strictObject({
  erasureId: id,
  accountId: id,
  system: word,
  category: word,
  action: word,
  itemIds: z.array(id),
  keysGo: z.literal(true).optional(),
})
const place = {
  /** Place in its file, 1 first. */
  n: z.int().positive(),
  /** SHA-256 of the whole line before, base64url; empty in the first. */
  prev: z.string().max(43),
}
const lineShape = z.discriminatedUnion('kind', [
  z.strictObject({
    ...place,
    kind: z.literal('FILE'),
    version: z.literal(1),
    id,
    at,
    publicKey: z.string().length(43),
  }),
  z.strictObject({ ...place, kind: z.literal('INTENT'), id, at, effects: z.array(effect).min(1) }),
  z.strictObject({ ...place, kind: z.literal('DONE'), id, at }),
  z.strictObject({ ...place, kind: z.literal('ABORTED'), id, at }),
])

/** A line: the head of a file, or what happened to what was announced under an id. */
export type LedgerLine = Readonly<z.infer<typeof lineShape>>

/** What is said in a line, without its place. */
export type LedgerEntry = LedgerLine extends infer L ? (L extends LedgerLine ? Omit<L, 'n' | 'prev'> : never) : never

/** Length of an Ed25519 signature, base64url. */
const SIGNATURE_LENGTH = 86

/**
 * The key that signs, from a seed of 32 bytes.
 * @see RFC 8410, section 7: the seed in PKCS #8
 */
export function signingKeyOf(seed: Uint8Array): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const privateKey = createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** The public key as a file names it: its 32 bytes, base64url. */
export const nameOfKey = (publicKey: KeyObject): string =>
  publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url')

/** The line as text: its JSON, a space, its signature; without the end of line. */
export function writeLine(line: LedgerLine, privateKey: KeyObject): string {
  const body = JSON.stringify(line)
  return `${body} ${sign(null, Buffer.from(body), privateKey).toString('base64url')}`
}

/** The hash by which the next line names this one. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Reads a line. @returns why it is not one of this ledger, as a closed word, where it is not */
export function readLine(text: string, publicKey: KeyObject): LedgerLine | 'SIGNATURE' | 'SHAPE' {
  const body = text.slice(0, -SIGNATURE_LENGTH - 1)
  const signature = text.slice(-SIGNATURE_LENGTH)
  if (text.at(-SIGNATURE_LENGTH - 1) !== ' ' || !/^[A-Za-z0-9_-]+$/.test(signature)) return 'SIGNATURE'
  if (!verify(null, Buffer.from(body), publicKey, Buffer.from(signature, 'base64url'))) return 'SIGNATURE'
  const parsed = lineShape.safeParse(JSON.parse(body))
  return parsed.success ? parsed.data : 'SHAPE'
}
