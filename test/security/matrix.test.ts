import { afterAll, beforeAll, expect, test } from 'vitest'
import { matrixColumns, matrixRows } from '../../src/cli/docs/authorization-page.ts'
import { DEMO_ACCOUNTS } from '../../src/demo/demo-data.ts'
import { DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { writeEventCursor } from '../../src/domains/events/cursor.rules.ts'
import { firstOf, happen } from '../api/stream-kit.ts'
import { type Answer, openWorld, type World } from '../kit/world.ts'
import { type Callers, callersOf } from './callers.ts'
import { documentOf } from './documents.ts'
import { type Holdings, missingId, populate } from './populated.ts'
import { validVariables } from './valid-variables.ts'

const NOBODY = '0199aa00-0000-7000-8000-00ffffffffff'

let world: World
let callers: Callers
let own: Holdings

beforeAll(async () => {
  world = await openWorld()
  ;[own] = await populate(world)
  callers = await callersOf(world)
  const [{ id: accountId, subjects }] = DEMO_ACCOUNTS
  for (const { id: subjectId } of subjects.slice(1, 3))
    await happen(world, { accountId, subjectId, processorId: DEMO_PROCESSOR_ID })
})
afterAll(() => world.close())

/** Variables that have the right shape and change nothing of others: ids of nobody. */
function harmless(): ReturnType<typeof validVariables> {
  const id = (typename: string) => missingId(typename, NOBODY, NOBODY)
  return validVariables({
    ...own,
    accountId: id('Account'),
    subjectIds: [id('Subject'), id('Subject'), id('Subject')],
    apiClientId: id('ApiClient'),
    platformClientId: id('ApiClient'),
    jobId: id('Job'),
    invitationCode: 'x'.repeat(86),
  })
}

/** What a caller is answered; of a subscription the first event of its feed, of which each reader of one has one. */
async function askRow(
  { name, operation }: ReturnType<typeof matrixRows>[number],
  token: string | null,
  column: string,
) {
  const variables = harmless()[name]
  if (operation !== 'subscription') return world.ask(token === null ? null : { token }, documentOf(name), variables)
  const feedId = column === 'PROCESSOR' ? DEMO_PROCESSOR_ID : DEMO_ACCOUNTS[0].id
  const after = writeEventCursor({ feedId, sequence: 0n })
  const { data } = await firstOf(world, token, documentOf(name, { of: operation }), { ...variables, after })
  return data as Pick<Answer, 'data' | 'errors'>
}

test('a real token of every caller is told FORBIDDEN or UNAUTHENTICATED exactly where the matrix says no', async () => {
  const wrong: string[] = []
  let cells = 0
  let open = 0
  for (const row of matrixRows())
    for (const column of matrixColumns()) {
      const { name, scope } = row
      const token = callers[column.name]
      if (token === undefined) throw new Error(`there is no caller for the column ${column.name}`)
      const answer = await askRow(row, token, column.name)
      const codes = answer.errors?.map(({ extensions }) => extensions['code']) ?? []
      const refusal = column.name === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN'
      const expected = column.scopes.has(scope) ? [] : [refusal]
      if (JSON.stringify(codes) !== JSON.stringify(expected)) wrong.push(`${column.name} ${name}: ${codes}`)
      if (expected.length > 0 && answer.data?.[name]) wrong.push(`${column.name} ${name}: data`)
      cells += 1
      open += expected.length === 0 ? 1 : 0
    }
  expect({ cells, open, wrong }).toEqual({ cells: 76 * 14, open: 374, wrong: [] })
})

test('a token that names fewer scopes than its role allows opens less', async () => {
  const issuer = world.serving.demoIssuer
  const token = await issuer?.issue({ sub: 'end-user', scope: 'accounts:read' })
  const ask = (name: string) => world.ask({ token: token ?? '' }, documentOf(name), {})
  expect((await ask('accounts')).errors).toBeUndefined()
  expect((await ask('subjects')).errors?.map(({ extensions }) => extensions['code'])).toEqual(['FORBIDDEN'])
})
