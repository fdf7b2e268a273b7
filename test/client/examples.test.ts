import { afterAll, beforeAll, expect, test } from 'vitest'
import { spawnProgram } from '../kit/server-process.ts'
import { openWorld, type World } from '../kit/world.ts'
import { clientOf, listen, newIntegration, serve } from './kit.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

test('the example of a dashboard prints usage by model and hour', async () => {
  const { account: accountId } = world.ids
  const inference = { kind: 'INFERENCE', endpointKind: 'SERVERLESS', inputTokens: 100, outputTokens: 7 } as const
  const events = ['m/one', 'm/one', 'm/two'].map((model, index) => ({
    ...inference,
    model,
    requestId: `example-${index}`,
    occurredAt: `2026-03-15T1${index}:00:00Z`,
  }))
  await clientOf(world, 'gateway').recordUsage({ accountId, events })
  const server = await listen((request, response) => void world.serving.app(request, response))
  const env = { PRIVACY_API_URL: server.url, PRIVACY_API_TOKEN: world.demo.tokens.subject }
  const range = ['2026-03-15T00:00:00Z', '2026-03-16T00:00:00Z']
  const { output, code } = await spawnProgram('client/examples/dashboard.ts', env, range).ended
  await server.close()
  expect(output).toMatchInlineSnapshot(`
    "2026-03-15T10h  m/one  1 requests  100 in  7 out
    2026-03-15T11h  m/one  1 requests  100 in  7 out
    2026-03-15T12h  m/two  1 requests  100 in  7 out
    total  3 requests  300 in  21 out
    "
  `)
  expect(code).toBe(0)
})

test('the example of an integration makes users known once and finds them by reference', async () => {
  const server = await serve(world)
  const { clientId, clientSecret } = await newIntegration(world)
  const env = {
    PRIVACY_API_URL: server.url,
    PRIVACY_API_CLIENT_ID: clientId,
    PRIVACY_API_CLIENT_SECRET: clientSecret,
  }
  const run = (...references: string[]) =>
    spawnProgram('client/examples/deletion-integration.ts', env, references).ended
  const first = await run('user-1', 'user-2')
  const second = await run('user-1')
  await server.stop()
  expect([first.output, second.output]).toMatchInlineSnapshot(`
    [
      "user-1: created
    user-1: END_USER, ACTIVE, DE
    user-2: created
    user-2: END_USER, ACTIVE, DE
    ",
      "user-1: known already
    user-1: END_USER, ACTIVE, DE
    ",
    ]
  `)
  expect([first.code, second.code]).toEqual([0, 0])
})
