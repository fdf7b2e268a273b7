import { SCOPES } from '../../src/auth/permissions.ts'
import { systemSession } from '../../src/auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { DEMO_ACCOUNTS, demoSub } from '../../src/demo/demo-data.ts'
import { type AccountRole, StaffRole } from '../../src/generated/prisma/enums.ts'
import { newId } from '../../src/time/id.ts'
import type { World } from '../kit/world.ts'

/** A token for every kind of caller of the first account and of the platform; null for none. Names as in the matrix. */
export type Callers = Readonly<Record<string, string | null>>

const ALL_SCOPES = Object.keys(SCOPES).join(' ')

/** Makes a person or a member of staff for each role, and gives a token for each column of the matrix. */
export async function callersOf(world: World): Promise<Callers> {
  const issuer = world.serving.demoIssuer
  if (!issuer) throw new Error('the world has no issuer')
  const { tokens } = world.demo
  const token = (sub: string, email?: string) => issuer.issue({ sub, scope: ALL_SCOPES, ...(email ? { email } : {}) })
  const [{ id: accountId, subjects }] = DEMO_ACCOUNTS
  await link(world, accountId, subjects[2]?.id ?? '', 'end-user')
  await link(world, accountId, await addMember(world, accountId, 'ADMIN'), 'admin')
  const staff: [string, string][] = []
  for (const role of Object.values(StaffRole)) {
    await addStaff(world, role)
    staff.push([`STAFF ${role}`, await token(`staff-${role}`)])
  }
  return {
    anonymous: null,
    'unlinked person': await token('nobody', 'nobody@mail.example'),
    END_USER: await token('end-user'),
    MEMBER: await token(demoSub(subjects[1]?.id ?? '')),
    ADMIN: await token('admin'),
    OWNER: tokens.subject,
    ...Object.fromEntries(staff),
    INTEGRATION: tokens.integration,
    PROCESSOR: tokens.processor,
    GATEWAY: tokens.gateway,
  }
}

function write(world: World, accountId: string, fn: Parameters<World['resources']['db']['write']>[1]) {
  return world.resources.db.write({ caller: systemSession(accountId), requestId: 'test-callers' }, fn)
}

async function identityHash(world: World, sub: string) {
  return world.resources.keyProvider.mac('identity', [world.serving.demoIssuer?.issuer ?? '', sub])
}

async function link(world: World, accountId: string, subjectId: string, sub: string): Promise<void> {
  const data = [{ accountId, subjectId, identityHash: await identityHash(world, sub), createdAt: world.clock.now() }]
  await write(world, accountId, (tx) => tx.identityLink.createMany({ data }))
}

async function addMember(world: World, accountId: string, accountRole: AccountRole): Promise<string> {
  const now = world.clock.now()
  const id = newId(world.clock)
  const data = [{ accountId, id, kind: 'MEMBER' as const, accountRole, createdAt: now, updatedAt: now, joinedAt: now }]
  await write(world, accountId, (tx) => tx.subject.createMany({ data }))
  return id
}

async function addStaff(world: World, role: StaffRole): Promise<void> {
  const createdAt = world.clock.now()
  const data = [
    {
      id: newId(world.clock),
      identityHash: await identityHash(world, `staff-${role}`),
      roles: [role],
      trainingUntilAt: new Date(createdAt.getTime() + 86_400_000),
      createdAt,
    },
  ]
  await write(world, PLATFORM_ACCOUNT_ID, (tx) => tx.staffMember.createMany({ data }))
}
