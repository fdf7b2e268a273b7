import { afterAll, beforeAll, expect, test } from 'vitest'
import { callerHeadersOf } from '../../src/auth/caller-headers.ts'
import { SCOPES } from '../../src/auth/permissions.ts'
import { anonymousSession, type Session } from '../../src/auth/session.ts'
import { newId } from '../../src/time/id.ts'
import { type Auth, addAccount, addClient, addPerson, disableClient, sessionOf, startAuth } from './fixture.ts'

let auth: Auth
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.stop())

const everyScope = Object.keys(SCOPES).join(' ')
const sessionAs = async (sub: string, headers?: Record<string, string>) =>
  sessionOf(auth, await auth.demo.issue({ sub, scope: everyScope }), headers)
const refresh = (session: Session) => auth.resolver.refresh(session)
const refused = (session: Session) =>
  refresh(session).then(
    () => 'good',
    (error: { reason: string }) => error.reason,
  )
const clientSession = async (id: string) =>
  sessionOf(auth, await auth.oauth.issueAccessToken(id, ['usage:read', 'subjects:read'], 600))

test('a caller whose rows are as they were is who it was, again and again, until its token ends', async () => {
  const accountId = await addAccount(auth)
  await addPerson(auth, accountId, 'steady', { accountRole: 'OWNER' })
  const session = await sessionAs('steady')
  const second = await refresh(session)
  expect(second).toEqual(session)
  expect(await refresh(second)).toEqual(session)
  const { id } = await addClient(auth)
  const client = await clientSession(id)
  expect(await refresh(client)).toEqual(client)
  auth.clock.advance(601)
  expect(await refused(client)).toBe('expired')
})

test('a session that was not found from a token is nobody', async () => {
  expect(await refresh(anonymousSession)).toBe(anonymousSession)
  const accountId = await addAccount(auth)
  await addPerson(auth, accountId, 'copied')
  expect(await refresh({ ...(await sessionAs('copied')) })).toBe(anonymousSession)
})

test('a person has the role that it has now, and none when it has left or its account is closed', async () => {
  const accountId = await addAccount(auth)
  const id = await addPerson(auth, accountId, 'changing', { accountRole: 'OWNER' })
  const session = await sessionAs('changing')
  const where = { accountId, id }
  await auth.seed((tx) => tx.subject.updateMany({ where, data: { accountRole: 'MEMBER' } }))
  expect(await refresh(session)).toMatchObject({ reach: 'SELF', accountRole: 'MEMBER', callerId: id })
  await auth.seed((tx) => tx.subject.updateMany({ where, data: { leftAt: auth.clock.now() } }))
  expect((await refresh(session)).scopes).toEqual(new Set(['public']))
  await auth.seed((tx) => tx.subject.updateMany({ where, data: { leftAt: null } }))
  await auth.seed((tx) => tx.account.updateMany({ where: { id: accountId }, data: { status: 'CLOSED' } }))
  expect((await refresh(session)).callerId).toBeNull()
})

test('a person who joins another account meanwhile stays in the account that was in reach', async () => {
  const accountId = await addAccount(auth)
  await addPerson(auth, accountId, 'joining')
  const session = await sessionAs('joining')
  await addPerson(auth, await addAccount(auth), 'joining')
  expect((await refresh(session)).accountId).toBe(accountId)
})

test('staff is nobody from the day on which its training ends', async () => {
  const createdAt = auth.clock.now()
  const trainingUntilAt = new Date(createdAt.getTime() + 300_000)
  const identityHash = await auth.keyProvider.mac('identity', [auth.demo.issuer, 'trained'])
  const row = { id: newId(auth.clock), identityHash, roles: ['AUDITOR' as const], trainingUntilAt, createdAt }
  await auth.seed((tx) => tx.staffMember.createMany({ data: [row] }))
  const session = await sessionAs('trained')
  expect((await refresh(session)).principal).toBe('STAFF')
  auth.clock.advance(300)
  expect(await refresh(session)).toEqual({ ...anonymousSession, principal: 'STAFF' })
})

test('a client is refused when its token is revoked, when it is disabled, and has the scopes that it has now', async () => {
  const { id } = await addClient(auth)
  const session = await clientSession(id)
  const revoked = await auth.oauth.issueAccessToken(id, ['usage:read'], 600)
  const other = await sessionOf(auth, revoked)
  await auth.seed((tx) => tx.apiClient.updateMany({ where: { id }, data: { scopes: ['usage:read'] } }))
  expect((await refresh(session)).scopes).toEqual(new Set(['public', 'usage:read']))
  const { jti } = JSON.parse(Buffer.from(revoked.split('.')[1] ?? '', 'base64url').toString())
  const revokedAt = auth.clock.now()
  const row = { jti, clientId: id, revokedAt, expiresAt: new Date(revokedAt.getTime() + 600_000) }
  await auth.seed((tx) => tx.revokedToken.createMany({ data: [row] }))
  expect(await refused(other)).toBe('revoked')
  expect(await refused(session)).toBe('good')
  await disableClient(auth, id)
  expect(await refused(session)).toBe('client')
})

test('a client that is bound to networks is refused once its address is outside of them', async () => {
  const { id } = await addClient(auth)
  const token = await auth.oauth.issueAccessToken(id, ['usage:read'], 600)
  const headersDistinct = { authorization: [`Bearer ${token}`] }
  const session = await auth.resolver.resolve(callerHeadersOf({ url: '/graphql', headersDistinct }, '192.0.2.1'))
  expect(await refused(session)).toBe('good')
  await auth.seed((tx) => tx.apiClient.updateMany({ where: { id }, data: { allowedNetworks: ['198.51.100.0/24'] } }))
  expect(await refused(session)).toBe('address')
})
