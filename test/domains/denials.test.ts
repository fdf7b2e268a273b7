import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyOf, localId, perform, person } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const denied = () =>
  world.resources.db.worker((tx) =>
    tx.auditEvent.findMany({
      where: { kind: 'access.denied' },
      orderBy: { actorKind: 'asc' },
      select: { accountId: true, actorKind: true, actorId: true, subjectId: true, recordType: true, count: true },
    }),
  )
const denyOnce = (who: Parameters<typeof perform>[1]) => perform(world, who, 'createAccount', ACCOUNT)
const ACCOUNT = { name: 'X', country: 'DE', region: 'x', owner: { name: 'X', email: 'x@x.example' } }

test('refusals are counted by caller and written together', async () => {
  const member = { token: await world.memberToken() }
  const asked = [...Array(25).fill(member), ...Array(3).fill('integration'), 'gateway'] as const
  for (const who of asked) expect((await denyOnce(who)).code).toBe('FORBIDDEN')
  expect((await denyOnce(null)).code).toBe('UNAUTHENTICATED')
  expect((await denyOnce(await person(world, { email: 'nobody@x.example' }))).code).toBe('FORBIDDEN')
  expect(await denied()).toEqual([])
  await world.serving.denials.flush(world.resources)
  const { accountId, id } = keyOf(world.ids.member)
  const shared = { recordType: 'Operation', actorId: expect.any(String) }
  const rows = [
    { ...shared, accountId, actorKind: 'SUBJECT', actorId: id, subjectId: id, count: 25 },
    { ...shared, accountId, actorKind: 'INTEGRATION', subjectId: null, count: 3 },
    { ...shared, accountId: '00000000-0000-7000-8000-000000000000', actorKind: 'GATEWAY', subjectId: null, count: 1 },
  ]
  expect(await denied()).toEqual(rows)
  await world.serving.denials.flush(world.resources)
  expect(await denied()).toHaveLength(3)
  const query = '{ auditEvents(filter: { kind: "access.denied" }) { edges { node { count } } } }'
  const { data } = await world.ask(member, query)
  expect(data.auditEvents.edges).toEqual([{ node: { count: 25 } }])
})

test('what cannot be written is kept for the next time', async () => {
  const { denials } = world.serving
  await denyOnce('otherIntegration')
  const failing = { ...world.resources, db: { worker: () => Promise.reject(new Error('no database')) } as never }
  await expect(denials.flush(failing)).rejects.toThrow('no database')
  await denyOnce('otherIntegration')
  await denials.flush(world.resources)
  const rows = (await denied()).filter((row) => row.accountId === localId(world.ids.otherAccount))
  expect(rows.map((row) => row.count)).toEqual([2])
})
