import { generateKeyPair, generateKeyPairSync } from 'node:crypto'
import { promisify } from 'node:util'
import { importJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { DEMO_PROCESSOR_ID } from '../../src/demo/demo-processors.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { systemClock } from '../../src/time/clock.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, localId, type Outcome, perform, type Who } from './calls.ts'

let world: World
let server: RunningServer
beforeAll(async () => {
  world = await openWorld()
  const env = readServerEnv({ NODE_ENV: 'production', PORT: '0', RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000' })
  // Tokens of clients live by the wall clock here: an outsider's library makes them.
  const resources = { ...world.resources, clock: systemClock, close: async () => {} }
  server = await startServer({ resources, env: { ...env, worker: false }, log: createLog({ level: 'silent' }) })
})
afterAll(async () => {
  await server.stop()
  await world.close()
})

const PROCESSOR = globalId('Processor', tenantKey({ accountId: PLATFORM_ACCOUNT_ID, id: DEMO_PROCESSOR_ID }))

type Client = { clientId: string; id: string; authentication: string; scopes: string[] }
const clientOf = (outcome: Outcome) => outcome['apiClient'] as Client
const create = (input: object, as: Who = 'subject') => perform(world, as, 'createApiClient', { label: 'Bot', ...input })

async function fetchToken(clientId: string, proof: Record<string, string>, scope?: string) {
  const { secret, ...rest } = proof
  const basic = secret && `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  const response = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    ...(basic ? { headers: { authorization: basic } } : {}),
    body: new URLSearchParams({ grant_type: 'client_credentials', ...rest, ...(scope ? { scope } : {}) }),
  })
  const body = (await response.json()) as { access_token?: string; error?: string; scope?: string }
  return { status: response.status, ...body }
}

async function ask(token: string | undefined, query: string) {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  })
  return { status: response.status, body: (await response.json()) as { data?: unknown } }
}

test('a client with a secret gets a token, reads its account, and is out from the moment it is disabled', async () => {
  const created = await create({})
  const { clientId, id } = clientOf(created)
  expect(clientOf(created)).toMatchObject({
    authentication: 'client_secret',
    scopes: [
      'accounts:read',
      'subjects:read',
      'subjects:write',
      'usage:read',
      'usage:summarise',
      'inventory:read',
      'retention:read',
      'processing:read',
      'events:read',
      'webhooks:read',
      'webhooks:manage',
    ],
  })
  const secret = String(created['secret'])
  const { access_token: token } = await fetchToken(clientId, { secret })
  const read = await ask(token, '{ viewer { principal account { id } } }')
  expect(read.body.data).toEqual({ viewer: { principal: 'INTEGRATION', account: { id: world.ids.account } } })
  expect(await codeOf(perform(world, 'subject', 'disableApiClient', { apiClientId: id }))).toBe(
    'DisableApiClientSuccess',
  )
  expect((await ask(token, '{ viewer { principal } }')).status).toBe(401)
  expect(await fetchToken(clientId, { secret })).toMatchObject({ status: 401, error: 'invalid_client' })
})

test('a client with a key set proves itself by private_key_jwt', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { kty, crv, x } = publicKey.export({ format: 'jwk' })
  const created = await create({ publicJwks: JSON.stringify({ keys: [{ kty, crv, x, kid: 'one' }] }) })
  expect(created['secret']).toBeNull()
  const { clientId, authentication } = clientOf(created)
  expect(authentication).toBe('private_key_jwt')
  const assertion = await new SignJWT()
    .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(`${server.url}/oauth`)
    .setJti(fresh())
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(await importJWK({ ...privateKey.export({ format: 'jwk' }), alg: 'EdDSA' }))
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const proof = { client_id: clientId, client_assertion_type: type, client_assertion: assertion }
  const { access_token: token } = await fetchToken(clientId, proof)
  const read = await ask(token, '{ subjects(first: 1) { edges { node { kind } } } }')
  expect(read.body).toMatchObject({ data: { subjects: { edges: [{ node: { kind: 'END_USER' } }] } } })
})

test('a client holds the scopes it was given and no others', async () => {
  const created = await create({ scopes: ['subjects:read', 'subjects:read'] })
  const { clientId, scopes } = clientOf(created)
  expect(scopes).toEqual(['subjects:read'])
  const secret = String(created['secret'])
  expect(await fetchToken(clientId, { secret })).toMatchObject({ status: 200, scope: 'subjects:read' })
  expect(await fetchToken(clientId, { secret }, 'usage:read')).toMatchObject({ error: 'invalid_scope' })
  const refused = ['usage:write', 'accounts:manage', 'members:manage', 'audit:read', 'platform-clients:manage']
  for (const scope of refused) expect(await codeOf(create({ scopes: [scope] }))).toBe('CLIENT.SCOPE_NOT_ALLOWED')
  for (const scope of ['', 'toString', 'subjects:read '])
    expect(await codeOf(create({ scopes: [scope] }))).toBe('BAD_USER_INPUT')
})

test('a set that is not one of public signing keys is refused', async () => {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: 1024 })
  const rsa = pair.publicKey.export({ format: 'jwk' })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [good, secret] = [ec.publicKey.export({ format: 'jwk' }), ec.privateKey.export({ format: 'jwk' })]
  const sets = [
    '',
    'null',
    '[]',
    '{}',
    '{"keys":[]}',
    'x'.repeat(10_000),
    JSON.stringify(good),
    JSON.stringify({ keys: [secret] }),
    JSON.stringify({ keys: [rsa] }),
    JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }),
    JSON.stringify({ keys: [{ ...good, x: good.y }] }),
    JSON.stringify({ keys: [good, good] }),
    JSON.stringify({ keys: [{ ...good, use: 'enc' }] }),
    JSON.stringify({ keys: [{ ...good, x5u: 'https://attacker.example' }] }),
    JSON.stringify({ keys: [good], jku: 'https://attacker.example' }),
    JSON.stringify({ keys: Array.from({ length: 11 }, (_, kid) => ({ ...good, kid: `${kid}` })) }),
    '{"keys":[{"__proto__":{}}]}',
  ]
  for (const publicJwks of sets) expect(await codeOf(create({ publicJwks }))).toBe('CLIENT.KEYS_NOT_VALID')
  expect(sets.length).toBe(17)
})

test('a client of another account is out of reach', async () => {
  const there = clientOf(await create({}, 'otherSubject')).id
  expect(await codeOf(perform(world, 'subject', 'disableApiClient', { apiClientId: there }))).toBe('NOT_AVAILABLE')
  const { data } = await world.ask('subject', '{ apiClients { edges { node { id } } } }')
  const ids = data.apiClients.edges.map(({ node }: { node: { id: string } }) => node.id)
  expect(ids.length).toBeGreaterThan(2)
  expect(ids).not.toContain(there)
})

test('Staff makes and disables clients of gateways and processors, and cannot touch those of customers', async () => {
  const gateway = await perform(world, 'staff', 'createPlatformClient', { label: 'Edge', kind: 'GATEWAY' })
  const vendor = { label: 'Vendor', kind: 'PROCESSOR', processorId: PROCESSOR }
  const processor = await perform(world, 'staff', 'createPlatformClient', vendor)
  expect([clientOf(gateway).scopes, clientOf(processor).scopes]).toEqual([
    ['usage:write', 'inventory:write'],
    ['events:read', 'webhooks:read', 'webhooks:manage'],
  ])
  const { access_token: token } = await fetchToken(clientOf(gateway).clientId, { secret: String(gateway['secret']) })
  expect((await ask(token, '{ viewer { principal } }')).body.data).toEqual({ viewer: { principal: 'GATEWAY' } })
  const disable = (id: string) => codeOf(perform(world, 'staff', 'disablePlatformClient', { apiClientId: id }))
  expect(await disable(clientOf(gateway).id)).toBe('DisablePlatformClientSuccess')
  expect(await disable(clientOf(gateway).id)).toBe('DisablePlatformClientSuccess')
  expect((await ask(token, '{ viewer { principal } }')).status).toBe(401)
  const customers = clientOf(await create({}))
  expect(await disable(customers.id)).toBe('NOT_AVAILABLE')
  const { data } = await world.ask('subject', '{ apiClients { edges { node { id disabledAt } } } }')
  const node = data.apiClients.edges.find((edge: { node: Client }) => edge.node.id === customers.id)?.node
  expect(node).toEqual({ id: customers.id, disabledAt: null })
})

test('a platform client is of a processor or of none', async () => {
  const make = (input: object, as: Who = 'staff') =>
    codeOf(perform(world, as, 'createPlatformClient', { label: 'X', ...input }))
  const processorId = PROCESSOR
  expect(await make({ kind: 'PROCESSOR', processorId })).toBe('CreatePlatformClientSuccess')
  expect(await make({ kind: 'GATEWAY', processorId })).toBe('BAD_USER_INPUT')
  expect(await make({ kind: 'PROCESSOR', processorId: 'not-a-uuid' })).toBe('BAD_USER_INPUT')
  expect(await make({ kind: 'INTEGRATION' })).toBe('BAD_USER_INPUT')
  expect(await make({ kind: 'GATEWAY', scopes: ['usage:read'] })).toBe('CLIENT.SCOPE_NOT_ALLOWED')
  for (const who of ['subject', 'integration', 'gateway', 'processor'] as const)
    expect(await make({ kind: 'GATEWAY' }, who)).toBe('FORBIDDEN')
})

test('a secret is kept as its hash alone, and told once', async () => {
  const created = await create({})
  const secret = String(created['secret'])
  const { accountId, id } = { accountId: localId(world.ids.account), id: clientOf(created).clientId }
  const row = await world.resources.db.auth((tx) =>
    tx.apiClient.findUniqueOrThrow({ where: { accountId_id: { accountId, id } } }),
  )
  expect(row.secretHash).toMatch(/^scrypt\$16384\$8\$1\$/)
  expect(JSON.stringify(row)).not.toContain(secret)
  expect(world.log.join('')).not.toContain(secret)
})
