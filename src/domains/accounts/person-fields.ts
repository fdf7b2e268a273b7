import type { Tx } from '../../db/database.ts'
import type { Deps } from '../deps.ts'
import { normaliseEmail, normaliseReference } from './accounts.rules.ts'

/** Personal fields of a subject, in clear. Absent stays, null clears. */
export type PersonInput = {
  readonly name?: string | null | undefined
  readonly email?: string | null | undefined
  readonly reference?: string | null | undefined
}

/**
 * The personal columns of a subject as they are stored: encrypted under the subject's key, with blind indexes for
 * look-up. The subject's row must exist, for the key refers to it.
 * @throws KEYS.DESTROYED when the subject's key is gone: nothing is written about an erased person.
 */
export async function sealPerson(
  deps: Deps,
  tx: Tx,
  subject: { readonly accountId: string; readonly id: string },
  input: PersonInput,
) {
  const { accountId, id: subjectId } = subject
  const key = await deps.keys.keyForWriting(tx, { accountId, subjectId, category: 'ACCOUNT' })
  const { name, email, reference } = input
  return {
    ...(name === undefined ? {} : { nameCipher: name === null ? null : deps.keys.seal(key, 'subject.name', name) }),
    ...(email === undefined
      ? {}
      : {
          emailCipher: email === null ? null : deps.keys.seal(key, 'subject.email', email),
          emailIndex: email === null ? null : await emailIndex(deps, accountId, email),
        }),
    ...(reference === undefined
      ? {}
      : {
          referenceCipher: reference === null ? null : deps.keys.seal(key, 'subject.reference', reference),
          referenceIndex: reference === null ? null : await referenceIndex(deps, accountId, reference),
        }),
  }
}

/** The blind index of an e-mail address within an account. */
export function emailIndex(deps: Pick<Deps, 'keyProvider'>, accountId: string, email: string) {
  return deps.keyProvider.mac('email', [accountId, normaliseEmail(email)])
}

/** The blind index of a customer's reference within an account. */
export function referenceIndex(deps: Pick<Deps, 'keyProvider'>, accountId: string, reference: string) {
  return deps.keyProvider.mac('reference', [accountId, normaliseReference(reference)])
}

/**
 * Holds a blind index until the transaction ends, so that of two calls with one value at once the second finds what
 * the first has written and is told in words what the unique index would refuse.
 */
export async function lockIndex(tx: Tx, index: Uint8Array): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(${Buffer.from(index).readBigInt64BE(0)})`
}
