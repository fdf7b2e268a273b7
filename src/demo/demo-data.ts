import { createHash } from 'node:crypto'
import { hashClientSecret, newClientSecret } from '../auth/oauth/client-secret.ts'
import { CLIENT_SCOPES } from '../auth/permissions.ts'
import { systemSession } from '../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../db/caller.ts'
import type { Tx } from '../db/database.ts'
import { insertAccount } from '../domains/accounts/account.service.ts'
import { recordIdentityLinkItem, recordSubjectItem } from '../domains/accounts/account-items.ts'
import { sealPerson } from '../domains/accounts/person-fields.ts'
import { ensurePlatformAccount } from '../domains/accounts/platform-account.service.ts'
import { recordAudit } from '../domains/audit/audit.service.ts'
import type { Deps } from '../domains/deps.ts'
import { ensureRetentionRules } from '../domains/retention/retention-seed.service.ts'
import type { AccountRole, ClientKind, SubjectKind } from '../generated/prisma/enums.ts'
import { demoId as id } from './demo-id.ts'
import { DEMO_PROCESSOR_ID, DEMO_PROCESSORS } from './demo-processors.ts'

type DemoSubject = {
  readonly id: string
  readonly kind: SubjectKind
  readonly role: AccountRole | null
  readonly name: string
  readonly email: string
  readonly reference: string | null
}

type DemoAccount = {
  readonly id: string
  readonly name: string
  readonly country: string
  readonly region: string
  readonly clientId: string
  readonly subjects: readonly [DemoSubject, ...DemoSubject[]]
}

/** Ids of the demo's clients outside the accounts. */
export const DEMO_GATEWAY_ID = id(9, 1)
export const DEMO_PROCESSOR_CLIENT_ID = id(9, 2)
const DEMO_STAFF_ID = id(9, 4)

/** The identity that the demo's issuer gives its member of staff. */
export const DEMO_STAFF_SUB = 'demo-staff'

/** Invented customers and persons; the addresses are of a domain reserved for examples (RFC 2606). */
export const DEMO_ACCOUNTS: readonly [DemoAccount, DemoAccount] = [
  {
    id: id(1, 1),
    name: 'Aster Analytics',
    country: 'DE',
    region: 'eu-central',
    clientId: id(1, 2),
    subjects: [
      member(id(1, 10), 'OWNER', 'Alma Olsen', 'alma@aster.example'),
      member(id(1, 11), 'MEMBER', 'Bruno Keller', 'bruno@aster.example'),
      endUser(id(1, 12), 'Chiara Conti', 'chiara@mail.example', 'aster-user-1001'),
      endUser(id(1, 13), 'Daan de Vries', 'daan@mail.example', 'aster-user-1002'),
    ],
  },
  {
    id: id(2, 1),
    name: 'Borealis Robotics',
    country: 'US',
    region: 'us-east',
    clientId: id(2, 2),
    subjects: [
      member(id(2, 10), 'OWNER', 'Elif Yilmaz', 'elif@borealis.example'),
      endUser(id(2, 11), 'Femi Ade', 'femi@mail.example', 'borealis-77'),
    ],
  },
]

function member(subjectId: string, role: AccountRole, name: string, email: string): DemoSubject {
  return { id: subjectId, kind: 'MEMBER', role, name, email, reference: null }
}

function endUser(subjectId: string, name: string, email: string, reference: string): DemoSubject {
  return { id: subjectId, kind: 'END_USER', role: null, name, email, reference }
}

/** The identity that the demo's issuer gives a person. */
export const demoSub = (subjectId: string) =>
  `demo-${createHash('sha256').update(subjectId).digest('hex').slice(0, 16)}`

/**
 * Makes the demo data where it is missing: two accounts with persons, their integrations, a gateway, a processor and a
 * member of staff. Running it again changes nothing.
 */
export async function seedDemo(deps: Deps): Promise<void> {
  await ensureRetentionRules(deps)
  await ensurePlatformAccount(deps)
  for (const account of DEMO_ACCOUNTS) {
    await write(deps, account.id, async (tx) => {
      if (await tx.account.findUnique({ where: { id: account.id }, select: { id: true } })) return
      await insertAccount(deps, tx, account.id, account, false)
      for (const subject of account.subjects) await insertSubject(deps, tx, account.id, subject)
      await insertClient(deps, tx, account.id, { id: account.clientId, kind: 'INTEGRATION', label: 'Deletion bot' })
    })
  }
  await write(deps, PLATFORM_ACCOUNT_ID, async (tx) => {
    const now = deps.clock.now()
    const processors = DEMO_PROCESSORS.map((processor) => ({ ...processor, createdAt: now, updatedAt: now }))
    await tx.processor.createMany({ data: processors, skipDuplicates: true })
    await insertClient(deps, tx, PLATFORM_ACCOUNT_ID, { id: DEMO_GATEWAY_ID, kind: 'GATEWAY', label: 'Demo gateway' })
    await insertClient(deps, tx, PLATFORM_ACCOUNT_ID, {
      id: DEMO_PROCESSOR_CLIENT_ID,
      kind: 'PROCESSOR',
      label: 'Demo processor',
      processorId: DEMO_PROCESSOR_ID,
    })
  })
}

/** Lets the demo's issuer speak for the demo's persons and staff. */
export async function linkDemoIdentities(deps: Deps, issuer: string): Promise<void> {
  const createdAt = deps.clock.now()
  for (const account of DEMO_ACCOUNTS) {
    await write(deps, account.id, async (tx) => {
      for (const subject of account.subjects.filter((each) => each.kind === 'MEMBER')) {
        const identityHash = await deps.keyProvider.mac('identity', [issuer, demoSub(subject.id)])
        const data = [{ accountId: account.id, identityHash, subjectId: subject.id, createdAt }]
        const { count } = await tx.identityLink.createMany({ data, skipDuplicates: true })
        const link = { accountId: account.id, subjectId: subject.id, collectedAt: createdAt }
        if (count === 1) await recordIdentityLinkItem(tx, deps.clock, link)
      }
    })
  }
  const identityHash = await deps.keyProvider.mac('identity', [issuer, DEMO_STAFF_SUB])
  const trainingUntilAt = new Date(createdAt.getTime() + 365 * 86_400_000)
  await write(deps, PLATFORM_ACCOUNT_ID, async (tx) => {
    const staff = { roles: ['PRIVACY_OFFICER' as const], identityHash, trainingUntilAt, disabledAt: null }
    await tx.staffMember.upsert({
      where: { id: DEMO_STAFF_ID },
      create: { id: DEMO_STAFF_ID, createdAt, ...staff },
      update: staff,
    })
  })
}

function write(deps: Deps, accountId: string, fn: (tx: Tx) => Promise<void>): Promise<void> {
  return deps.db.write({ caller: systemSession(accountId), requestId: 'demo-data' }, fn)
}

async function insertSubject(deps: Deps, tx: Tx, accountId: string, subject: DemoSubject): Promise<void> {
  const now = deps.clock.now()
  const { id: subjectId, kind, role } = subject
  const joinedAt = kind === 'MEMBER' ? now : null
  await tx.subject.createMany({
    data: [{ accountId, id: subjectId, kind, accountRole: role, createdAt: now, updatedAt: now, joinedAt }],
  })
  const sealed = await sealPerson(deps, tx, { accountId, id: subjectId }, subject)
  await tx.subject.updateMany({ where: { accountId, id: subjectId }, data: sealed })
  await recordSubjectItem(tx, deps.clock, { accountId, subjectId, kind, collectedAt: now })
  await recordAudit(
    tx,
    deps.clock,
    { caller: systemSession(accountId), requestId: 'demo-data' },
    { accountId, kind: 'subject.created', subjectId, recordType: 'Subject', recordIds: [subjectId] },
  )
}

async function insertClient(
  deps: Deps,
  tx: Tx,
  accountId: string,
  client: { id: string; kind: ClientKind; label: string; processorId?: string },
): Promise<void> {
  const key = await deps.keys.keyForWriting(tx, { accountId, subjectId: null, category: 'ACCOUNT' })
  await tx.apiClient.createMany({
    data: [
      {
        accountId,
        id: client.id,
        kind: client.kind,
        processorId: client.processorId ?? null,
        labelCipher: deps.keys.seal(key, 'api-client.label', client.label),
        // Nobody learns this secret: demo tokens are handed out by the server itself.
        secretHash: await hashClientSecret(newClientSecret()),
        scopes: [...CLIENT_SCOPES[client.kind]],
        createdAt: deps.clock.now(),
      },
    ],
    skipDuplicates: true,
  })
}
