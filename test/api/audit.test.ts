import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemSession } from '../../src/auth/session.ts'
import { openWorld, type World } from '../kit/world.ts'
import { fresh, inference, keyOf, localId, perform, type Who } from './calls.ts'
import { planFaults } from './faults.ts'

let world: World
let plans: ReturnType<typeof planFaults>
beforeAll(async () => {
  world = await openWorld()
  plans = planFaults(world)
})
afterAll(() => world.close())

const QUERY = `query($f: AuditFilter, $first: Int, $after: String) { auditEvents(filter: $f, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor } edges { node { id kind accountId subjectId actorId actorKind } } } }`

type Node = {
  id: string
  kind: string
  accountId: string
  subjectId: string | null
  actorId: string
  actorKind: string
}

async function events(as: Who, f: object = {}): Promise<Node[]> {
  const { data, errors } = await world.ask(as, QUERY, { f, first: 100 })
  expect(errors).toBeUndefined()
  return data.auditEvents.edges.map(({ node }: { node: Node }) => node)
}

const kinds = async (as: Who, f: object = {}) => [...new Set((await events(as, f)).map((node) => node.kind))].sort()

/** Who was shown to Staff by a request. */
async function shownBy(query: string, variables: object = {}): Promise<string[]> {
  const requestId = `req-${fresh()}`
  const { errors } = await world.ask('staff', query, variables, { 'x-request-id': requestId })
  expect(errors).toBeUndefined()
  const rows = await world.resources.db.worker((tx) => tx.auditEvent.findMany({ where: { requestId } }))
  for (const row of rows) expect([row.kind, row.actorKind]).toEqual(['subject.read_by_staff', 'STAFF'])
  return [...new Set(rows.map((row) => String(row.subjectId)))].sort()
}

test('events are found by account, person, actor, kind and time', async () => {
  const made = await perform(world, 'integration', 'createSubject', { reference: fresh(), name: 'Found' })
  const subjectId = (made['subject'] as { id: string }).id
  world.clock.move(60)
  const at = world.clock.now().toISOString()
  await perform(world, 'subject', 'updateSubject', { subjectId, name: 'Found again' })
  const owner = keyOf(world.ids.owner).id
  expect({
    subject: await kinds('staff', { subjectId }),
    actor: await kinds('staff', { actorId: owner, subjectId }),
    kind: await kinds('staff', { kind: 'subject.created', subjectId }),
    from: await kinds('staff', { from: at, subjectId }),
    to: await kinds('staff', { to: at, subjectId }),
    otherAccount: await kinds('staff', { accountId: world.ids.otherAccount }),
  }).toEqual({
    subject: ['subject.created', 'subject.updated'],
    actor: ['subject.updated'],
    kind: ['subject.created'],
    from: ['subject.updated'],
    to: ['subject.created'],
    otherAccount: ['subject.created'],
  })
  const bad = [
    { kind: 'no.such' },
    { actorId: 'x' },
    { from: at, to: at },
    { subjectId, accountId: world.ids.otherAccount },
    { subjectId: world.ids.account },
  ]
  for (const f of bad) {
    const { errors } = await world.ask('staff', QUERY, { f })
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
  }
})

test('a person sees what concerns it and nothing else, machines see nothing', async () => {
  const member = { token: await world.memberToken() }
  for (const [as, id] of [[member, world.ids.member] as const, ['subject', world.ids.owner] as const]) {
    const seen = await events(as)
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(seen.map((node) => node.subjectId))).toEqual(new Set([id]))
    expect(await events(as, { subjectId: world.ids.endUser })).toEqual([])
    expect(await events(as, { accountId: world.ids.otherAccount })).toEqual([])
  }
  for (const as of ['integration', 'processor', 'gateway'] as const) {
    const { errors } = await world.ask(as, QUERY)
    expect(errors?.[0]?.extensions['code']).toBe('FORBIDDEN')
  }
})

test('each staff role with audit:read sees all accounts, the others nothing', async () => {
  const { db } = world.resources
  const can: Record<string, string> = {}
  for (const role of ['PRIVACY_OFFICER', 'SUPPORT', 'ENGINEER', 'SECURITY', 'AUDITOR'] as const) {
    const identityHash = await world.resources.keyProvider.mac('identity', [`http://privacy.test/demo`, role])
    const caller = systemSession(localId(world.ids.account))
    const trainingUntilAt = new Date('2027-01-01T00:00:00Z')
    await db.write({ caller, requestId: 'r' }, async (tx) => {
      const id = crypto.randomUUID()
      await tx.staffMember.create({
        data: { id, identityHash, roles: [role], trainingUntilAt, createdAt: world.clock.now() },
        select: { id: true },
      })
    })
    const token = await world.serving.demoIssuer?.issue({ sub: role, scope: 'audit:read subjects:read accounts:read' })
    const { errors, data } = await world.ask({ token: token ?? '' }, QUERY, { first: 100 })
    const accounts = new Set(data?.auditEvents?.edges.map(({ node }: { node: Node }) => node.accountId))
    can[role] = errors ? String(errors[0]?.extensions['code']) : accounts.size > 1 ? 'all' : 'some'
    const persons = await world.ask({ token: token ?? '' }, '{ subjects { totalCount } }')
    can[`${role} persons`] = persons.errors ? 'none' : 'some'
  }
  expect(can).toEqual({
    PRIVACY_OFFICER: 'all',
    'PRIVACY_OFFICER persons': 'some',
    SUPPORT: 'FORBIDDEN',
    'SUPPORT persons': 'some',
    ENGINEER: 'FORBIDDEN',
    'ENGINEER persons': 'none',
    SECURITY: 'all',
    'SECURITY persons': 'none',
    AUDITOR: 'all',
    'AUDITOR persons': 'none',
  })
})

test('what Staff is shown of persons is written, for exactly those persons', async () => {
  const { account, owner, member, endUser } = world.ids
  const uuid = (...ids: string[]) => ids.map((id) => keyOf(id).id).sort()
  expect(await shownBy('{ accounts { edges { node { id name } } } }')).toEqual([])
  expect(await shownBy('query($id: ID!) { subject(id: $id) { name } }', { id: endUser })).toEqual(uuid(endUser))
  expect(await shownBy('query($id: ID!) { subject(id: $id) { s: kind } }', { id: member })).toEqual(uuid(member))
  const nested = `query($id: ID!) { account(id: $id) { subjects(first: 100) { edges { node { email } } } } }`
  const all = await shownBy(nested, { id: account })
  expect(all).toEqual(expect.arrayContaining(uuid(owner, member, endUser)))
  const some = 'query($f: SubjectFilter) { subjects(filter: $f) { edges { node { name } } } }'
  expect(await shownBy(some, { f: { accountId: account, kind: 'MEMBER' } })).toEqual(uuid(owner, member))
  const usage = [
    inference(fresh(), { subjectId: member }),
    inference(fresh()),
    inference(fresh(), { subjectId: owner }),
  ]
  await perform(world, 'gateway', 'recordUsage', { accountId: account, events: usage })
  expect(await shownBy('{ usageEvents(first: 10) { edges { node { addressPrefix } } } }')).toEqual(uuid(member, owner))
  expect(
    await shownBy(
      'query($f: DateTime!, $t: DateTime!) { usageStatistics(from: $f, to: $t) { months { isLeftOut } } }',
      {
        f: '2026-02-01T00:00:00Z',
        t: '2026-03-01T00:00:00Z',
      },
    ),
  ).toEqual([])
})

test('what others read is not written', async () => {
  const count = () => world.resources.db.worker((tx) => tx.auditEvent.count())
  const before = await count()
  for (const as of ['subject', 'integration', 'otherSubject'] as const)
    await world.ask(as, '{ subjects { edges { node { name email } } } }')
  expect(await count()).toBe(before)
})

test('when the reading cannot be written the answer does not leave', async () => {
  plans.openRead = (_step, model) => model === 'auditEvent'
  const { data, errors } = await world.ask('staff', 'query($id: ID!) { subject(id: $id) { name } }', {
    id: world.ids.endUser,
  })
  plans.openRead = null
  expect(data?.subject).toBeUndefined()
  expect(errors?.[0]?.extensions['code']).toBe('INTERNAL')
  expect(world.log.join('')).not.toContain('Chiara')
})

test('pages stay where they are while events come in', async () => {
  for (let index = 0; index < 6; index += 1) {
    world.clock.move(1)
    await perform(world, 'otherSubject', 'createSubject', { reference: fresh() })
  }
  const f = { accountId: world.ids.otherAccount }
  const page = async (after: string | null) =>
    (await world.ask('staff', QUERY, { f, first: 3, after })).data.auditEvents
  const idsOf = (connection: { edges: { node: Node }[] }) => connection.edges.map(({ node }) => node.id)
  const whole = (await events('staff', f)).map((node) => node.id)
  const first = await page(null)
  await perform(world, 'otherSubject', 'createSubject', { reference: fresh() })
  const second = await page(first.pageInfo.endCursor)
  await perform(world, 'otherSubject', 'createSubject', { reference: fresh() })
  const third = await page(second.pageInfo.endCursor)
  const walked = [...idsOf(first), ...idsOf(second), ...idsOf(third)]
  expect(walked).toEqual(whole.slice(0, walked.length))
  expect(walked.length).toBeGreaterThan(6)
})
