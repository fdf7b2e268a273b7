import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpServer } from '../../src/http/server.ts'
import { createTestWire, TOKEN } from './wire-kit.ts'

const wire = createTestWire()
const server = createHttpServer({
  routes: { '/graphql': { listener: wire.yoga.requestListener, capsBody: true } },
  bodyBytesMax: 1_000_000,
  headers: {},
  newRequestId: () => 'audit-request',
  log: wire.log,
  observe: () => undefined,
})
let url = ''

beforeAll(async () => {
  url = `${await server.listen(0, '127.0.0.1')}/graphql`
})
afterAll(() => server.stop())

const withToken = (input: string, init: RequestInit = {}) =>
  fetch(input, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${TOKEN}`, 'x-graphql-csrf': '1' },
  })

test('every audit of GraphQL over HTTP passes for a caller with a token and the CSRF header', async () => {
  const results = await Promise.all(serverAudits({ url: () => url, fetchFn: withToken }).map(({ fn }) => fn()))
  const failed = results.flatMap((result) => (result.status === 'ok' ? [] : [`${result.id} ${result.name}`]))
  expect(failed).toEqual([])
  expect({ audits: results.length, ok: results.length - failed.length }).toEqual({ audits: 61, ok: 61 })
})
