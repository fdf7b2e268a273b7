import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AccountRequiredError, BadTokenError } from '../../src/auth/bad-token.ts'
import { callerHeadersOf } from '../../src/auth/caller-headers.ts'
import { SCOPES } from '../../src/auth/permissions.ts'
import { anonymousSession, type Session } from '../../src/auth/session.ts'
import { type Auth, addAccount, addPerson, sessionOf, startAuth } from './fixture.ts'

let auth: Auth
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.stop())

const everyScope = Object.keys(SCOPES).join(' ')
const tokenOf = (sub: string, scope = everyScope) => auth.demo.issue({ sub, scope })
const publicOnly = (principal: 'SUBJECT' | 'STAFF'): Session => ({ ...anonymousSession, principal })
const globalId = (id: string) => Buffer.from(`Account:${id}`).toString('base64')

test('a request without a token is anonymous', async () => {
  const session = await auth.resolver.resolve(callerHeadersOf({ url: '/graphql', headersDistinct: {} }))
  expect(session).toEqual({
    principal: 'ANONYMOUS',
    callerId: null,
    accountId: null,
    subjectId: null,
    processorId: null,
    reach: 'NONE',
    accountRole: null,
    staffRoles: [],
    authenticatedAt: null,
    expiresAt: null,
    identity: null,
    scopes: new Set(['public']),
  })
})

test('a bad token is never anonymous', async () => {
  const requests = [
    { authorization: ['Bearer garbage'] },
    { authorization: ['Basic dTpw'] },
    { authorization: [''] },
    { authorization: ['Bearer a', 'Bearer b'] },
    { authorization: [`Bearer ${await tokenOf('x')}x`] },
  ]
  for (const headersDistinct of requests) {
    const outcome = auth.resolver.resolve(callerHeadersOf({ url: '/graphql', headersDistinct }))
    await expect(outcome).rejects.toThrow(BadTokenError)
  }
})

test('a member sees its own rows, an owner or admin those of the account', async () => {
  const accountId = await addAccount(auth)
  const expected = { MEMBER: 'SELF', ADMIN: 'ACCOUNT', OWNER: 'ACCOUNT' } as const
  for (const accountRole of ['MEMBER', 'ADMIN', 'OWNER'] as const) {
    const subjectId = await addPerson(auth, accountId, accountRole, { accountRole })
    const session = await sessionOf(auth, await tokenOf(accountRole))
    expect(session).toMatchObject({
      principal: 'SUBJECT',
      callerId: subjectId,
      accountId,
      subjectId,
      accountRole,
      reach: expected[accountRole],
      identity: { verifiedEmail: null },
    })
    expect(session.scopes.has('members:manage')).toBe(accountRole !== 'MEMBER')
    expect(session.scopes.has('accounts:manage')).toBe(accountRole === 'OWNER')
  }
})

test('an end user sees its own rows', async () => {
  const accountId = await addAccount(auth)
  const subjectId = await addPerson(auth, accountId, 'end-user', { kind: 'END_USER', accountRole: null })
  const session = await sessionOf(auth, await tokenOf('end-user'))
  expect(session).toMatchObject({ principal: 'SUBJECT', subjectId, reach: 'SELF', accountRole: null })
})

test('scopes in force are those that both the token and the role name, and taking up invitations', async () => {
  const accountId = await addAccount(auth)
  await addPerson(auth, accountId, 'scoped')
  const scopesFor = async (scope: string) => [...(await sessionOf(auth, await tokenOf('scoped', scope))).scopes].sort()
  expect(await scopesFor('')).toEqual(['identity:link', 'public'])
  expect(await scopesFor('usage:read')).toEqual(['identity:link', 'public', 'usage:read'])
  expect(await scopesFor('usage:read accounts:manage usage:write nonsense toString')).toEqual([
    'identity:link',
    'public',
    'usage:read',
  ])
  expect(await scopesFor('USAGE:READ')).toEqual(['identity:link', 'public'])
  const byRole = auth.resolverFor({ ...auth.demo.trust, scopes: 'role' })
  const authorization = [`Bearer ${await tokenOf('scoped', '')}`]
  const session = await byRole.resolve(callerHeadersOf({ url: '/', headersDistinct: { authorization } }))
  expect([...session.scopes].sort()).toEqual([
    'accounts:read',
    'audit:read',
    'events:read',
    'identity:link',
    'inventory:read',
    'public',
    'retention:read',
    'subjects:read',
    'usage:read',
    'usage:summarise',
  ])
})

test('a person of several accounts names one, as UUID or as global id', async () => {
  const [first, second, foreign] = [await addAccount(auth), await addAccount(auth), await addAccount(auth)]
  const inFirst = await addPerson(auth, first, 'several')
  const inSecond = await addPerson(auth, second, 'several', { accountRole: 'OWNER' })
  const token = await tokenOf('several')
  await expect(sessionOf(auth, token)).rejects.toThrow(AccountRequiredError)
  const named = async (value: string) => (await sessionOf(auth, token, { 'X-Account-Id': value })).subjectId
  expect(await named(first)).toBe(inFirst)
  expect(await named(second)).toBe(inSecond)
  expect(await named(second.toUpperCase())).toBe(inSecond)
  expect(await named(globalId(second))).toBe(inSecond)
  const elsewhere = await sessionOf(auth, token, { 'X-Account-Id': foreign })
  expect(elsewhere).toMatchObject({ subjectId: null, accountId: null, scopes: new Set(['public', 'identity:link']) })
  expect(await sessionOf(auth, token, { 'X-Account-Id': randomUUID() })).toEqual(elsewhere)
  const malformed = [
    '',
    'x',
    first.slice(1),
    `${first} `,
    `{${first}}`,
    globalId('x'),
    `${globalId(first)}=`,
    btoa(`Subject:${first}`),
  ]
  for (const value of malformed) await expect(named(value)).rejects.toThrow(AccountRequiredError)
})

test('a good token of nobody can take up an invitation and nothing else', async () => {
  const token = await auth.demo.issue({ sub: 'nobody', scope: everyScope, email: 'nobody@example.test' })
  const session = await sessionOf(auth, token)
  expect(session).toMatchObject({ principal: 'SUBJECT', callerId: null, accountId: null, reach: 'NONE' })
  expect(session.scopes).toEqual(new Set(['public', 'identity:link']))
  expect(session.identity?.verifiedEmail).toBe('nobody@example.test')
  expect(session.identity?.identityHash).toEqual(await auth.keyProvider.mac('identity', [auth.demo.issuer, 'nobody']))
})

test('an e-mail address counts only where the issuer verifies it and says so', async () => {
  const emailOf = async (token: string, trust = auth.demo.trust) => {
    const headersDistinct = { authorization: [`Bearer ${token}`] }
    const session = await auth.resolverFor(trust).resolve(callerHeadersOf({ url: '/', headersDistinct }))
    return session.identity?.verifiedEmail
  }
  const token = await auth.demo.issue({ sub: 'mail', scope: '', email: 'mail@example.test' })
  expect(await emailOf(token)).toBe('mail@example.test')
  expect(await emailOf(token, { ...auth.demo.trust, verifiesEmail: false })).toBeNull()
  expect(await emailOf(await auth.demo.issue({ sub: 'mail', scope: '' }))).toBeNull()
})

test('the same subject identifier of another issuer is another person', async () => {
  const accountId = await addAccount(auth)
  const identityHash = await auth.keyProvider.mac('identity', ['https://other.example.test', 'twin'])
  const id = await addPerson(auth, accountId, 'not-the-twin')
  const createdAt = auth.clock.now()
  await auth.seed((tx) => tx.identityLink.create({ data: { accountId, identityHash, subjectId: id, createdAt } }))
  expect((await sessionOf(auth, await tokenOf('twin'))).subjectId).toBeNull()
})

test('a link that ended signs nobody in, and hides no other', async () => {
  const [ended, open] = [await addAccount(auth), await addAccount(auth)]
  const endedId = await addPerson(auth, ended, 'ended')
  const endedAt = auth.clock.now()
  await auth.seed((tx) => tx.identityLink.updateMany({ where: { subjectId: endedId }, data: { endedAt } }))
  // As one who was never linked: such a person can take up an invitation.
  const unlinked = { subjectId: null, accountId: null, scopes: new Set(['public', 'identity:link']) }
  expect(await sessionOf(auth, await tokenOf('ended'))).toMatchObject(unlinked)
  expect(await sessionOf(auth, await tokenOf('ended'), { 'X-Account-Id': ended })).toMatchObject(unlinked)
  const openId = await addPerson(auth, open, 'ended')
  expect((await sessionOf(auth, await tokenOf('ended'))).subjectId).toBe(openId)
  // The same identity as another person of the account.
  const again = await addPerson(auth, ended, 'ended')
  expect((await sessionOf(auth, await tokenOf('ended'), { 'X-Account-Id': ended })).subjectId).toBe(again)
})

test('who has left, was erased or whose account is closed gets what everyone gets', async () => {
  const open = await addAccount(auth)
  const closed = await addAccount(auth, { status: 'CLOSED' })
  const closing = await addAccount(auth, { status: 'CLOSING' })
  await addPerson(auth, open, 'left', { leftAt: auth.clock.now() })
  await addPerson(auth, open, 'erased', { status: 'ERASED' })
  await addPerson(auth, closed, 'closed')
  for (const sub of ['left', 'erased', 'closed']) {
    expect(await sessionOf(auth, await tokenOf(sub))).toEqual(publicOnly('SUBJECT'))
    const headers = { 'X-Account-Id': sub === 'closed' ? closed : open }
    expect(await sessionOf(auth, await tokenOf(sub), headers)).toEqual(publicOnly('SUBJECT'))
  }
  const still = { restricted: { status: 'RESTRICTED' }, erasing: { status: 'ERASING' }, closing: {} } as const
  for (const [sub, change] of Object.entries(still)) {
    const id = await addPerson(auth, sub === 'closing' ? closing : open, sub, change)
    expect(await sessionOf(auth, await tokenOf(sub))).toMatchObject({ subjectId: id, reach: 'SELF' })
  }
})

test('a person with one open account of several need not name it', async () => {
  const closed = await addAccount(auth, { status: 'CLOSED' })
  const open = await addAccount(auth)
  await addPerson(auth, closed, 'mostly-closed')
  const id = await addPerson(auth, open, 'mostly-closed')
  expect(await sessionOf(auth, await tokenOf('mostly-closed'))).toMatchObject({ accountId: open, subjectId: id })
})

test('the time of signing in is known, unless it lies in the future', async () => {
  const accountId = await addAccount(auth)
  await addPerson(auth, accountId, 'timed')
  const token = await tokenOf('timed')
  const { authenticatedAt } = await sessionOf(auth, token)
  expect(authenticatedAt).toBeInstanceOf(Date)
  expect(authenticatedAt?.getTime()).toBeLessThanOrEqual(auth.clock.now().getTime())
})

test('demo tokens live twelve hours', async () => {
  const token = await tokenOf('demo-life')
  auth.clock.advance(43_100)
  expect(await sessionOf(auth, token)).toMatchObject({ principal: 'SUBJECT' })
  auth.clock.advance(110)
  await expect(sessionOf(auth, token)).rejects.toMatchObject({ reason: 'expired' })
})
