import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { planStaleItems } from '../../src/domains/retention/planning.service.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, keyOf, localId, type Outcome, perform, type Who } from './calls.ts'
import { approve, aRule, propose, staffMember } from './retention-rules-kit.ts'

let world: World
let officer: Who
beforeAll(async () => {
  world = await openWorld()
  officer = await staffMember(world, 'PRIVACY_OFFICER')
})
afterAll(() => world.close())

type Rule = { id: string; category: string; trigger: string; period: string; version: number; state: string }
const LIST = `query($f: RetentionRuleFilter, $n: Int, $a: String) { retentionRules(filter: $f, first: $n, after: $a) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { node { id category trigger period action version state verified verifiedOn clause note description } } } }`

async function rules(f?: object, as: Who | null = null): Promise<Rule[]> {
  const { data, errors } = await world.ask(as, LIST, { f, n: 100 })
  expect(errors).toBeUndefined()
  const list = data.retentionRules.edges.map(({ node }: { node: Rule }) => node)
  expect(data.retentionRules.totalCount).toBe(list.length)
  return list
}
const short = async (f?: object) => (await rules(f)).map((rule) => `${rule.category} ${rule.trigger} ${rule.period}`)
const ruleOf = (outcome: Outcome) => outcome['retentionRule'] as Rule
const enact = async (rule: object) => ruleOf(await approve(world, officer, await propose(world, 'staff', rule)))
const later = (seconds: number) => new Date(world.clock.now().getTime() + seconds * 1_000).toISOString()

describe('rules', () => {
  test('are read by everyone, newest version first, each with its state', async () => {
    const list = await rules()
    expect(list.map(({ version }) => version)).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
    expect(new Set(list.map(({ state }) => state))).toEqual(new Set(['IN_EFFECT']))
    expect(list.at(-2)).toMatchObject({ category: 'CONTENT_REALTIME', period: 'PT0S', verified: true })
    for (const who of ['subject', 'integration', 'processor', 'gateway', 'staff'] as const)
      expect(await rules(undefined, who)).toEqual(list)
    const { data } = await world.ask(null, 'query($id: ID!) { node(id: $id) { ... on RetentionRule { version } } }', {
      id: list[0]?.id,
    })
    expect(data.node).toEqual({ version: 14 })
  })

  test.each<[object, string[]]>([
    [{ category: 'CONTENT_BATCH', trigger: 'DELIVERED' }, ['CONTENT_BATCH DELIVERED P1D']],
    [{ action: 'DROP_PARTITION' }, ['SECURITY CREATED P13M', 'USAGE CREATED P13M']],
    [{ verified: false }, ['PAYMENT CREATED P10Y']],
    [{ state: 'FUTURE' }, []],
    [{ state: 'SUPERSEDED' }, []],
  ])('are narrowed by %j', async (filter, expected) => {
    expect(await short(filter)).toEqual(expected)
  })

  test('come in pages, each once, and a cursor that is none is refused', async () => {
    const seen: number[] = []
    for (let a: string | null = null; ; ) {
      const { data } = await world.ask(null, LIST, { n: 4, a })
      for (const { node } of data.retentionRules.edges) seen.push(node.version)
      if (!data.retentionRules.pageInfo.hasNextPage) break
      a = data.retentionRules.pageInfo.endCursor
    }
    expect([seen.length, new Set(seen).size]).toEqual([14, 14])
    expect((await world.ask(null, LIST, { a: 'x' })).errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
  })
})

describe('a rule that one proposes and another approves', () => {
  test('is the next version, takes effect now, and is told to the platform', async () => {
    const approvalId = await propose(world, 'staff', { note: 'A note.', description: { en: 'Six.', de: 'Sechs.' } })
    expect((await rules()).length).toBe(14)
    world.clock.move(60)
    const outcome = await approve(world, officer, approvalId)
    expect(outcome).toMatchObject({
      __typename: 'ApproveRetentionRuleSuccess',
      retentionRule: {
        ...{ category: 'COOKIE', trigger: 'CREATED', period: 'P6M', version: 15, state: 'IN_EFFECT' },
        effectiveFrom: world.clock.now().toISOString(),
      },
      approval: { id: approvalId, state: 'APPROVED' },
    })
    expect(await short({ category: 'COOKIE', state: 'IN_EFFECT' })).toEqual([
      'COOKIE CREATED P6M',
      'COOKIE ACCOUNT_CLOSED P30D',
    ])
    expect(await short({ state: 'SUPERSEDED' })).toEqual(['COOKIE CREATED P13M'])
    const { db, clock } = world.resources
    await sequenceEvents(db, clock, [])
    const { data } = await world.ask(
      'staff',
      '{ retentionRules(first: 1) { edges { node { description } } } }',
      {},
      {
        'accept-language': 'de',
      },
    )
    expect(data.retentionRules.edges[0].node).toEqual({ description: 'Sechs.' })
    const event = await db.worker((tx) => tx.outboxEvent.findFirst({ where: { kind: 'retention.rule_changed' } }))
    expect(event?.payload).toEqual({ ruleId: localId(ruleOf(outcome).id), category: 'COOKIE' })
    expect(event?.accountId).toBe('00000000-0000-7000-8000-000000000000')
  })

  test('takes effect at the instant that was asked for; until then no other of the category is approved', async () => {
    const from = later(7_200)
    const rule = await enact({ category: 'CONSENT', trigger: 'ACCOUNT_CLOSED', period: 'P4Y', effectiveFrom: from })
    expect(rule).toMatchObject({ state: 'FUTURE', effectiveFrom: from })
    expect(await short({ state: 'FUTURE' })).toEqual(['CONSENT ACCOUNT_CLOSED P4Y'])
    const other = await propose(world, 'staff', { category: 'CONSENT', trigger: 'ACCOUNT_CLOSED', period: 'P5Y' })
    expect(await codeOf(approve(world, officer, other))).toBe('RETENTION.RULE_PENDING')
    world.clock.move(7_200)
    expect(await short({ state: 'FUTURE' })).toEqual([])
    // What was refused is still there to be approved.
    const again = await staffMember(world, 'PRIVACY_OFFICER')
    expect(ruleOf(await approve(world, again, other))).toMatchObject({ period: 'P5Y', state: 'IN_EFFECT' })
  })

  test('that is approved after the instant it asks for takes effect when it is approved', async () => {
    const [one, two] = [await staffMember(world, 'PRIVACY_OFFICER'), await staffMember(world, 'PRIVACY_OFFICER')]
    const asked = { category: 'PAYMENT', period: 'P8Y', effectiveFrom: later(600) }
    const approvalId = await propose(world, one, asked)
    world.clock.move(1_200)
    expect(ruleOf(await approve(world, two, approvalId))).toMatchObject({
      effectiveFrom: world.clock.now().toISOString(),
    })
  })
})

describe('what nobody may propose', () => {
  const dropping = { category: 'USAGE', trigger: 'CREATED', action: 'DROP_PARTITION' }
  test.each<[string, object]>([
    ['period', { period: 'P1H' }],
    ['period', { period: 'PT1H' }],
    ['period', { period: '13 months' }],
    ['period', { period: 'P-1M' }],
    ['period', { period: 'P0D' }],
    ['period', { period: 'P0Y0M' }],
    ['period', { period: 'P1201M' }],
    ['period', { period: 'P9999Y' }],
    ['period', { ...dropping, period: 'P1M' }],
    ['period', { ...dropping, period: 'P61D' }],
    ['period', { ...dropping, period: 'PT0S' }],
    ['period', { category: 'CONTENT_REALTIME', period: 'P1D' }],
    ['period', { category: 'CONTENT_REALTIME', trigger: 'ACCOUNT_CLOSED', period: 'P30D' }],
    ['trigger', { period: 'PT0S', trigger: 'ACCOUNT_CLOSED' }],
    ['action', { ...dropping, action: 'DELETE' }],
    ['action', { ...dropping, trigger: 'ACCOUNT_CLOSED' }],
    ['action', { category: 'COOKIE', action: 'DROP_PARTITION' }],
    ['clause', { clause: '7.1' }],
    ['clause', { clause: '§7' }],
    ['description.en', { description: { en: '' } }],
    ['description.en', { description: { en: 'a\nb' } }],
    ['description.en', { description: { en: 'x'.repeat(501) } }],
    ['description.de', { description: { en: 'x', de: '  ' } }],
    ['legalSource', { legalSource: '' }],
    ['legalSource', { legalSource: 'x'.repeat(501) }],
    ['source', { source: '\u0000' }],
    ['source', { source: '---' }],
    ['note', { note: 'x'.repeat(1_001) }],
    ['verifiedOn', { verifiedOn: '2026-02-29' }],
    ['verifiedOn', { verifiedOn: '2099-01-01' }],
    ['effectiveFrom', { effectiveFrom: '2020-01-01T00:00:00.000Z' }],
    ['effectiveFrom', { effectiveFrom: '2099-01-01T00:00:00.000Z' }],
  ])('%s: %j', async (field, change) => {
    const query = 'mutation($i: ProposeRetentionRuleInput!) { proposeRetentionRule(input: $i) { __typename } }'
    const { errors } = await world.ask('staff', query, { i: { ...aRule, ...change } })
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
    expect(errors?.[0]?.message).toContain(field)
    expect(errors?.[0]?.message).not.toContain('xxx')
  })

  test.each([
    { ...dropping, period: 'P2M' },
    { ...dropping, category: 'SECURITY', period: 'P62D' },
    { category: 'CONTENT_REALTIME', period: 'PT0S' },
    { category: 'COOKIE', period: 'P100Y' },
    { category: 'COOKIE', period: 'P1Y2M3W4D', action: 'ANONYMISE' },
  ])('but %j can be proposed', async (change) => {
    expect(await propose(world, 'staff', change)).toEqual(expect.any(String))
  })

  test('nobody but a privacy officer proposes or approves', async () => {
    const approvalId = await propose(world, 'staff')
    const auditor = await staffMember(world, 'AUDITOR')
    for (const who of ['subject', 'integration', 'processor', 'gateway', auditor] as const) {
      expect(await codeOf(perform(world, who, 'proposeRetentionRule', aRule))).toBe('FORBIDDEN')
      expect(await codeOf(approve(world, who, approvalId))).toBe('FORBIDDEN')
    }
    expect(await codeOf(perform(world, null, 'proposeRetentionRule', aRule))).toBe('UNAUTHENTICATED')
  })
})

test('an item shows the rule it was planned by, and the rule how many it moved', async () => {
  const item =
    'query($id: ID!) { subject(id: $id) { inventory { edges { node { locator keptUntil retention { version state } } } } } }'
  await planStaleItems(world.resources)
  await enact({ category: 'ACCOUNT', trigger: 'CREATED', period: 'P9Y' })
  await planStaleItems(world.resources)
  const { data } = await world.ask('subject', item, { id: world.ids.member })
  const [{ node }] = data.subject.inventory.edges
  expect(node.retention.state).toBe('IN_EFFECT')
  const query = '{ retentionRules(first: 1) { edges { node { replan { total done moved finishedAt } } } } }'
  const answer = await world.ask(null, query)
  const [{ node: rule }] = answer.data.retentionRules.edges
  expect(rule.replan).toMatchObject({ finishedAt: world.clock.now().toISOString() })
  expect(rule.replan.done).toBe(rule.replan.total)
  expect(rule.replan.total).toBeGreaterThan(5)
})

test('two who approve two rules at once get two versions, without gap or twin', async () => {
  const before = (await rules())[0]?.version ?? 0
  const ids = await Promise.all(
    ['P7M', 'P8M', 'P9M'].map((period) =>
      propose(world, 'staff', { category: 'COMMUNICATION', trigger: 'RESOLVED', period }),
    ),
  )
  const outcomes = await Promise.all(ids.map((id) => approve(world, officer, id)))
  expect(outcomes.map((outcome) => ruleOf(outcome).version).toSorted()).toEqual([before + 1, before + 2, before + 3])
})

test('a proposal that is not there, or is something else, is not available', async () => {
  const { accountId } = keyOf(await propose(world, 'staff'))
  const encode = (key: string) => Buffer.from(`Approval:${key}`).toString('base64')
  for (const key of [`${accountId}/${keyOf(world.ids.owner).id}`, `${localId(world.ids.account)}/${accountId}`])
    expect(await codeOf(approve(world, officer, encode(key)))).toBe('NOT_AVAILABLE')
  expect(await codeOf(approve(world, officer, world.ids.owner))).toBe('BAD_USER_INPUT')
})
