import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BadTokenError } from '../../src/auth/bad-token.ts'
import { callerHeadersOf } from '../../src/auth/caller-headers.ts'
import { isScope, SCOPES } from '../../src/auth/permissions.ts'
import { anonymousSession, type Session } from '../../src/auth/session.ts'
import type { StaffRole } from '../../src/generated/prisma/enums.ts'
import { newId } from '../../src/time/id.ts'
import { type Auth, addAccount, addClient, addPerson, addPlatform, sessionOf, startAuth } from './fixture.ts'

let auth: Auth
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.stop())

const everyScope = Object.keys(SCOPES).join(' ')
const tokenOf = (sub: string, scope = everyScope) => auth.demo.issue({ sub, scope })
const publicOnly = (principal: 'SUBJECT' | 'STAFF'): Session => ({ ...anonymousSession, principal })

async function addStaff(sub: string, roles: StaffRole[], change: { disabledAt?: Date; trainingUntilAt?: Date } = {}) {
  const id = newId(auth.clock)
  const now = auth.clock.now()
  const identityHash = await auth.keyProvider.mac('identity', [auth.demo.issuer, sub])
  const trainingUntilAt = new Date(now.getTime() + 86_400_000)
  await auth.seed((tx) =>
    tx.staffMember.create({ data: { id, identityHash, roles, trainingUntilAt, createdAt: now, ...change } }),
  )
  return id
}

test('staff act by the scopes of their roles and belong to no account', async () => {
  const id = await addStaff('staff', ['SUPPORT', 'SECURITY'])
  const session = await sessionOf(auth, await tokenOf('staff'))
  expect(session).toMatchObject({
    principal: 'STAFF',
    callerId: id,
    accountId: null,
    subjectId: null,
    reach: 'NONE',
    staffRoles: ['SUPPORT', 'SECURITY'],
  })
  expect([...session.scopes].sort()).toEqual([
    'accounts:read',
    'audit:read',
    'clients:read',
    'inventory:read',
    'platform-clients:manage',
    'processing:read',
    'public',
    'statistics:read',
    'subjects:read',
    'usage:read',
  ])
  expect((await sessionOf(auth, await tokenOf('staff', 'audit:read'))).scopes).toEqual(
    new Set(['public', 'audit:read']),
  )
})

test('staff that is disabled or untrained gets what everyone gets, and no word on why', async () => {
  const now = auth.clock.now()
  await addStaff('disabled', ['PRIVACY_OFFICER'], { disabledAt: now })
  await addStaff('untrained', ['PRIVACY_OFFICER'], { trainingUntilAt: now })
  expect(await sessionOf(auth, await tokenOf('disabled'))).toEqual(publicOnly('STAFF'))
  expect(await sessionOf(auth, await tokenOf('untrained'))).toEqual(publicOnly('STAFF'))
})

test('staff that is also a member is that member in the account it names', async () => {
  const accountId = await addAccount(auth)
  const staffId = await addStaff('both', ['AUDITOR'])
  const subjectId = await addPerson(auth, accountId, 'both')
  const token = await tokenOf('both')
  expect(await sessionOf(auth, token)).toMatchObject({ principal: 'STAFF', callerId: staffId })
  expect(await sessionOf(auth, token, { 'X-Account-Id': accountId })).toMatchObject({ principal: 'SUBJECT', subjectId })
  expect(await sessionOf(auth, token, { 'X-Account-Id': randomUUID() })).toMatchObject({ principal: 'STAFF' })
})

test('an issuer speaks only for those it may', async () => {
  const accountId = await addAccount(auth)
  await addStaff('staff-here', ['AUDITOR'])
  await addPerson(auth, accountId, 'subject-here')
  const as = async (sub: string, principal: 'SUBJECT' | 'STAFF') => {
    const headersDistinct = { authorization: [`Bearer ${await tokenOf(sub)}`] }
    const resolver = auth.resolverFor({ ...auth.demo.trust, principals: [principal] })
    return resolver.resolve(callerHeadersOf({ url: '/', headersDistinct }))
  }
  expect(await as('staff-here', 'STAFF')).toMatchObject({ principal: 'STAFF', reach: 'NONE' })
  expect((await as('staff-here', 'SUBJECT')).scopes).toEqual(new Set(['public', 'identity:link']))
  expect(await as('subject-here', 'STAFF')).toEqual(publicOnly('STAFF'))
})

test('a client acts by what its token, its row and its kind all allow', async () => {
  const platform = await addPlatform(auth)
  const integration = await addClient(auth, { scopes: ['usage:read', 'usage:write'] })
  const processorId = randomUUID()
  const processor = await addClient(auth, {
    accountId: platform,
    kind: 'PROCESSOR',
    processorId,
    scopes: ['usage:read'],
  })
  const gateway = await addClient(auth, { accountId: platform, kind: 'GATEWAY', scopes: ['usage:write', 'usage:read'] })
  const all = Object.keys(SCOPES).filter(isScope)
  const as = async (id: string) => sessionOf(auth, await auth.oauth.issueAccessToken(id, all, 600))
  expect(await as(integration.id)).toEqual({
    ...anonymousSession,
    principal: 'INTEGRATION',
    callerId: integration.id,
    expiresAt: expect.any(Date),
    accountId: integration.accountId,
    reach: 'ACCOUNT',
    scopes: new Set(['public', 'usage:read']),
  })
  expect(await as(processor.id)).toEqual({
    ...anonymousSession,
    principal: 'PROCESSOR',
    callerId: processor.id,
    expiresAt: expect.any(Date),
    processorId,
    scopes: new Set(['public']),
  })
  expect(await as(gateway.id)).toEqual({
    ...anonymousSession,
    principal: 'GATEWAY',
    callerId: gateway.id,
    expiresAt: expect.any(Date),
    scopes: new Set(['public', 'usage:write']),
  })
})

test('a client works while its account closes and no longer', async () => {
  const accounts = { ACTIVE: 'INTEGRATION', CLOSING: 'INTEGRATION', CLOSED: 'client' } as const
  for (const [status, expected] of Object.entries(accounts)) {
    const accountId = await addAccount(auth, { status: status as keyof typeof accounts })
    const { id } = await addClient(auth, { accountId })
    const session = sessionOf(auth, await auth.oauth.issueAccessToken(id, [], 600))
    const outcome = await session.then(
      ({ principal }) => principal,
      (error: BadTokenError) => error.reason,
    )
    expect([status, outcome]).toEqual([status, expected])
  }
})

test('a token of a client that does not exist is refused', async () => {
  for (const id of [randomUUID(), 'demo', "' or 1=1 --"]) {
    const token = await auth.oauth.issueAccessToken(id, ['usage:read'], 600)
    await expect(sessionOf(auth, token)).rejects.toMatchObject({ reason: 'client' })
  }
})
