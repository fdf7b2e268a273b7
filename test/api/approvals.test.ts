import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, perform, type Who } from './calls.ts'
import { approve, propose, staffMember } from './retention-rules-kit.ts'

let world: World
let officer: Who
let third: Who
beforeAll(async () => {
  world = await openWorld()
  officer = await staffMember(world, 'PRIVACY_OFFICER')
  third = await staffMember(world, 'PRIVACY_OFFICER')
})
afterAll(() => world.close())

const reject = (as: Who, approvalId: string) => perform(world, as, 'rejectApproval', { approvalId })
const withdraw = (as: Who, approvalId: string) => perform(world, as, 'withdrawApproval', { approvalId })

type Listed = { id: string; state: string; proposedById: string; decidedById: string | null }
const LIST = `query($f: ApprovalFilter) { approvals(filter: $f, first: 100) { totalCount edges { node {
  id kind state proposedById proposedAt expiresAt decidedById decidedAt retentionRule { period description } } } } }`
async function list(f?: object, as: Who = 'staff'): Promise<Listed[]> {
  const { data, errors } = await world.ask(as, LIST, { f })
  if (errors) throw new Error(String(errors[0]?.extensions['code']))
  expect(data.approvals.totalCount).toBe(data.approvals.edges.length)
  return data.approvals.edges.map(({ node }: { node: Listed }) => node)
}
const ids = async (f?: object) => (await list(f)).map(({ id }) => id)

describe('a proposal', () => {
  test('is decided by another person alone', async () => {
    const id = await propose(world, 'staff')
    expect(await codeOf(approve(world, 'staff', id))).toBe('APPROVAL.SAME_PERSON')
    expect(await codeOf(reject('staff', id))).toBe('APPROVAL.SAME_PERSON')
    expect((await list()).find((each) => each.id === id)).toMatchObject({ state: 'PENDING', decidedById: null })
    expect(await reject(officer, id)).toMatchObject({ approval: { id, state: 'REJECTED' } })
    const [decided] = await list({ state: 'REJECTED' })
    expect(decided?.decidedById).not.toBe(decided?.proposedById)
  })

  test('is taken back by the person who made it alone', async () => {
    const id = await propose(world, 'staff')
    expect(await codeOf(withdraw(officer, id))).toBe('APPROVAL.NOT_OWN')
    expect(await withdraw('staff', id)).toMatchObject({ approval: { id, state: 'WITHDRAWN' } })
    expect(await codeOf(withdraw('staff', id))).toBe('APPROVAL.ALREADY_DECIDED')
  })

  test.each(['approve', 'reject', 'withdraw'] as const)('that was decided is not decided again: %s', async (first) => {
    const id = await propose(world, 'staff')
    const done = await (first === 'approve'
      ? approve(world, officer, id)
      : first === 'reject'
        ? reject(officer, id)
        : withdraw('staff', id))
    expect(done.code).toBeUndefined()
    const codes = [
      await codeOf(approve(world, third, id)),
      await codeOf(reject(third, id)),
      await codeOf(withdraw('staff', id)),
    ]
    expect(new Set(codes)).toEqual(new Set(['APPROVAL.ALREADY_DECIDED']))
  })

  // 14 days, to the millisecond.
  test('expires', async () => {
    const id = await propose(world, 'staff')
    const start = world.clock.now().toISOString()
    world.clock.set(new Date(Date.parse(start) + 14 * 86_400_000 - 1).toISOString())
    const late = await staffMember(world, 'PRIVACY_OFFICER')
    const inState = async (state: string) => (await list({ state }, late)).some((each) => each.id === id)
    expect([await inState('PENDING'), await inState('EXPIRED')]).toEqual([true, false])
    world.clock.move(0.001)
    expect([await inState('PENDING'), await inState('EXPIRED')]).toEqual([false, true])
    expect(await codeOf(approve(world, late, id))).toBe('APPROVAL.EXPIRED')
    expect(await codeOf(reject(late, id))).toBe('APPROVAL.EXPIRED')
    world.clock.set(start)
    expect(await codeOf(approve(world, officer, id))).toBe('ApproveRetentionRuleSuccess')
  })

  test('is approved once by any number of persons at once, and makes one rule', async () => {
    const id = await propose(world, 'staff')
    const rules = () => world.resources.db.worker((tx) => tx.retentionRule.count())
    const before = await rules()
    const people = [officer, third, await staffMember(world, 'PRIVACY_OFFICER')]
    const codes = await Promise.all(people.map((who) => codeOf(approve(world, who, id))))
    expect(codes.toSorted()).toEqual([
      'APPROVAL.ALREADY_DECIDED',
      'APPROVAL.ALREADY_DECIDED',
      'ApproveRetentionRuleSuccess',
    ])
    expect(await rules()).toBe(before + 1)
  })

  test('is approved or taken back, never both', async () => {
    const id = await propose(world, 'staff')
    const codes = await Promise.all([codeOf(approve(world, officer, id)), codeOf(withdraw('staff', id))])
    expect(codes.filter((code) => code === 'APPROVAL.ALREADY_DECIDED')).toHaveLength(1)
  })
})

describe('proposals', () => {
  test('are narrowed by state, by who made them and when', async () => {
    world.clock.move(3_600)
    const from = world.clock.now().toISOString()
    const mine = await propose(world, 'staff')
    world.clock.move(60)
    const theirs = await propose(world, officer)
    expect(await ids({ proposedFrom: from })).toEqual([theirs, mine])
    expect(await ids({ proposedFrom: from, proposedTo: world.clock.now().toISOString() })).toEqual([mine])
    const proposedById = (await list({ proposedFrom: from }))[0]?.proposedById
    expect(await ids({ proposedFrom: from, proposedById })).toEqual([theirs])
    expect(await ids({ proposedFrom: from, state: 'APPROVED' })).toEqual([])
    expect(await ids({ proposedFrom: from, kind: 'RETENTION_RULE', state: 'PENDING' })).toEqual([theirs, mine])
  })

  test.each([{ proposedById: 'x' }, { proposedFrom: '2026-01-02T00:00:00Z', proposedTo: '2026-01-02T00:00:00Z' }])(
    '%j is refused',
    async (filter) => {
      await expect(list(filter)).rejects.toThrow('BAD_USER_INPUT')
    },
  )

  test('are read by officers and auditors, and by nobody else', async () => {
    const id = await propose(world, 'staff')
    const auditor = await staffMember(world, 'AUDITOR')
    expect((await list(undefined, auditor)).map((each) => each.id)).toContain(id)
    expect(await codeOf(reject(auditor, id))).toBe('FORBIDDEN')
    for (const who of ['subject', 'integration', 'processor', 'gateway', await staffMember(world, 'SUPPORT')] as const)
      await expect(list(undefined, who)).rejects.toThrow('FORBIDDEN')
    const query = 'query($id: ID!) { node(id: $id) { ... on Approval { state } } }'
    expect((await world.ask(auditor, query, { id })).data.node).toEqual({ state: 'PENDING' })
    for (const who of [null, 'subject', 'gateway'] as const)
      expect((await world.ask(who, query, { id })).data.node).toBeNull()
  })

  test('can be decided with a token that may do nothing else', async () => {
    const id = await propose(world, 'staff')
    const narrow = await staffMember(world, 'PRIVACY_OFFICER', 'retention:manage')
    expect(await codeOf(approve(world, narrow, id))).toBe('ApproveRetentionRuleSuccess')
  })
})
