import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId } from '../../src/schema/global-id.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, inference, join, localId, openAccount, perform, person } from './calls.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const STEP_UP = 'AUTH.STEP_UP_REQUIRED'
const close = (who: Parameters<typeof perform>[1], accountId: string) =>
  codeOf(perform(world, who, 'closeAccount', { accountId }))

const outbox = (accountId: string, kind: string) =>
  world.resources.db.worker((tx) => tx.outboxEvent.count({ where: { accountId: localId(accountId), kind } }))

test('accounts are created by Staff alone', async () => {
  const owner = { name: 'Olga', email: `${fresh()}@owner.example` }
  const input = { name: 'New', country: 'DE', region: 'eu', owner }
  const codes: Record<string, string> = {}
  for (const who of ['subject', 'integration', 'gateway', 'processor', 'staff'] as const)
    codes[who] = await codeOf(perform(world, who, 'createAccount', input))
  expect(codes).toEqual({
    subject: 'FORBIDDEN',
    integration: 'FORBIDDEN',
    gateway: 'FORBIDDEN',
    processor: 'FORBIDDEN',
    staff: 'CreateAccountSuccess',
  })
})

test('an account is changed field by field', async () => {
  const { owner, accountId } = await openAccount(world)
  const update = async (input: object) =>
    (await perform(world, owner, 'updateAccount', { accountId, ...input }))['account']
  expect(await update({ country: 'de' })).toEqual({
    id: accountId,
    name: 'Carina Care',
    country: 'DE',
    region: 'eu-west',
  })
  expect(await update({ name: 'Ünïcode 🙂', region: 'x', country: null })).toEqual({
    id: accountId,
    name: 'Ünïcode 🙂',
    country: 'DE',
    region: 'x',
  })
  const bad = [{ region: 'EU' }, { region: '' }, { name: '' }, { name: ' ' }, { country: 'EU' }]
  for (const each of bad) {
    const outcome = perform(world, owner, 'updateAccount', { accountId, ...each })
    expect(await codeOf(outcome)).toBe('BAD_USER_INPUT')
  }
  expect(bad.length).toBe(5)
})

test('an owner who signed in within the last 5 minutes closes the account', async () => {
  const { owner, accountId } = await openAccount(world)
  world.clock.move(300.001)
  expect(await close(owner, accountId)).toBe(STEP_UP)
  world.clock.move(-0.001)
  expect(await close(owner, accountId)).toBe('CloseAccountSuccess')
  world.clock.move(-300)
})

test('a sign-in that lies in the future is none', async () => {
  const { owner, accountId } = await openAccount(world)
  world.clock.move(-2)
  expect(await close(owner, accountId)).toBe(STEP_UP)
  world.clock.move(2)
  expect(await close(owner, accountId)).toBe('CloseAccountSuccess')
})

test('admins, members, machines and strangers to the account close nothing', async () => {
  const { who } = await join(world, 'ADMIN')
  const { account } = world.ids
  for (const each of [who, { token: await world.memberToken() }, 'integration', 'gateway', 'processor'] as const)
    expect(await close(each, account)).toBe('FORBIDDEN')
  expect(await close('otherSubject', account)).toBe('NOT_AVAILABLE')
  expect(await close(null, account)).toBe('UNAUTHENTICATED')
})

test('nobody closes or changes the platform itself', async () => {
  const accountId = globalId('Account', PLATFORM_ACCOUNT_ID)
  for (const who of ['staff', 'subject'] as const) {
    expect(await close(who, accountId)).toBe('NOT_AVAILABLE')
    expect(await codeOf(perform(world, who, 'updateAccount', { accountId, region: 'x' }))).toBe('NOT_AVAILABLE')
  }
})

test('Staff closes an account; the news goes out once', async () => {
  const { accountId } = await openAccount(world)
  expect(await close('staff', accountId)).toBe('CloseAccountSuccess')
  expect(await close('staff', accountId)).toBe('ACCOUNT.NOT_ACTIVE')
  expect(await outbox(accountId, 'account.closing')).toBe(1)
})

test('of ten closings at once one succeeds, with one event', async () => {
  const { owner, accountId } = await openAccount(world)
  const codes = await Promise.all(Array.from({ length: 10 }, () => close(owner, accountId)))
  expect(codes.toSorted()).toEqual([...Array(9).fill('ACCOUNT.NOT_ACTIVE'), 'CloseAccountSuccess'])
  expect(await outbox(accountId, 'account.closing')).toBe(1)
})

test('an account that is closing takes no new data, and its open invitations are revoked', async () => {
  const { owner, accountId, ownerId } = await openAccount(world)
  const email = `${fresh()}@owner.example`
  await perform(world, owner, 'inviteMember', { name: 'Pending', email, role: 'MEMBER' })
  expect(await close(owner, accountId)).toBe('CloseAccountSuccess')
  const refused = {
    createSubject: { reference: 'r' },
    inviteMember: { name: 'N', email: `${fresh()}@owner.example`, role: 'MEMBER' },
    changeMemberRole: { subjectId: ownerId, role: 'OWNER' },
    removeMember: { subjectId: ownerId },
    createApiClient: { label: 'late' },
    updateAccount: { accountId, region: 'x' },
    closeAccount: { accountId },
  }
  for (const [name, input] of Object.entries(refused))
    expect([name, await codeOf(perform(world, owner, name, input))]).toEqual([name, 'ACCOUNT.NOT_ACTIVE'])
  const usage = { accountId, events: [inference('late')] }
  expect(await codeOf(perform(world, 'gateway', 'recordUsage', usage))).toBe('ACCOUNT.NOT_ACTIVE')
  const opening = { accountId, fileHash: 'a'.repeat(64), shiftMs: 0 }
  expect(await codeOf(perform(world, 'gateway', 'openUsageImport', opening))).toBe('ACCOUNT.NOT_ACTIVE')
  await world.runner.runDue()
  const [invitations, events] = await world.resources.db.worker(
    async (tx) => [
      await tx.invitation.findMany({ select: { acceptedAt: true, revokedAt: true }, orderBy: { acceptedAt: 'asc' } }),
      await tx.auditEvent.count({ where: { accountId: localId(accountId), kind: 'account.invitations_revoked' } }),
    ],
    localId(accountId),
  )
  expect(invitations).toEqual([
    { acceptedAt: world.clock.now(), revokedAt: null },
    { acceptedAt: null, revokedAt: world.clock.now() },
  ])
  expect(events).toBe(1)
})

test('a closing account can still be read, and its people corrected', async () => {
  const { owner, accountId } = await openAccount(world)
  const made = await perform(world, owner, 'createSubject', { reference: 'r-1', name: 'Wrong' })
  await close(owner, accountId)
  const subjectId = (made['subject'] as { id: string }).id
  const corrected = await perform(world, owner, 'updateSubject', { subjectId, name: 'Right' })
  expect(corrected).toMatchObject({ subject: { name: 'Right' } })
  const { data } = await world.ask(owner, '{ viewer { account { status } } }')
  expect(data.viewer.account.status).toBe('CLOSING')
})

test('who is nobody here sees nothing', async () => {
  const who = await person(world, { email: 'nobody@nowhere.example' })
  const { data } = await world.ask(who, '{ viewer { principal scopes account { id } subject { id } } }')
  expect(data.viewer).toEqual({
    principal: 'SUBJECT',
    scopes: ['identity:link', 'public'],
    account: null,
    subject: null,
  })
  for (const query of ['{ accounts { edges { node { id } } } }', '{ subjects { totalCount } }']) {
    const { errors } = await world.ask(who, query)
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  }
})
