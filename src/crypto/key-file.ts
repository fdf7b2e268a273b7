import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { KeyFileError } from './errors.ts'
import { isEpochName, keyFromBase64 } from './key-material.ts'
import { withLockFile } from './lock-file.ts'

const base64Key = z.string().refine((text) => keyFromBase64(text) !== null)

const keyFileContent = z
  .strictObject({
    format: z.literal(1),
    index: base64Key,
    epochs: z
      .array(z.strictObject({ id: z.string().refine(isEpochName), createdAt: z.iso.datetime(), key: base64Key }))
      .min(1),
  })
  .refine(({ epochs }) => new Set(epochs.map(({ id }) => id)).size === epochs.length)

/** What stands in the key file: the key of the keyed hashes, and the epochs in order of making. */
export type KeyFileContent = z.infer<typeof keyFileContent>

const invalid = (message: string) => new KeyFileError('KEYS.FILE_INVALID', message)
const damaged = (path: string) => invalid(`The key file ${path} is damaged. Restore it from your copy.`)

/**
 * Puts `text` in the file's place, as one step that is whole or not at all, and on the disk when it returns. To be
 * called under the lock: files that a killed process left half done are removed, because they hold keys.
 */
async function place(path: string, text: string, assertHeld: () => Promise<void>): Promise<void> {
  const folder = dirname(path)
  for (const name of await readdir(folder))
    if (name.startsWith(`${basename(path)}.`) && name.endsWith('.tmp')) await rm(join(folder, name), { force: true })
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600, flush: true })
    await assertHeld()
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  const opened = await open(folder, 'r')
  await opened.sync().finally(() => opened.close())
}

const textOf = (content: KeyFileContent) => `${JSON.stringify(content, null, 2)}\n`

/** Whether there is a key file at `path`. */
export function keyFileExists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Makes the key file unless there is one: of several that try at once, exactly one succeeds, all return. */
export async function createKeyFile(path: string, content: KeyFileContent): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await withLockFile(`${path}.lock`, async (assertHeld) => {
    if (!(await keyFileExists(path))) await place(path, textOf(content), assertHeld)
  })
}

/** Reads an open key file. `stamp` changes whenever the file does. */
async function readOpened(path: string, file: FileHandle): Promise<{ content: KeyFileContent; stamp: string }> {
  const { ino, mtimeNs, size, mode } = await file.stat({ bigint: true })
  if ((mode & 0o077n) !== 0n)
    throw invalid(`The key file ${path} can be read or written by others. Run: chmod 600 ${path}`)
  const text = await file.readFile('utf8')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged(path)
  }
  const parsed = keyFileContent.safeParse(json)
  if (!parsed.success) throw damaged(path)
  return { content: parsed.data, stamp: `${ino} ${mtimeNs} ${size}` }
}

/**
 * Reads the key file.
 * @throws KeyFileError when it is missing, damaged, or open to others; the message shows no content.
 */
export async function readKeyFile(path: string): Promise<{ content: KeyFileContent; stamp: string }> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new KeyFileError('KEYS.FILE_MISSING', `The key file ${path} is missing. Restore it from your copy.`)
  })
  try {
    return await readOpened(path, file)
  } catch (error) {
    const { ino } = await file.stat()
    const now = await stat(path).catch(() => null)
    if (now && now.ino !== ino) return readKeyFile(path)
    throw error
  } finally {
    await file.close()
  }
}

/**
 * Replaces the key file's content by what `change` makes of it, as one step that is whole or not at all, while no other
 * process does so. The bytes of the replaced file are overwritten, as far as the file system does that in place.
 */
export async function rewriteKeyFile(path: string, change: (content: KeyFileContent) => KeyFileContent): Promise<void> {
  await withLockFile(`${path}.lock`, async (assertHeld) => {
    const { content } = await readKeyFile(path)
    const changed = change(content)
    if (changed === content) return
    const replaced = await open(path, 'r+')
    try {
      await place(path, textOf(changed), assertHeld)
      const { size } = await replaced.stat()
      await replaced.write(Buffer.alloc(size), 0, size, 0)
      await replaced.sync()
    } finally {
      await replaced.close()
    }
  })
}
