import { afterAll, beforeAll, expect, it } from 'vitest'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
let server: RunningServer

beforeAll(async () => {
  world = await openWorld()
  const resources = { ...world.resources, close: async () => {} }
  const env = readServerEnv({ NODE_ENV: 'test', PORT: '0', WORKER: 'off', DEMO: 'off' })
  server = await startServer({ resources, env, log: createLog({ level: 'silent' }) })
})

afterAll(async () => {
  await server.stop()
  await world.close()
})

it('the listening server answers at every address that its OAuth metadata names', async () => {
  const found = await fetch(`${server.url}/.well-known/oauth-authorization-server/oauth`)
  const metadata = (await found.json()) as Record<string, string>
  const read = await fetch(metadata['jwks_uri'] ?? '')
  const posted = await Promise.all(
    ['token_endpoint', 'revocation_endpoint', 'introspection_endpoint'].map((name) =>
      fetch(metadata[name] ?? '', { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials' }) }),
    ),
  )
  expect(read.status).toBe(200)
  expect(Object.keys((await read.json()) as object)).toEqual(['keys'])
  const errors = await Promise.all(posted.map(async (answer) => ((await answer.json()) as { error: string }).error))
  expect(posted.map((answer) => answer.status)).toEqual([400, 400, 400])
  expect(errors).toEqual(['invalid_request', 'invalid_request', 'invalid_request'])
})
