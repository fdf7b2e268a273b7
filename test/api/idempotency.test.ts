import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { buildSchema } from '../../src/schema/index.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, countRows, fresh, localId, type Outcome, perform } from './calls.ts'
import { MUTATION_CASES } from './mutation-cases.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const NAMES = Object.keys(MUTATION_CASES)
const AT_ONCE = 50

const accounts = () => [localId(world.ids.account), localId(world.ids.otherAccount), PLATFORM_ACCOUNT_ID]

/** What a call changes, in rows. */
async function effectOf(run: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await countRows(world, accounts())
  await run()
  const after = await countRows(world, accounts())
  return Object.fromEntries(Object.entries(after).map(([table, count]) => [table, count - (before[table] ?? 0)]))
}

const withKey = (input: object, idempotencyKey: string) => ({ ...input, idempotencyKey })

/** An answer without the secret that a repeat is not told again. */
const withoutSecret = ({ secret: _secret, ...rest }: Outcome) => rest

test('every mutation has a case here', () => {
  const mutations = Object.keys(buildSchema().getMutationType()?.getFields() ?? {})
  expect(mutations.length).toBeGreaterThan(0)
  expect(NAMES.toSorted()).toEqual(mutations.toSorted())
})

test.each(NAMES)('%s: 50 equal calls at once have one effect and one answer', async (name) => {
  const single = await MUTATION_CASES[name]?.(world)
  const many = await MUTATION_CASES[name]?.(world)
  if (!single || !many) throw new Error('no case')
  const one = await effectOf(() => perform(world, single.as, name, single.input))
  expect(one['audit']).toBeGreaterThan(0)
  const key = fresh()
  let outcomes: Outcome[] = []
  const effect = await effectOf(async () => {
    const calls = Array.from({ length: AT_ONCE }, () => perform(world, many.as, name, withKey(many.input, key)))
    outcomes = await Promise.all(calls)
  })
  expect(effect).toEqual(one)
  const answered = outcomes.filter((each) => each.code !== 'IDEMPOTENCY_KEY_IN_PROGRESS')
  expect(answered.length).toBeGreaterThan(0)
  const [first, ...rest] = answered.map(withoutSecret)
  expect(first?.__typename).toBe(`${name[0]?.toUpperCase()}${name.slice(1)}Success`)
  for (const each of rest) expect(each).toEqual(first)
  expect(answered.filter((each) => typeof each['secret'] === 'string').length).toBeLessThanOrEqual(1)
  const later = await perform(world, many.as, name, withKey(many.input, key))
  expect(withoutSecret(later)).toEqual(first)
})

test.each(NAMES)(
  '%s: a key used for another input is refused; the same key of another caller is another',
  async (name) => {
    const made = await MUTATION_CASES[name]?.(world)
    if (!made) throw new Error('no case')
    const { as, input, otherInput, otherCaller } = made
    const key = fresh()
    expect((await perform(world, as, name, withKey(input, key))).code).toBeUndefined()
    if (otherInput) {
      const other = perform(world, as, name, withKey(otherInput, key))
      expect(await codeOf(other)).toBe('IDEMPOTENCY_KEY_REUSED')
    }
    if (!otherCaller) return
    const effect = await effectOf(() => perform(world, otherCaller, name, withKey(input, key)))
    expect(effect['audit']).toBeGreaterThan(0)
  },
)

test.each(NAMES)('%s: what is kept for repeats holds neither personal data nor a secret', async (name) => {
  const made = await MUTATION_CASES[name]?.(world)
  if (!made) throw new Error('no case')
  const answer = await perform(world, made.as, name, withKey(made.input, fresh()))
  const rows = await world.resources.db.worker(
    (tx) => tx.$queryRaw<{ text: string }[]>`select idempotency_record::text as text from idempotency_record`,
  )
  expect(rows.length).toBeGreaterThan(0)
  const kept = rows.map((row) => row.text).join('\n')
  const words = [...(made.personal ?? []), answer['secret'], answer['invitationCode']]
  for (const word of words) if (typeof word === 'string') expect(kept).not.toContain(word)
})
