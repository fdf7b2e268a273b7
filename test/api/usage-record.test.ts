import { type GraphQLInputObjectType, getNamedType, isInputObjectType } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CLIENT_SCOPES } from '../../src/auth/permissions.ts'
import { systemSession } from '../../src/auth/session.ts'
import { buildSchema } from '../../src/schema/index.ts'
import { openWorld, type World } from '../kit/world.ts'
import {
  BASE64_200_CHARACTERS,
  BASE64_OF_200_BYTES,
  BASE64URL_OF_200_BYTES,
  SENTENCE_40,
} from '../unit/usage/content.ts'
import { call, codeOf, fresh, inference, localId, type Outcome, perform } from './calls.ts'
import { MUTATION_CASES } from './mutation-cases.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const record = (events: readonly object[], accountId = world.ids.account): Promise<Outcome> =>
  perform(world, 'gateway', 'recordUsage', { accountId, events })

const stored = (accountId = localId(world.ids.account)) =>
  world.resources.db.read(systemSession(accountId), (tx) => tx.usageEvent.count({ where: { accountId } }))

/** What an outcome says was wrong. */
const fault = ({ index, field, code }: Outcome) => ({ index, field, code })
const NOT_VALID = 'USAGE.EVENT_NOT_VALID'

const full = (requestId: string, subjectId: string) =>
  inference(requestId, {
    subjectId,
    ip: '2001:db8:1234:5678::1',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    model: `m/${'x'.repeat(126)}`,
    region: 'eu-central-1',
    payloadBytes: Number.MAX_SAFE_INTEGER,
    latencyMs: 86_400_000,
    inputTokens: 2_147_483_647,
    outputTokens: 2_147_483_647,
  })

test('a call takes 1 to 5,000 events with every field, and all or nothing of it is stored', async () => {
  expect(fault(await record([]))).toEqual({ index: 0, field: 'events', code: NOT_VALID })
  expect(await record([inference('one')])).toMatchObject({ recorded: { events: 1 } })
  const many: object[] = Array.from({ length: 5_000 }, (_, index) => full(`full-${index}`, world.ids.endUser))
  const bad = many.with(4_999, { ...many[4_999], requestId: 'not ok' })
  expect(fault(await record(bad))).toEqual({ index: 4_999, field: 'requestId', code: NOT_VALID })
  expect(await stored()).toBe(1)
  expect(await record(many)).toMatchObject({
    recorded: { events: 5_000, inputTokens: 10_737_418_235_000, outputTokens: 10_737_418_235_000 },
  })
  expect(await stored()).toBe(5_001)
  const tooMany = await call(world, 'gateway', 'recordUsage', {
    accountId: world.ids.account,
    events: [...many, inference('too-many')],
  })
  expect(tooMany.errors?.[0]?.extensions).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'listLength.events' })
  expect(await stored()).toBe(5_001)
})

test('a bad value names index and field, and nothing of the call is stored', async () => {
  const bad: Readonly<Record<string, unknown>> = {
    occurredAt: '2026-03-15T12:05:00.001Z',
    requestId: '',
    subjectId: world.ids.other,
    ip: '1.2.3',
    userAgent: 'free text',
    page: '/not-for-inference',
    model: null,
    endpointKind: null,
    region: 'EU',
    inputTokens: -1,
    outputTokens: -1,
    payloadBytes: '9007199254740992',
    latencyMs: 86_400_001,
  }
  const before = await stored()
  for (const [field, value] of Object.entries(bad)) {
    const outcome = await record([inference(fresh()), inference(fresh(), { [field]: value })])
    expect([field, fault(outcome)]).toEqual([field, { index: 1, field, code: NOT_VALID }])
    expect(String(outcome['reason']).length).toBeGreaterThan(5)
  }
  expect(Object.keys(bad).length).toBe(13)
  expect(await stored()).toBe(before)
  const edges = ['2026-03-15T12:05:00.000Z', '2025-03-01T00:00:00.000Z', '2025-12-31T23:59:59.999Z']
  for (const occurredAt of edges)
    expect(await record([inference(fresh(), { occurredAt })])).toMatchObject({ recorded: { events: 1 } })
  expect(await stored()).toBe(before + 3)
  const tooOld = await record([inference(fresh(), { occurredAt: '2025-02-28T23:59:59.999Z' })])
  expect(fault(tooOld)).toEqual({ index: 0, field: 'occurredAt', code: NOT_VALID })
})

test('no field of a mutation that a gateway may call takes content', async () => {
  const probes = [
    SENTENCE_40,
    SENTENCE_40.replaceAll(' ', '-'),
    BASE64_OF_200_BYTES,
    BASE64_200_CHARACTERS,
    BASE64URL_OF_200_BYTES,
  ]
  const schema = buildSchema()
  let tried = 0
  for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    const scope = field.extensions['scope'] as never
    if (!CLIENT_SCOPES.GATEWAY.includes(scope)) continue
    const made = await MUTATION_CASES[name]?.(world)
    const type = getNamedType(field.args[0]?.type)
    if (!made || !isInputObjectType(type)) throw new Error('no case')
    const before = await stored()
    for (const path of pathsOf(type))
      for (const content of probes) {
        const code = await codeOf(perform(world, 'gateway', name, withValue(made.input, path, content)))
        expect([path.join('.'), code]).toEqual([
          path.join('.'),
          expect.stringMatching(/^(BAD_USER_INPUT|USAGE\.EVENT_NOT_VALID)$/),
        ])
        tried += 1
      }
    expect(await stored()).toBe(before)
  }
  expect(tried).toBe(135)
})

/** Paths of all fields of an input, through its objects and the first item of its lists. */
function pathsOf(type: GraphQLInputObjectType): string[][] {
  return Object.values(type.getFields()).flatMap((field) => {
    const named = getNamedType(field.type)
    if (!isInputObjectType(named)) return [[field.name]]
    return pathsOf(named).map((rest) => [field.name, '0', ...rest])
  })
}

function withValue(input: object, path: readonly string[], value: unknown): object {
  const copy = structuredClone(input) as Record<string, unknown>
  let at = copy
  for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>
  at[path.at(-1) ?? ''] = value
  return copy
}

test('an event that is known already is answered as a duplicate, within a call and across calls', async () => {
  const [first, second] = [fresh(), fresh()]
  const within = await record([inference(first), inference(first, { inputTokens: 7 }), inference(second)])
  expect(within).toMatchObject({
    recorded: { events: 2, inputTokens: 200, outputTokens: 20 },
    duplicates: { events: 1, inputTokens: 7, outputTokens: 10 },
  })
  const across = await record([inference(second), inference(first, { occurredAt: '2026-03-15T11:00:00.001Z' })])
  expect(across).toMatchObject({ recorded: { events: 1 }, duplicates: { events: 1 } })
  const elsewhere = await record([inference(second)], world.ids.otherAccount)
  expect(elsewhere).toMatchObject({ recorded: { events: 1 }, duplicates: { events: 0 } })
})

test('equal events in any order at once are stored once, and no call waits in a circle', async () => {
  const events = Array.from({ length: 200 }, () => inference(fresh()))
  const before = await stored()
  const calls = Array.from({ length: 12 }, (_, index) => record(index % 2 ? events : events.toReversed()))
  const outcomes = await Promise.all(calls)
  const sum = (part: 'recorded' | 'duplicates') =>
    outcomes.reduce((total, each) => total + (each[part] as { events: number }).events, 0)
  expect([sum('recorded'), sum('duplicates')]).toEqual([200, 2_200])
  expect(await stored()).toBe(before + 200)
})

test('accounts that do not exist or have gone take no usage, and only gateways record', async () => {
  const nowhere = Buffer.from('Account:0199aa00-0000-7000-8000-00000000dead').toString('base64')
  expect(await codeOf(record([inference(fresh())], nowhere))).toBe('NOT_AVAILABLE')
  const input = { accountId: world.ids.account, events: [inference(fresh())] }
  for (const who of ['subject', 'staff', 'integration', 'processor'] as const)
    expect(await codeOf(perform(world, who, 'recordUsage', input))).toBe('FORBIDDEN')
})

test('the shift of a trace file is fixed by its first run, also when several begin at once', async () => {
  const input = (shiftMs: number) => ({ accountId: world.ids.account, fileHash: 'c'.repeat(64), shiftMs })
  const outcomes = await Promise.all(
    [1, 2, 3, 4, 5].map((shiftMs) => perform(world, 'gateway', 'openUsageImport', input(shiftMs))),
  )
  expect(new Set(outcomes.map((each) => each['shiftMs'])).size).toBe(1)
  expect(outcomes.filter((each) => each['firstRun'])).toHaveLength(1)
  const late = await perform(world, 'gateway', 'openUsageImport', input(99))
  expect(late).toEqual({ ...outcomes[0], firstRun: false })
})
