import { type FieldKey, liveKeySelect } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'
import type { Deps } from '../deps.ts'
import { NoSuchPlaceError, type Piece } from '../personal-data.ts'
import { ACCOUNTS, IDENTITY_LINK, SUBJECT } from './account-items.ts'

const SEALED = {
  nameCipher: 'subject.name',
  emailCipher: 'subject.email',
  referenceCipher: 'subject.reference',
} as const

type SealedColumn = keyof typeof SEALED

/** Seals a person's row anew, under `key`; a sign-in has nothing that is sealed. @see PersonalDataSystem.reseal */
export async function resealPerson(
  tx: Tx,
  deps: Deps,
  accountId: string,
  { subjectId, locator }: Piece,
  key: FieldKey,
): Promise<number> {
  if (locator === IDENTITY_LINK) return 0
  if (locator !== SUBJECT || subjectId === null) throw new NoSuchPlaceError(ACCOUNTS)
  const row = await tx.subject.findUnique({
    where: { accountId_id: { accountId, id: subjectId } },
    include: { dataKeys: { where: { category: 'ACCOUNT' }, select: liveKeySelect } },
  })
  if (!row) return 0
  const owner = { accountId, subjectId, category: 'ACCOUNT' } as const
  const data: Partial<Record<SealedColumn, Uint8Array<ArrayBuffer>>> = {}
  for (const [column, field] of Object.entries(SEALED) as [SealedColumn, string][]) {
    const sealed = row[column]
    const clear = sealed && (await deps.keys.open(row.dataKeys, owner, field, sealed))
    if (clear !== null) data[column] = deps.keys.seal(key, field, clear)
  }
  if (Object.keys(data).length === 0) return 0
  const { count } = await tx.subject.updateMany({ where: { accountId, id: subjectId }, data })
  return count
}
