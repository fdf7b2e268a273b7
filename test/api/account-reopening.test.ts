import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId } from '../../src/schema/global-id.ts'
import { change, closingOf, openOwned, staff } from '../domains/retention/closing-kit.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, inference, join, localId, perform, person } from './calls.ts'

const START = '2026-03-15T12:00:00.000Z'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const DONE = { close: 'CloseAccountSuccess', reopen: 'ReopenAccountSuccess' }

const eventsOf = async (accountId: string) =>
  (
    await world.resources.db.worker((tx) =>
      tx.outboxEvent.findMany({ where: { accountId, kind: { startsWith: 'account.' } }, orderBy: { position: 'asc' } }),
    )
  ).map(({ kind, payload }) => [kind, payload])

test('a closing that is taken back leaves the account in use, takes new data again, and is told', async () => {
  const { account, accountId, owner } = await openOwned(world)
  expect(await change(world, await owner(), 'closeAccount', account)).toBe(DONE.close)
  const who = await owner()
  const reopened = await perform(world, who, 'reopenAccount', { accountId: account })
  expect(reopened['account']).toEqual({ id: account, status: 'ACTIVE', closingAt: null })
  expect(await codeOf(perform(world, who, 'createSubject', { reference: 'after' }))).toBe('CreateSubjectSuccess')
  const usage = { accountId: account, events: [inference('after')] }
  expect(await codeOf(perform(world, 'gateway', 'recordUsage', usage))).toBe('RecordUsageSuccess')
  expect((await eventsOf(accountId)).slice(-2)).toEqual([
    ['account.closing', { accountId, closingAt: START }],
    ['account.reopened', { accountId }],
  ])
  expect(await closingOf(world, who, account)).toBeNull()
})

test('an owner needs a fresh sign-in, Staff needs none, and nobody else reopens', async () => {
  const { account, owner } = await openOwned(world)
  const stale = await owner()
  const asStaff = await staff(world)
  expect(await change(world, stale, 'closeAccount', account)).toBe(DONE.close)
  world.clock.move(300.001)
  expect(await change(world, stale, 'reopenAccount', account)).toBe('AUTH.STEP_UP_REQUIRED')
  world.clock.move(-300.001)
  for (const who of ['subject', 'otherSubject'] as const)
    expect(await change(world, who, 'reopenAccount', account)).toBe('NOT_AVAILABLE')
  for (const who of ['integration', 'gateway', 'processor'] as const)
    expect(await change(world, who, 'reopenAccount', account)).toBe('FORBIDDEN')
  expect(await change(world, null, 'reopenAccount', account)).toBe('UNAUTHENTICATED')
  expect(await change(world, asStaff, 'reopenAccount', account)).toBe(DONE.reopen)
})

test("admins and members of the account do not, and another account's id is answered like one that does not exist", async () => {
  const { account } = world.ids
  const admin = await join(world, 'ADMIN')
  for (const who of [admin.who, { token: await world.memberToken() }])
    expect(await change(world, who, 'reopenAccount', account)).toBe('FORBIDDEN')
  const nowhere = globalId('Account', '0199aa00-0000-7000-8000-00000000dead')
  for (const id of [world.ids.otherAccount, nowhere])
    expect(await change(world, 'subject', 'reopenAccount', id)).toBe('NOT_AVAILABLE')
  expect(await change(world, await staff(world), 'reopenAccount', nowhere)).toBe('NOT_AVAILABLE')
  const platform = globalId('Account', PLATFORM_ACCOUNT_ID)
  expect(await change(world, await staff(world), 'reopenAccount', platform)).toBe('NOT_AVAILABLE')
})

test('there is nothing to take back of an account in use', async () => {
  const { account, owner } = await openOwned(world)
  expect(await change(world, await owner(), 'reopenAccount', account)).toBe('ACCOUNT.NOT_CLOSING')
})

// A period of days is counted in days, whatever the months: Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(b).
// January has 31 days; February has 28 in 2027 and 29 in 2028.
test.each([
  ['2027-01-31T12:00:00.000Z', '2027-03-02T12:00:00.000Z'],
  ['2028-01-31T12:00:00.000Z', '2028-03-01T12:00:00.000Z'],
  ['2027-02-28T23:59:59.999Z', '2027-03-30T23:59:59.999Z'],
  ['2028-02-29T00:00:00.000Z', '2028-03-30T00:00:00.000Z'],
  // Clocks are put forward on 2027-03-28 in Europe; the law's days are days of UTC here.
  ['2027-03-15T00:30:00.000Z', '2027-04-14T00:30:00.000Z'],
])('begun at %s it can be taken back until %s, and not at that instant', async (closingAt, reopenUntil) => {
  const { account, owner } = await openOwned(world)
  world.clock.set(closingAt)
  expect(await change(world, await owner(), 'closeAccount', account)).toBe(DONE.close)
  expect(await closingOf(world, await owner(), account)).toMatchObject({
    closingAt,
    reopenUntil,
    closesAt: reopenUntil,
  })
  world.clock.set(reopenUntil)
  expect(await change(world, await owner(), 'reopenAccount', account)).toBe('ACCOUNT.NOT_REOPENABLE')
  world.clock.move(-0.001)
  expect(await change(world, await owner(), 'reopenAccount', account)).toBe(DONE.reopen)
  world.clock.set(START)
})

test('of ten that take a closing back at once one does, with one event', async () => {
  const { account, accountId, owner } = await openOwned(world)
  await change(world, await owner(), 'closeAccount', account)
  const who = await owner()
  const codes = await Promise.all(Array.from({ length: 10 }, () => change(world, who, 'reopenAccount', account)))
  expect(codes.toSorted()).toEqual([...Array(9).fill('ACCOUNT.NOT_CLOSING'), DONE.reopen])
  expect((await eventsOf(accountId)).filter(([kind]) => kind === 'account.reopened')).toHaveLength(1)
})

test('closed, reopened and closed again in the same instant, it is closing, and planned by that', async () => {
  const { account, accountId, owner } = await openOwned(world)
  const who = await owner()
  const codes = []
  for (const name of ['closeAccount', 'reopenAccount', 'closeAccount', 'reopenAccount', 'closeAccount'] as const)
    codes.push(await change(world, who, name, account))
  expect(codes).toEqual([DONE.close, DONE.reopen, DONE.close, DONE.reopen, DONE.close])
  await world.runner.runDue()
  expect(await closingOf(world, who, account)).toMatchObject({ closingAt: START, total: 3, planned: 3 })
  expect((await eventsOf(accountId)).map(([kind]) => kind).slice(-5)).toEqual([
    'account.closing',
    'account.reopened',
    'account.closing',
    'account.reopened',
    'account.closing',
  ])
})

test('the last owner can still sign in while it is closing, cannot be removed, and takes the closing back', async () => {
  const { account, ownerId, owner } = await openOwned(world)
  await change(world, await owner(), 'closeAccount', account)
  world.clock.move(29 * 86_400)
  const who = await owner()
  expect(await codeOf(perform(world, who, 'removeMember', { subjectId: ownerId }))).toBe('ACCOUNT.NOT_ACTIVE')
  expect(await codeOf(perform(world, who, 'changeMemberRole', { subjectId: ownerId, role: 'MEMBER' }))).toBe(
    'ACCOUNT.NOT_ACTIVE',
  )
  expect(await change(world, who, 'reopenAccount', account)).toBe(DONE.reopen)
  world.clock.set(START)
})

test('invitations that the closing revoked stay revoked; one made after the reopening is not touched by it', async () => {
  const { account, accountId, owner } = await openOwned(world)
  const who = await owner()
  const invite = async () => {
    const email = `${fresh()}@owner.example`
    const { invitationCode } = await perform(world, who, 'inviteMember', { name: 'N', email, role: 'MEMBER' })
    return { email, code: String(invitationCode) }
  }
  const before = await invite()
  await change(world, who, 'closeAccount', account)
  world.clock.move(1)
  await change(world, await owner(), 'reopenAccount', account)
  const after = await invite()
  // Only now the worker learns of the closing.
  await world.runner.runDue()
  const accept = async ({ email, code }: typeof before) =>
    codeOf(perform(world, await person(world, { email }), 'acceptInvitation', { code }))
  expect(await accept(before)).toBe('ACCOUNT.INVITATION_NOT_VALID')
  expect(await accept(after)).toBe('AcceptInvitationSuccess')
  const audited = await world.resources.db.worker((tx) =>
    tx.auditEvent.findMany({
      where: { accountId, kind: { in: ['account.invitations_revoked', 'account.reopened'] } },
      select: { kind: true, recordType: true, count: true },
      orderBy: { kind: 'asc' },
    }),
  )
  expect(audited).toEqual([
    { kind: 'account.invitations_revoked', recordType: 'Invitation', count: 1 },
    { kind: 'account.reopened', recordType: 'Account', count: 1 },
  ])
  world.clock.move(-1)
  expect(localId(account)).toBe(accountId)
})

test('a rule that keeps data for a shorter time after a closing ends the time to take it back', async () => {
  const { account, owner } = await openOwned(world)
  await change(world, await owner(), 'closeAccount', account)
  await world.resources.db.write({ caller: systemSession(PLATFORM_ACCOUNT_ID), requestId: 'test' }, async (tx) => {
    const newest = await tx.retentionRule.aggregate({ _max: { version: true } })
    const rule = await tx.retentionRule.findFirstOrThrow({ where: { category: 'COOKIE', trigger: 'ACCOUNT_CLOSED' } })
    const { id: _, ...rest } = rule
    const id = '0199aa00-0000-7000-8000-00000000c00c'
    const description = rule.description as object
    const version = (newest._max.version ?? 0) + 1
    await tx.retentionRule.createMany({ data: [{ ...rest, id, description, period: 'P7D', version }] })
  })
  expect(await closingOf(world, await owner(), account)).toMatchObject({
    reopenUntil: '2026-03-22T12:00:00.000Z',
    closesAt: '2026-04-14T12:00:00.000Z',
  })
  world.clock.set('2026-03-22T12:00:00.000Z')
  expect(await change(world, await owner(), 'reopenAccount', account)).toBe('ACCOUNT.NOT_REOPENABLE')
  world.clock.set(START)
})
