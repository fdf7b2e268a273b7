import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { DEMO_ACCOUNTS, demoSub } from '../../src/demo/demo-data.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, join, localId, openAccount, perform, person } from './calls.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const withKey = (input: object, idempotencyKey: string) => ({ ...input, idempotencyKey })

test('after a problem the key is free again', async () => {
  const key = fresh()
  const reference = `ref-${fresh()}`
  await perform(world, 'integration', 'createSubject', { reference })
  const taken = withKey({ reference }, key)
  expect(await codeOf(perform(world, 'integration', 'createSubject', taken))).toBe('SUBJECT.REFERENCE_TAKEN')
  const free = withKey({ reference: `ref-${fresh()}` }, key)
  expect(await codeOf(perform(world, 'integration', 'createSubject', free))).toBe('CreateSubjectSuccess')
})

test('a repeat is answered with the rights that the caller has now', async () => {
  const admin = await join(world, 'ADMIN')
  const input = withKey({ reference: `ref-${fresh()}`, name: 'Nils' }, fresh())
  expect(await codeOf(perform(world, admin.who, 'createSubject', input))).toBe('CreateSubjectSuccess')
  await perform(world, 'subject', 'changeMemberRole', { subjectId: admin.id, role: 'MEMBER' })
  expect(await codeOf(perform(world, admin.who, 'createSubject', input))).toBe('FORBIDDEN')
  await perform(world, 'subject', 'removeMember', { subjectId: admin.id })
  expect(await codeOf(perform(world, admin.who, 'createSubject', input))).toBe('FORBIDDEN')
})

test('a repeat of a closing needs no fresh sign-in, for it changes nothing', async () => {
  const { owner, accountId } = await openAccount(world)
  const input = withKey({ accountId }, fresh())
  const first = await perform(world, owner, 'closeAccount', input)
  world.clock.move(301)
  expect(await perform(world, owner, 'closeAccount', input)).toEqual(first)
  expect(await codeOf(perform(world, owner, 'closeAccount', { accountId }))).toBe('AUTH.STEP_UP_REQUIRED')
})

test('a repeat of taking an invitation up answers the same, though the caller is somebody by then', async () => {
  const email = `${fresh()}@aster.example`
  const invited = await perform(world, 'subject', 'inviteMember', { name: 'Rhea', email, role: 'MEMBER' })
  const who = await person(world, { email, scope: '' })
  const input = withKey({ code: invited['invitationCode'] }, fresh())
  const first = await perform(world, who, 'acceptInvitation', input)
  expect(first.__typename).toBe('AcceptInvitationSuccess')
  expect(await perform(world, who, 'acceptInvitation', input)).toEqual(first)
})

test('keys of another shape are refused', async () => {
  const keys = ['', 'short', 'a'.repeat(129), 'with space', 'nül-bytes', 'null\u0000byte', '12345678\n']
  for (const key of keys) {
    const input = withKey({ reference: `ref-${fresh()}` }, key)
    expect(await codeOf(perform(world, 'integration', 'createSubject', input))).toBe('BAD_USER_INPUT')
  }
  expect(keys.length).toBe(7)
})

test('a key works for 7 days, is deleted then, and is a new one afterwards', async () => {
  const input = withKey({ label: 'Weekly' }, fresh())
  const create = () => perform(world, 'otherSubject', 'createApiClient', input)
  const first = await create()
  await world.runner.runDue()
  expect({ ...(await create()), secret: null }).toEqual({ ...first, secret: null })
  world.clock.move(7 * 24 * 3600)
  await world.runner.runDue()
  const left = await world.resources.db.worker((tx) => tx.idempotencyRecord.count())
  expect(left).toBe(0)
  const sub = demoSub(DEMO_ACCOUNTS[1].subjects[0].id)
  const again = await perform(world, await person(world, { sub }), 'createApiClient', input)
  expect(again).toMatchObject({ __typename: 'CreateApiClientSuccess', secret: expect.any(String) })
  expect(again['apiClient']).not.toEqual(first['apiClient'])
})

test('what runs too long is answered as in progress', async () => {
  const { db } = world.resources
  if (db.kind === 'pglite') return // one connection: an equal call waits for its turn, not for a lock
  const caller = systemSession(localId(world.ids.account))
  const at = world.clock.now()
  const hash = new Uint8Array(32)
  const idempotency = { mutation: 'test', keyHash: hash, fingerprint: hash, at, expiresAt: at }
  const running = Promise.withResolvers<void>()
  const entered = Promise.withResolvers<void>()
  const first = db.write({ caller, requestId: 'r', idempotency }, async () => {
    entered.resolve()
    await running.promise
    return 'done'
  })
  await entered.promise
  const second = db.write({ caller, requestId: 'r', idempotency }, async () => 'twice')
  await expect(second).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_IN_PROGRESS' })
  running.resolve()
  expect(await first).toBe('done')
  expect(await db.write({ caller, requestId: 'r', idempotency }, async () => 'twice')).toBe('done')
})
