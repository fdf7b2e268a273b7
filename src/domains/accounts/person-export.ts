import { liveKeySelect } from '../../crypto/keyring.ts'
import type { Tx } from '../../db/database.ts'
import type { Deps } from '../deps.ts'
import { inPages, PAGE_ROWS } from '../pages.ts'
import type { ExportedRecord, Person } from '../personal-data.ts'
import { globalId, tenantKey } from '../public-id.ts'
import { ACCOUNTS, IDENTITY_LINK, SUBJECT } from './account-items.ts'

/** What is known of a person, in clear; null where there is no such person, or it was erased. */
export async function readPerson(tx: Tx, deps: Deps, { accountId, subjectId }: Person) {
  const row = await tx.subject.findUnique({
    where: { accountId_id: { accountId, id: subjectId }, status: { not: 'ERASED' } },
    include: { dataKeys: { where: { category: 'ACCOUNT' }, select: liveKeySelect } },
  })
  if (!row) return null
  const owner = { accountId, subjectId, category: 'ACCOUNT' } as const
  const open = async (field: string, sealed: Uint8Array | null) =>
    sealed && (await deps.keys.open(row.dataKeys, owner, field, sealed))
  return {
    id: globalId('Subject', tenantKey(row)),
    kind: row.kind,
    status: row.status,
    accountRole: row.accountRole,
    name: await open('subject.name', row.nameCipher),
    email: await open('subject.email', row.emailCipher),
    reference: await open('subject.reference', row.referenceCipher),
    country: row.country,
    subdivision: row.subdivision,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    joinedAt: row.joinedAt?.toISOString() ?? null,
    leftAt: row.leftAt?.toISOString() ?? null,
  }
}

/** The person's row, its sign-ins and its invitations. */
export async function* exportPerson(tx: Tx, deps: Deps, person: Person): AsyncGenerator<ExportedRecord> {
  const record = (locator: string, name: string, data: ExportedRecord['data']): ExportedRecord => ({
    category: 'ACCOUNT',
    locator,
    record: name,
    data,
  })
  const known = await readPerson(tx, deps, person)
  if (known) yield record(SUBJECT, SUBJECT, known)
  for await (const { createdAt, endedAt } of linksOf(tx, person)) {
    const data = { createdAt: createdAt.toISOString(), endedAt: endedAt?.toISOString() ?? null }
    yield record(IDENTITY_LINK, IDENTITY_LINK, data)
  }
  for await (const row of invitationsOf(tx, person))
    yield record(SUBJECT, 'invitation', {
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      acceptedAt: row.acceptedAt?.toISOString() ?? null,
      revokedAt: row.revokedAt?.toISOString() ?? null,
    })
}

type LinkRow = { readonly identityHash: Uint8Array; readonly createdAt: Date; readonly endedAt: Date | null }

/** Links of identities. One that ended and is kept by confidential holds alone is left out, as it would be gone else. */
function linksOf(tx: Tx, { accountId, subjectId }: Person) {
  return inPages((last: LinkRow | null) => {
    const beyond = last?.identityHash ?? null
    return tx.$queryRaw<LinkRow[]>`
      select identity_hash as "identityHash", created_at as "createdAt", ended_at as "endedAt" from identity_link
      where account_id = ${accountId}::uuid and subject_id = ${subjectId}::uuid
        and (ended_at is null or not exists (
          select from inventory_item i where i.account_id = ${accountId}::uuid and i.subject_id = ${subjectId}::uuid
            and i.system = ${ACCOUNTS} and i.locator = ${IDENTITY_LINK} and i.state = 'HELD' and i.hold_confidential))
        and (${beyond}::bytea is null or identity_hash > ${beyond}::bytea)
      order by identity_hash limit ${PAGE_ROWS}`
  })
}

type InvitationRow = { id: string; createdAt: Date; expiresAt: Date; acceptedAt: Date | null; revokedAt: Date | null }

function invitationsOf(tx: Tx, { accountId, subjectId }: Person) {
  return inPages((last: InvitationRow | null) =>
    tx.invitation.findMany({
      where: { accountId, subjectId, ...(last ? { id: { gt: last.id } } : {}) },
      orderBy: { id: 'asc' },
      take: PAGE_ROWS,
      select: { id: true, createdAt: true, expiresAt: true, acceptedAt: true, revokedAt: true },
    }),
  )
}
