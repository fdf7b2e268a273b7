import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, join, openAccount, perform, person } from './calls.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const invite = (who: Parameters<typeof perform>[1], role: string, email = `${fresh()}@aster.example`) =>
  perform(world, who, 'inviteMember', { name: 'Ines', email, role })

test('an owner invites every role, an admin all but owners, a member and a machine none', async () => {
  const admin = await join(world, 'ADMIN')
  const member = { token: await world.memberToken() }
  const codes: Record<string, string[]> = {}
  const callers = { owner: 'subject', admin: admin.who, member, integration: 'integration', staff: 'staff' } as const
  for (const [name, who] of Object.entries(callers))
    codes[name] = await Promise.all(['OWNER', 'ADMIN', 'MEMBER'].map((role) => codeOf(invite(who, role))))
  const [yes, no] = ['InviteMemberSuccess', 'FORBIDDEN']
  expect(codes).toEqual({
    owner: [yes, yes, yes],
    admin: ['ACCOUNT.ROLE_NOT_ALLOWED', yes, yes],
    member: [no, no, no],
    integration: [no, no, no],
    staff: [no, no, no],
  })
})

test('an admin cannot take the role of an invited owner away', async () => {
  const admin = await join(world, 'ADMIN')
  const email = `${fresh()}@aster.example`
  await invite('subject', 'OWNER', email)
  expect(await codeOf(invite(admin.who, 'MEMBER', email))).toBe('ACCOUNT.ROLE_NOT_ALLOWED')
})

test('who is a person of the account already is not invited, whatever the case of the address', async () => {
  expect(await codeOf(invite('subject', 'MEMBER', 'BRUNO@aster.example'))).toBe('ACCOUNT.MEMBER_EXISTS')
  expect(await codeOf(invite('subject', 'MEMBER', 'chiara@mail.example'))).toBe('ACCOUNT.MEMBER_EXISTS')
})

test('an admin neither changes nor removes an owner', async () => {
  const admin = await join(world, 'ADMIN')
  const { owner } = world.ids
  const change = { subjectId: owner, role: 'MEMBER' }
  expect(await codeOf(perform(world, admin.who, 'changeMemberRole', change))).toBe('ACCOUNT.ROLE_NOT_ALLOWED')
  expect(await codeOf(perform(world, admin.who, 'removeMember', { subjectId: owner }))).toBe('ACCOUNT.ROLE_NOT_ALLOWED')
  const raise = { subjectId: admin.id, role: 'OWNER' }
  expect(await codeOf(perform(world, admin.who, 'changeMemberRole', raise))).toBe('ACCOUNT.ROLE_NOT_ALLOWED')
})

test('the last owner who has joined stays', async () => {
  const { owner, ownerId } = await openAccount(world)
  await perform(world, owner, 'inviteMember', { name: 'Second', email: `${fresh()}@owner.example`, role: 'OWNER' })
  const step = { subjectId: ownerId, role: 'MEMBER' }
  expect(await codeOf(perform(world, owner, 'changeMemberRole', step))).toBe('ACCOUNT.LAST_OWNER')
  expect(await codeOf(perform(world, owner, 'removeMember', { subjectId: ownerId }))).toBe('ACCOUNT.LAST_OWNER')
})

test('of two owners who leave at once one stays', async () => {
  const results: string[][] = []
  for (let round = 0; round < 5; round += 1) {
    const { owner, ownerId } = await openAccount(world)
    const email = `${fresh()}@owner.example`
    const invited = await perform(world, owner, 'inviteMember', { name: 'Second', email, role: 'OWNER' })
    const second = await person(world, { email })
    const accepted = await perform(world, second, 'acceptInvitation', { code: invited['invitationCode'] })
    const codes = await Promise.all([
      codeOf(perform(world, owner, 'removeMember', { subjectId: ownerId })),
      codeOf(perform(world, second, 'removeMember', { subjectId: accepted['subjectId'] })),
    ])
    results.push(codes.sort())
  }
  expect(results).toEqual(Array.from({ length: 5 }, () => ['ACCOUNT.LAST_OWNER', 'RemoveMemberSuccess']))
})

test('a removed member has no access from that moment on, and joins again by a new invitation', async () => {
  const email = `${fresh()}@aster.example`
  const invited = await invite('subject', 'MEMBER', email)
  const who = await person(world, { email })
  const subjectId = (await perform(world, who, 'acceptInvitation', { code: invited['invitationCode'] }))['subjectId']
  const viewer = async () => (await world.ask(who, '{ viewer { account { id } subject { id leftAt } } }')).data.viewer
  expect(await viewer()).toEqual({ account: { id: world.ids.account }, subject: { id: subjectId, leftAt: null } })
  expect(await codeOf(perform(world, 'subject', 'removeMember', { subjectId }))).toBe('RemoveMemberSuccess')
  expect(await viewer()).toEqual({ account: null, subject: null })
  expect(await codeOf(perform(world, 'subject', 'removeMember', { subjectId }))).toBe('NOT_AVAILABLE')
  const again = await invite('subject', 'ADMIN', email)
  expect(again).toMatchObject({ subject: { id: subjectId, accountRole: 'ADMIN', joinedAt: null, leftAt: null } })
  expect(await viewer()).toEqual({ account: null, subject: null })
  const accepted = await perform(world, who, 'acceptInvitation', { code: again['invitationCode'] })
  expect(accepted).toEqual({ __typename: 'AcceptInvitationSuccess', subjectId })
  expect(await viewer()).toEqual({ account: { id: world.ids.account }, subject: { id: subjectId, leftAt: null } })
})

test('an invitation of one who left is revoked by removing the person', async () => {
  const { id } = await join(world, 'MEMBER')
  await perform(world, 'subject', 'removeMember', { subjectId: id })
  const { data } = await world.ask('subject', 'query($id: ID!) { subject(id: $id) { email } }', { id })
  const again = await invite('subject', 'MEMBER', data.subject.email)
  expect(await codeOf(perform(world, 'subject', 'removeMember', { subjectId: id }))).toBe('RemoveMemberSuccess')
  const who = await person(world, { email: data.subject.email })
  expect(await codeOf(perform(world, who, 'acceptInvitation', { code: again['invitationCode'] }))).toBe(
    'ACCOUNT.INVITATION_NOT_VALID',
  )
})

test('members of another account are out of reach', async () => {
  const { other } = world.ids
  const change = { subjectId: other, role: 'MEMBER' }
  expect(await codeOf(perform(world, 'subject', 'changeMemberRole', change))).toBe('NOT_AVAILABLE')
  expect(await codeOf(perform(world, 'subject', 'removeMember', { subjectId: other }))).toBe('NOT_AVAILABLE')
  expect(await codeOf(perform(world, 'subject', 'removeMember', { subjectId: world.ids.endUser }))).toBe(
    'NOT_AVAILABLE',
  )
})

test('a role is given and taken, and takes effect with the next request', async () => {
  const { who, id } = await join(world, 'MEMBER')
  const count = async () => (await world.ask(who, '{ subjects { totalCount } }')).data.subjects.totalCount
  expect(await count()).toBe(1)
  await perform(world, 'subject', 'changeMemberRole', { subjectId: id, role: 'ADMIN' })
  expect(await count()).toBeGreaterThan(4)
  await perform(world, 'subject', 'changeMemberRole', { subjectId: id, role: 'MEMBER' })
  expect(await count()).toBe(1)
})
