import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { readServerEnv } from '../../src/env.ts'
import { createLog } from '../../src/http/logging.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, join, keyOf, type Outcome, perform, type Who } from './calls.ts'

let world: World
let server: RunningServer
let logged: string[]
beforeAll(async () => {
  world = await openWorld()
  logged = []
  const env = readServerEnv({
    NODE_ENV: 'test',
    PORT: '0',
    DEMO: 'off',
    TRUSTED_PROXIES: '1',
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000',
    RATE_LIMIT_CALLER_PER_MINUTE: '50',
  })
  server = await startServer({
    resources: { ...world.resources, close: async () => {} },
    env: { ...env, worker: false },
    log: createLog({ destination: { write: (line: string) => void logged.push(line) } }),
  })
})
afterAll(async () => {
  await server.stop()
  await world.close()
})

type Client = { id: string; clientId: string; scopes: string[]; allowedNetworks: string[]; previousSecretUntil: string }
const clientOf = (outcome: Outcome) => outcome['apiClient'] as Client

/** A client of the first account, or of the platform by Staff. */
async function create(input: object = {}, as: Who = 'subject', name = 'createApiClient') {
  const created = await perform(world, as, name, { label: 'Bot', ...input })
  if (!created.__typename.endsWith('Success')) throw new Error(`no client: ${created.code}`)
  return { ...clientOf(created), secret: String(created['secret']) }
}
const update = (apiClientId: string, change: object, as: Who = 'subject') =>
  perform(world, as, 'updateApiClient', { apiClientId, ...change })
const rotate = (apiClientId: string, more: object = {}, as: Who = 'subject') =>
  perform(world, as, 'rotateApiClientSecret', { apiClientId, ...more })

const jwks = () => {
  const { kty, crv, x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  return JSON.stringify({ keys: [{ kty, crv, x }] })
}

async function fetchToken(clientId: string, secret: string, address = '192.0.2.1') {
  const response = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
      'x-forwarded-for': address,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const body = (await response.json()) as { access_token?: string; error?: string }
  return { status: response.status, token: body.access_token ?? '', error: body.error }
}
const isGood = async (clientId: string, secret: string) => (await fetchToken(clientId, secret)).status === 200

async function ask(token: string, query: string, address = '192.0.2.1', headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      'x-forwarded-for': address,
      ...headers,
    },
    body: JSON.stringify({ query }),
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : null }
}

test('label, scopes and networks are changed, and what is absent stays', async () => {
  const { id } = await create({ scopes: ['subjects:read'], allowedNetworks: ['192.0.2.0/24'] })
  const read = async (change: object) => clientOf(await update(id, change))
  expect(await read({ label: 'Night bot' })).toEqual({
    id,
    label: 'Night bot',
    scopes: ['subjects:read'],
    allowedNetworks: ['192.0.2.0/24'],
    authentication: 'client_secret',
  })
  expect(await read({ scopes: ['usage:read', 'usage:read'] })).toMatchObject({
    label: 'Night bot',
    scopes: ['usage:read'],
  })
  expect(await read({ allowedNetworks: ['2001:DB8::/32', '2001:db8::/32', '198.51.100.7/32'] })).toMatchObject({
    scopes: ['usage:read'],
    allowedNetworks: ['2001:db8::/32', '198.51.100.7/32'],
  })
  expect(await read({ label: null, scopes: null, allowedNetworks: null, publicJwks: null })).toMatchObject({
    label: 'Night bot',
    scopes: ['usage:read'],
  })
  expect(await read({ allowedNetworks: [] })).toMatchObject({ allowedNetworks: [] })
})

test('a change that a client cannot take is refused, and nothing of it stays', async () => {
  const { id } = await create({ scopes: ['subjects:read'] })
  const code = (change: object) => codeOf(update(id, { label: 'Changed', ...change }))
  expect(await code({ scopes: ['usage:write'] })).toBe('CLIENT.SCOPE_NOT_ALLOWED')
  expect(await code({ scopes: ['clients:manage'] })).toBe('CLIENT.SCOPE_NOT_ALLOWED')
  expect(await code({ scopes: ['everything'] })).toBe('BAD_USER_INPUT')
  expect(await code({ label: '' })).toBe('BAD_USER_INPUT')
  expect(await code({ publicJwks: jwks() })).toBe('CLIENT.AUTHENTICATION_DIFFERS')
  expect(await code({ publicJwks: '{}' })).toBe('CLIENT.KEYS_NOT_VALID')
  const tooMany = Array.from({ length: 21 }, (_, index) => `192.0.2.${index}/32`)
  for (const networks of [['192.0.2.1'], ['192.0.2.1/24'], ['10.0.0.0/8', ''], ['localhost'], tooMany])
    expect(await code({ allowedNetworks: networks })).toBe('CLIENT.NETWORKS_NOT_VALID')
  expect(await codeOf(perform(world, 'subject', 'createApiClient', { label: 'B', allowedNetworks: ['x'] }))).toBe(
    'CLIENT.NETWORKS_NOT_VALID',
  )
  expect(clientOf(await update(id, {}))).toMatchObject({ label: 'Bot', scopes: ['subjects:read'], allowedNetworks: [] })
})

test('another account, a member and machines cannot change or rotate a client, and are told like of none', async () => {
  const { id } = await create()
  const { who: member } = await join(world, 'MEMBER')
  const unknown = Buffer.from(
    Buffer.from(id, 'base64')
      .toString()
      .replace(/[^/]+$/, '0199aa00-0000-7000-8000-0000000000ff'),
  ).toString('base64')
  for (const call of [update, rotate]) {
    expect(await call(id, {}, 'otherSubject')).toEqual(await call(unknown, {}, 'otherSubject'))
    expect(await codeOf(call(unknown, {}))).toBe('NOT_AVAILABLE')
    for (const who of [member, 'integration', 'gateway', 'processor', 'staff'] as const)
      expect(await codeOf(call(id, {}, who))).toBe('FORBIDDEN')
    const { who: admin } = await join(world, 'ADMIN')
    expect(await codeOf(call(id, {}, admin))).toMatch(/Success$/)
  }
})

test('Staff changes and rotates clients of the platform, and none of a customer', async () => {
  const { id, clientId, secret } = await create({ kind: 'GATEWAY' }, 'staff', 'createPlatformClient')
  const customers = await create()
  for (const name of ['updatePlatformClient', 'rotatePlatformClientSecret']) {
    expect(await codeOf(perform(world, 'staff', name, { apiClientId: customers.id }))).toBe('NOT_AVAILABLE')
    expect(await codeOf(perform(world, 'subject', name, { apiClientId: id }))).toBe('FORBIDDEN')
  }
  for (const name of ['updateApiClient', 'rotateApiClientSecret'])
    expect(await codeOf(perform(world, 'subject', name, { apiClientId: id }))).toBe('NOT_AVAILABLE')
  const updated = await perform(world, 'staff', 'updatePlatformClient', { apiClientId: id, scopes: [] })
  expect(clientOf(updated).scopes).toEqual([])
  const rotated = await perform(world, 'staff', 'rotatePlatformClientSecret', { apiClientId: id, overlapHours: 0 })
  expect([await isGood(clientId, secret), await isGood(clientId, String(rotated['secret']))]).toEqual([false, true])
})

test('after a rotation both secrets are good, and from the end of the overlap on only the new one', async () => {
  const { id, clientId, secret } = await create()
  const start = world.clock.now()
  const rotated = await rotate(id, { overlapHours: 2 })
  const next = String(rotated['secret'])
  expect(clientOf(rotated)).toEqual({
    id,
    rotatedAt: start.toISOString(),
    previousSecretUntil: new Date(start.getTime() + 2 * 3600_000).toISOString(),
  })
  expect(next).not.toBe(secret)
  const good = async () => [
    await isGood(clientId, secret),
    await isGood(clientId, next),
    await isGood(clientId, `${next}x`),
  ]
  expect(await good()).toEqual([true, true, false])
  world.clock.move(7_199)
  expect(await good()).toEqual([true, true, false])
  world.clock.move(1)
  expect(await good()).toEqual([false, true, false])
  expect(await isGood(clientId, `${secret} ${next}`)).toBe(false)
  expect(clientOf(await rotate(id, {})).previousSecretUntil).toBe(
    new Date(start.getTime() + 26 * 3600_000).toISOString(),
  )
})

test('a leaked secret is ended at once; a token that was given out stays good until it ends', async () => {
  const { id, clientId, secret } = await create()
  const { token } = await fetchToken(clientId, secret)
  const rotated = await rotate(id, { overlapHours: 0 })
  expect(clientOf(rotated).previousSecretUntil).toBeNull()
  expect([await isGood(clientId, secret), await isGood(clientId, String(rotated['secret']))]).toEqual([false, true])
  expect((await ask(token, '{ viewer { principal } }')).status).toBe(200)
  world.clock.move(606)
  expect((await ask(token, '{ viewer { principal } }')).status).toBe(401)
  await perform(world, 'subject', 'disableApiClient', { apiClientId: id })
  expect(await isGood(clientId, String(rotated['secret']))).toBe(false)
})

test('a second rotation waits for the end of the first, unless it ends everything before it', async () => {
  const { id, clientId, secret } = await create()
  const first = String((await rotate(id))['secret'])
  expect(await codeOf(rotate(id))).toBe('CLIENT.ROTATION_RUNNING')
  expect([await isGood(clientId, secret), await isGood(clientId, first)]).toEqual([true, true])
  const second = String((await rotate(id, { overlapHours: 0 }))['secret'])
  expect([await isGood(clientId, secret), await isGood(clientId, first), await isGood(clientId, second)]).toEqual([
    false,
    false,
    true,
  ])
})

test('of ten rotations at once one happens, and the secret before stays good', async () => {
  const { id, clientId, secret } = await create()
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => rotate(id)))
  const codes = outcomes.map(({ code, __typename }) => code ?? __typename).sort()
  expect(codes).toEqual([...Array(9).fill('CLIENT.ROTATION_RUNNING'), 'RotateApiClientSecretSuccess'])
  const next = outcomes.find(({ secret: shown }) => typeof shown === 'string')?.['secret']
  expect([await isGood(clientId, secret), await isGood(clientId, String(next))]).toEqual([true, true])
})

test('a repeat of a rotation rotates nothing and shows no secret, also at the same time', async () => {
  const { id, clientId } = await create()
  const input = { idempotencyKey: `rotation-${fresh()}` }
  const both = await Promise.all([rotate(id, input), rotate(id, input), rotate(id, input)])
  const secrets = both.map(({ secret }) => secret).filter((secret) => typeof secret === 'string')
  expect(secrets.length).toBe(1)
  expect(await isGood(clientId, String(secrets[0]))).toBe(true)
  const again = await rotate(id, input)
  expect([again.__typename, again['secret']]).toEqual(['RotateApiClientSecretSuccess', null])
  expect(await isGood(clientId, String(secrets[0]))).toBe(true)
  const row = await world.resources.db.worker((tx) =>
    tx.idempotencyRecord.findMany({ where: { mutation: 'rotateApiClientSecret' } }),
  )
  expect(row.length).toBeGreaterThan(0)
  expect(JSON.stringify(row)).not.toContain(String(secrets[0]))
})

test.each([-1, 169, 1.5])('an overlap of %s hours is refused', async (overlapHours) => {
  const { id } = await create()
  expect(await codeOf(rotate(id, { overlapHours }))).toBe('BAD_USER_INPUT')
})

test('a client with keys has no secret to rotate, and its keys are replaced', async () => {
  const { id, clientId } = await create({ publicJwks: jwks() })
  expect(await codeOf(rotate(id))).toBe('CLIENT.AUTHENTICATION_DIFFERS')
  const publicJwks = jwks()
  expect(clientOf(await update(id, { publicJwks }))).toMatchObject({ authentication: 'private_key_jwt' })
  const key = { accountId: keyOf(id).accountId, id: clientId }
  const row = await world.resources.db.auth((tx) => tx.apiClient.findUniqueOrThrow({ where: { accountId_id: key } }))
  expect([row.publicJwks, row.secretHash]).toEqual([JSON.parse(publicJwks), null])
})

test('a disabled client is not changed any more', async () => {
  const { id } = await create()
  await perform(world, 'subject', 'disableApiClient', { apiClientId: id })
  expect([await codeOf(update(id, { label: 'x' })), await codeOf(rotate(id))]).toEqual([
    'CLIENT.DISABLED',
    'CLIENT.DISABLED',
  ])
})

test('scopes that were taken away are gone from tokens that were given out before', async () => {
  const { id, clientId, secret } = await create({ scopes: ['subjects:read', 'usage:read'] })
  const { token } = await fetchToken(clientId, secret)
  const scopes = async () => (await ask(token, '{ viewer { scopes } }')).body.data.viewer.scopes
  expect(await scopes()).toEqual(['public', 'subjects:read', 'usage:read'])
  await update(id, { scopes: ['usage:read'] })
  expect(await scopes()).toEqual(['public', 'usage:read'])
  expect((await ask(token, '{ subjects { totalCount } }')).body.errors[0].extensions.code).toBe('FORBIDDEN')
  await update(id, { scopes: ['subjects:read', 'usage:read', 'accounts:read'] })
  expect(await scopes()).toEqual(['public', 'subjects:read', 'usage:read'])
})

test('a client that is bound to networks gets a token and uses it from there alone, results and streams too', async () => {
  const { id, clientId, secret } = await create({ allowedNetworks: ['192.0.2.0/24', '2001:db8:1::/48'] })
  for (const address of ['192.0.2.200', '2001:db8:1::5', '::ffff:192.0.2.9'])
    expect((await fetchToken(clientId, secret, address)).status).toBe(200)
  const outside = ['198.51.100.1', '2001:db8:2::1', '127.0.0.1', 'garbage', '192.0.2.1, 198.51.100.1']
  for (const address of outside)
    expect(await fetchToken(clientId, secret, address)).toMatchObject({ status: 401, error: 'invalid_client' })
  const { token } = await fetchToken(clientId, secret)
  const job = `${server.url}/jobs/${keyOf(id).accountId}/${keyOf(id).id}/result`
  const result = async (address: string) => {
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': address }
    return (await fetch(job, { headers })).status
  }
  expect([(await ask(token, '{ viewer { principal } }', '192.0.2.3')).status, await result('192.0.2.3')]).toEqual([
    200, 404,
  ])
  const before = logged.length
  for (const address of outside) {
    const refused = await ask(token, '{ viewer { principal } }', address)
    const stream = await ask(token, 'subscription { events { id } }', address, { accept: 'text/event-stream' })
    expect([refused.status, stream.status, await result(address)]).toEqual([401, 401, 401])
    expect(refused.text).not.toMatch(/address|network/i)
  }
  const lines = logged.slice(before).map((line) => JSON.parse(line))
  expect(lines.filter(({ reason }) => reason === 'address').length).toBe(2 * outside.length)
  expect(logged.join('')).not.toMatch(/198\.51\.100|2001:db8/)
  await update(id, { allowedNetworks: ['198.51.100.0/24'] })
  expect((await ask(token, '{ viewer { principal } }', '192.0.2.3')).status).toBe(401)
  expect((await ask(token, '{ viewer { principal } }', '198.51.100.1')).status).toBe(200)
})

test('without a known address a client that is bound to networks is refused, and any other is not', async () => {
  const { id, clientId, secret } = await create()
  const { token } = await fetchToken(clientId, secret)
  expect((await world.ask({ token: world.demo.tokens.integration }, '{ viewer { principal } }')).status).toBe(200)
  expect((await ask(token, '{ viewer { principal } }', 'unknown')).status).toBe(200)
  await update(id, { allowedNetworks: ['192.0.2.0/24'] })
  expect((await ask(token, '{ viewer { principal } }', 'unknown')).status).toBe(401)
})

const listed = async (id: string, fields: string) => {
  const { data } = await world.ask('subject', `{ apiClients(first: 100) { edges { node { id ${fields} } } } }`)
  return data.apiClients.edges.find(({ node }: { node: { id: string } }) => node.id === id)?.node
}

test('the last use is noted in memory, written by a flush, and never set back', async () => {
  const { clientId, id, secret } = await create()
  const uses = world.serving.clientUses
  const flush = () => uses.flush(world.resources.db)
  const at = world.clock.now()
  expect((await listed(id, 'lastUsedAt')).lastUsedAt).toBeNull()
  uses.note(clientId, at)
  uses.note(clientId, new Date(at.getTime() - 1000))
  await flush()
  expect((await listed(id, 'lastUsedAt')).lastUsedAt).toBe(at.toISOString())
  uses.note(clientId, new Date(at.getTime() - 5000))
  await flush()
  expect((await listed(id, 'lastUsedAt')).lastUsedAt).toBe(at.toISOString())
  expect(await isGood(clientId, secret)).toBe(true)
})

test('a token that is given out or used is a use, a refused one is none', async () => {
  const seen: string[] = []
  const { clientUses } = world.serving
  const note = clientUses.note.bind(clientUses)
  clientUses.note = (clientId, at) => {
    seen.push(clientId)
    note(clientId, at)
  }
  await world.ask('integration', '{ viewer { principal } }')
  expect(seen.length).toBe(1)
  await world.ask({ token: `${world.demo.tokens.integration}x` }, '{ viewer { principal } }')
  await world.ask('subject', '{ viewer { principal } }')
  expect(seen.length).toBe(1)
  await clientUses.flush(world.resources.db)
  const { data } = await world.ask('subject', '{ apiClients(first: 100) { edges { node { clientId lastUsedAt } } } }')
  const used = data.apiClients.edges.find(({ node }: { node: { clientId: string } }) => node.clientId === seen[0])
  expect(used.node.lastUsedAt).toBe(world.clock.now().toISOString())
})

test('what cannot be written is kept for the next time', async () => {
  const { clientId, id } = await create()
  const uses = world.serving.clientUses
  const at = world.clock.now()
  uses.note(clientId, at)
  const broken = { auth: async () => Promise.reject(new Error('no database')) } as unknown as typeof world.resources.db
  await expect(uses.flush(broken)).rejects.toThrow('no database')
  await uses.flush(world.resources.db)
  expect((await listed(id, 'lastUsedAt')).lastUsedAt).toBe(at.toISOString())
})

test('a caller sees what is left of its requests, and its owner too, without counting', async () => {
  const { clientId, id, secret } = await create()
  const { token } = await fetchToken(clientId, secret)
  const quota = '{ limit remaining resetsAt windowSeconds }'
  const own = async () => (await ask(token, `{ viewer { quota ${quota} } }`)).body.data.viewer.quota
  expect(
    [await own(), await own()].map(({ limit, remaining, windowSeconds }) => [limit, remaining, windowSeconds]),
  ).toEqual([
    [50, 49, 60],
    [50, 48, 60],
  ])
  const seconds = (Date.parse((await own()).resetsAt) - world.clock.now().getTime()) / 1000
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  expect((await listed(id, `quota ${quota}`)).quota).toEqual({
    limit: 1_000_000,
    remaining: 1_000_000,
    resetsAt: null,
    windowSeconds: 60,
  })
  expect((await ask('', `{ viewer { principal } }`)).status).toBe(401)
  const anonymous = await world.ask(null, `{ viewer { quota ${quota} } }`)
  expect(anonymous.data.viewer.quota).toBeNull()
})

test('an owner sees the quota of a client as the same process counts it', async () => {
  const used = '{ viewer { quota { remaining } } }'
  const { data } = await world.ask('integration', used)
  const before = await world.ask(
    'subject',
    '{ apiClients(first: 100) { edges { node { kind label quota { remaining } } } } }',
  )
  const remainders = before.data.apiClients.edges.map(
    ({ node }: { node: { quota: { remaining: number } } }) => node.quota.remaining,
  )
  expect(data.viewer.quota.remaining).toBeLessThan(1_000_000)
  expect(remainders).toContain(data.viewer.quota.remaining)
})

test('changes and rotations are in the audit and in the feed, without a secret or a label', async () => {
  const { id } = await create()
  await update(id, { label: 'Secret label' })
  const rotated = await rotate(id)
  const { accountId, id: clientId } = keyOf(id)
  expect(accountId).not.toBe(PLATFORM_ACCOUNT_ID)
  const { audits, events } = await world.resources.db.worker(async (tx) => ({
    audits: await tx.auditEvent.findMany({ where: { recordIds: { has: clientId } } }),
    events: await tx.outboxEvent.findMany({ where: { accountId }, orderBy: { position: 'asc' } }),
  }))
  expect(audits.map(({ kind, recordType }) => [kind, recordType]).sort()).toEqual([
    ['client.created', 'ApiClient'],
    ['client.secret_rotated', 'ApiClient'],
    ['client.updated', 'ApiClient'],
  ])
  const own = events.filter(({ payload }) => (payload as { clientId?: string }).clientId === clientId)
  expect(own.map(({ kind }) => kind)).toEqual(['client.updated', 'client.secret_rotated'])
  const all = JSON.stringify([audits, own], (_key, value) => (typeof value === 'bigint' ? String(value) : value))
  for (const word of ['Secret label', String(rotated['secret'])]) expect(all).not.toContain(word)
})
