import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createClientWith } from '../../client/src/client.ts'
import { createClient, PrivacyConfigurationError } from '../../client/src/index.ts'
import { json, scriptedFetch, testTools } from './kit.ts'

const NAMES = ['PRIVACY_API_URL', 'PRIVACY_API_TOKEN', 'PRIVACY_API_CLIENT_ID', 'PRIVACY_API_CLIENT_SECRET']
beforeEach(() => {
  for (const name of NAMES) vi.stubEnv(name, '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})

const url = 'https://api.test/graphql'
const secret = { clientId: 'id', clientSecret: 'a-secret' }

test.each([
  ['an unknown option', { url, token: 't', timeout: 3 }, 'Unknown option of createClient: timeout.'],
  ['no address', { token: 't' }, 'The address of the API is missing: give `url`, or set PRIVACY_API_URL.'],
  ['no credentials', { url }, 'Credentials are missing: give `token` or `clientCredentials`'],
  [
    'both credentials',
    { url, token: 't', clientCredentials: secret },
    'Give `token` or `clientCredentials`, not both.',
  ],
  [
    'half credentials',
    { url, clientCredentials: { clientId: 'id', clientSecret: '' } },
    'needs clientId and clientSecret',
  ],
  [
    'an unknown credential',
    { url, clientCredentials: { ...secret, secret: 'x' } },
    'Unknown field of clientCredentials',
  ],
  ['an address of another kind', { url: 'ftp://api.test', token: 't' }, 'url must be an http or https address'],
  ['a password in the address', { url: 'https://a:b@api.test', token: 't' }, 'url must be an http or https address'],
  ['a timeout of zero', { url, token: 't', timeoutSeconds: 0 }, 'timeoutSeconds must be above 0'],
  ['endless retries', { url, token: 't', retriesMax: Number.POSITIVE_INFINITY }, 'retriesMax must be a whole number'],
])('%s is refused, with the reason', (_what, options, message) => {
  const create = () => createClient(options)
  expect(create).toThrow(PrivacyConfigurationError)
  expect(create).toThrow(message)
})

test('an unknown option of a call is refused', async () => {
  const options = { timeout: 3 }
  await expect(createClient({ url, token: 't' }).viewer({}, options as object)).rejects.toThrow(
    'Unknown option of a call: timeout.',
  )
})

test('a token that could not be a header is refused, and not shown', async () => {
  const refused = createClient({ url, token: 'line\r\nbreak' }).viewer()
  await expect(refused).rejects.toThrow(/^The token must be printable ASCII\.$/)
})

test('address and token come from the environment', async () => {
  vi.stubEnv('PRIVACY_API_URL', 'http://env.test')
  vi.stubEnv('PRIVACY_API_TOKEN', 'env-token')
  const { fetch, seen } = scriptedFetch(json({ data: { viewer: 1 } }))
  await createClient({ fetch }).viewer()
  expect(seen[0]?.url).toBe('http://env.test/graphql')
  expect(seen[0]?.headers['authorization']).toBe('Bearer env-token')
})

test('client credentials come from the environment, and the token from the address of the API', async () => {
  vi.stubEnv('PRIVACY_API_URL', 'http://env.test/graphql')
  vi.stubEnv('PRIVACY_API_CLIENT_ID', 'id')
  vi.stubEnv('PRIVACY_API_CLIENT_SECRET', 's:e c')
  const { fetch, seen } = scriptedFetch(json({ access_token: 'a', expires_in: 600 }), json({ data: { viewer: 1 } }))
  await createClientWith(testTools().tools, { fetch }).viewer()
  expect(seen[0]?.url).toBe('http://env.test/oauth/token')
  expect(seen[0]?.headers['authorization']).toBe(`Basic ${btoa('id:s%3Ae+c')}`)
  expect(seen[0]?.body).toBe('grant_type=client_credentials')
  expect(seen[1]?.headers['authorization']).toBe('Bearer a')
})

test('a browser gets no secret and no environment', () => {
  vi.stubEnv('PRIVACY_API_TOKEN', 'env-token')
  vi.stubGlobal('window', {})
  vi.stubGlobal('document', {})
  expect(() => createClient({ url, clientCredentials: secret })).toThrow('must not be used in a browser')
  expect(() => createClient({ url })).toThrow('Credentials are missing')
  expect(createClient({ url, token: 't' })).toHaveProperty('viewer')
})
