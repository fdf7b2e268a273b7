import { expect, test } from 'vitest'
import { createClientWith } from '../../client/src/client.ts'
import { failure, json, type Seen, scriptedFetch, testTools } from './kit.ts'

const clientCredentials = { clientId: 'id', clientSecret: 'a-secret', scope: 'usage:read' }
const VIEWER = () => json({ data: { viewer: 'ok' } })
const grant = (token: string) => json({ access_token: token, expires_in: 600 })
const REFUSED = () => failure('UNAUTHENTICATED', 401)

function setup(...answers: Parameters<typeof scriptedFetch>) {
  const { tools, waits, move } = testTools()
  const { fetch, seen } = scriptedFetch(...answers)
  const client = createClientWith(tools, { url: 'http://api.test', clientCredentials, fetch })
  return { client, waits, move, seen, tokens: () => seen.map(tokenOf).filter((token) => token !== null) }
}

const tokenOf = ({ headers, url }: Seen) =>
  url.endsWith('/graphql') ? (headers['authorization']?.replace('Bearer ', '') ?? null) : null

test('a token is kept until a minute before its end', async () => {
  const { client, move, tokens, seen } = setup(grant('one'), VIEWER(), VIEWER(), grant('two'), VIEWER())
  await client.viewer()
  move(539)
  await client.viewer()
  move(1)
  await client.viewer()
  expect(tokens()).toEqual(['one', 'one', 'two'])
  expect(seen[0]?.body).toBe('grant_type=client_credentials&scope=usage%3Aread')
})

test('calls at the same time share one request for a token', async () => {
  const { client, tokens, seen } = setup(grant('one'), ...Array.from({ length: 20 }, VIEWER))
  await Promise.all(Array.from({ length: 20 }, () => client.viewer()))
  expect(seen.length).toBe(21)
  expect(new Set(tokens())).toEqual(new Set(['one']))
})

test('a token that the server refuses is renewed once', async () => {
  const { client, tokens } = setup(grant('one'), REFUSED(), grant('two'), VIEWER(), VIEWER())
  expect(await client.viewer()).toBe('ok')
  await client.viewer()
  expect(tokens()).toEqual(['one', 'two', 'two'])
})

test('a second refusal is told', async () => {
  const { client, seen } = setup(grant('one'), REFUSED(), grant('two'), REFUSED())
  await expect(client.viewer()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
  expect(seen.length).toBe(4)
})

test('wrong credentials are told with the reason of OAuth and without the secret', async () => {
  const { client } = setup(json({ error: 'invalid_client', error_description: 'x' }, 401))
  const error = await client.viewer().catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    code: 'TOKEN_REQUEST_FAILED',
    status: 401,
    retryable: false,
    message: 'The server gave no access token: invalid_client.',
    details: { error: 'invalid_client' },
  })
  expect(JSON.stringify(error)).not.toContain('a-secret')
})

test('a token server that is away is asked again, and nothing of a failure is kept', async () => {
  const away = () => new Response('', { status: 503 })
  const { client, waits } = setup(new Error('reset'), away(), away(), grant('one'), VIEWER())
  await expect(client.viewer()).rejects.toMatchObject({ code: 'TOKEN_REQUEST_FAILED', status: 503 })
  expect(await client.viewer()).toBe('ok')
  expect(waits).toEqual([500, 1000])
})

test('a function is asked before each call, and told when its token was refused', async () => {
  const asked: boolean[] = []
  const { tools } = testTools()
  const { fetch, seen } = scriptedFetch(VIEWER(), REFUSED(), VIEWER())
  const token = async ({ renew }: { renew: boolean }) => `t${asked.push(renew)}`
  const client = createClientWith(tools, { url: 'http://api.test', token, fetch })
  await client.viewer()
  await client.viewer()
  expect(asked).toEqual([false, false, true])
  expect(seen.map(tokenOf)).toEqual(['t1', 't2', 't3'])
})
