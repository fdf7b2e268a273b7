import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, join, localId, openAccount, perform, person } from './calls.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const WEEK = 7 * 24 * 3600
const NOT_VALID = 'ACCOUNT.INVITATION_NOT_VALID'
const OK = 'AcceptInvitationSuccess'

async function invite(role = 'MEMBER', email = `${fresh()}@aster.example`) {
  const invited = await perform(world, 'subject', 'inviteMember', { name: 'Ines', email, role })
  return { email, code: String(invited['invitationCode']) }
}

const accept = (who: Awaited<ReturnType<typeof person>>, code: string, headers?: Record<string, string>) =>
  codeOf(perform(world, who, 'acceptInvitation', { code }, headers))

test('Staff creates an account, and its first owner takes it over', async () => {
  const { owner, accountId } = await openAccount(world)
  const { data, errors } = await world.ask(
    owner,
    '{ viewer { principal account { id name country region } subject { name email accountRole } } }',
  )
  expect(errors).toBeUndefined()
  expect(data.viewer).toEqual({
    principal: 'SUBJECT',
    account: { id: accountId, name: 'Carina Care', country: 'FR', region: 'eu-west' },
    subject: { name: 'Gael Petit', email: expect.stringMatching(/@owner\.example$/), accountRole: 'OWNER' },
  })
})

test('an invitation needs the invited address, and an issuer that vouches for it', async () => {
  const { email, code } = await invite()
  expect(await accept(await person(world, { email: 'other@aster.example' }), code)).toBe(NOT_VALID)
  expect(await accept(await person(world, {}), code)).toBe(NOT_VALID)
  expect(await accept(await person(world, { email: email.toUpperCase() }), code)).toBe(OK)
})

test('a code that was altered in any character is refused', async () => {
  const { email, code } = await invite()
  const who = await person(world, { email })
  let tried = 0
  for (let at = 0; at < code.length; at += 1) {
    const other = code[at] === 'A' ? 'B' : 'A'
    // The last character carries two bits only: its other four must be zero to be the same text again.
    expect(await accept(who, code.slice(0, at) + other + code.slice(at + 1))).toBe(NOT_VALID)
    tried += 1
  }
  const hostile = ['', ' ', code.toLowerCase(), `${code}A`, code.slice(1), `${code}\n`, ` ${code}`, `${code}=`]
  for (const each of [...hostile, code.replace(/.$/, '+'), 'é'.repeat(86), '\u0000'.repeat(86), 'A'.repeat(86)]) {
    expect(await accept(who, each)).toBe(NOT_VALID)
    tried += 1
  }
  expect(tried).toBe(98)
  expect(await accept(who, code)).toBe(OK)
})

test('an invitation is taken up once: again by the same person and by another it is refused', async () => {
  const { email, code } = await invite()
  const who = await person(world, { email })
  expect(await accept(who, code)).toBe(OK)
  expect(await accept(who, code)).toBe(NOT_VALID)
  expect(await accept(await person(world, { email }), code)).toBe(NOT_VALID)
})

test('of ten who take one invitation up at once one succeeds', async () => {
  const { email, code } = await invite()
  const people = await Promise.all(Array.from({ length: 10 }, () => person(world, { email })))
  const codes = await Promise.all(people.map((who) => accept(who, code)))
  expect(codes.filter((each) => each === OK)).toHaveLength(1)
  expect(codes.filter((each) => each === NOT_VALID)).toHaveLength(9)
})

test('an invitation lives 7 days and not a millisecond longer', async () => {
  const [first, second] = [await invite(), await invite()]
  world.clock.move(WEEK - 0.001)
  expect(await accept(await person(world, { email: first.email }), first.code)).toBe(OK)
  world.clock.move(0.001)
  expect(await accept(await person(world, { email: second.email }), second.code)).toBe(NOT_VALID)
  world.clock.move(-WEEK)
})

test('a newer invitation of the same person ends the older one', async () => {
  const older = await invite()
  const newer = await invite('ADMIN', older.email.toUpperCase())
  const who = await person(world, { email: older.email })
  expect(await accept(who, older.code)).toBe(NOT_VALID)
  expect(await accept(who, newer.code)).toBe(OK)
  const { data } = await world.ask(who, '{ viewer { subject { accountRole } } }')
  expect(data.viewer.subject.accountRole).toBe('ADMIN')
})

test('an invitation into an account that is closing is refused', async () => {
  const { owner, accountId } = await openAccount(world)
  const email = `${fresh()}@owner.example`
  const invited = await perform(world, owner, 'inviteMember', { name: 'Late', email, role: 'MEMBER' })
  expect(await codeOf(perform(world, owner, 'closeAccount', { accountId }))).toBe('CloseAccountSuccess')
  expect(await accept(await person(world, { email }), String(invited['invitationCode']))).toBe('ACCOUNT.NOT_ACTIVE')
})

test('a member of one account takes up an invitation into another, and then names the account', async () => {
  const { owner, accountId } = await openAccount(world)
  const email = `${fresh()}@both.example`
  const sub = `sub-${fresh()}`
  const here = await invite('MEMBER', email)
  const who = await person(world, { sub, email })
  expect(await accept(who, here.code)).toBe(OK)
  const there = await perform(world, owner, 'inviteMember', { name: 'Both', email, role: 'ADMIN' })
  expect(await accept(who, String(there['invitationCode']))).toBe(OK)
  const role = async (account: string) => {
    const { data } = await world.ask(who, '{ viewer { subject { accountRole } } }', {}, { 'x-account-id': account })
    return data.viewer.subject.accountRole
  }
  expect(await role(localId(world.ids.account))).toBe('MEMBER')
  expect(await role(localId(accountId))).toBe('ADMIN')
})

test('one identity is one person of an account', async () => {
  const { who } = await join(world, 'MEMBER')
  const { email, code } = await invite()
  const token = (who as { token: string }).token
  const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  expect(await accept(await person(world, { sub, email }), code)).toBe(NOT_VALID)
})

test('machines and strangers take no invitation up', async () => {
  const { code } = await invite()
  for (const who of ['integration', 'gateway', 'processor', 'staff'] as const)
    expect(await codeOf(perform(world, who, 'acceptInvitation', { code }))).toBe('FORBIDDEN')
  expect(await codeOf(perform(world, null, 'acceptInvitation', { code }))).toBe('UNAUTHENTICATED')
})
