import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { verifyWebhook, type WebhookToVerify } from '../../client/src/webhooks.ts'
import { createTestWebhook, signWebhook } from '../../client/src/webhooks-testing.ts'
import { publishEvent } from '../../src/domains/events/events.publish.ts'
import { newWebhookKeyPair, signingPairOf } from '../../src/domains/webhooks/webhook-keys.ts'
import { webhookBody, webhookHeaders } from '../../src/domains/webhooks/webhook-message.ts'

const AT = new Date('2026-03-15T12:00:00.000Z')
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const BODY = JSON.stringify({
  type: 'subject.created',
  timestamp: '2026-03-15T11:59:58.000Z',
  data: { eventId: 'e-1', version: 1, sequence: '9', accountId: 'a', subjectId: 's', name: 'Zoë' },
})

function ed25519() {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const text = (part: string) => Buffer.from(part, 'base64url').toString('base64')
  return { jwk: { kty: 'OKP', crv: 'Ed25519', d, x }, privateKey: `whsk_${text(d)}`, publicKey: `whpk_${text(x)}` }
}
const PAIR = ed25519()

const signed = (keys: string | string[], body: string | Uint8Array = BODY, timestamp = AT) =>
  signWebhook({ id: 'msg_1', timestamp, body, keys })

/** `accepted`, or why not. */
function outcome(webhook: Partial<WebhookToVerify> & Pick<WebhookToVerify, 'headers'>): Promise<string> {
  return verifyWebhook({ body: BODY, keys: [SECRET, PAIR.publicKey], now: AT, ...webhook }).then(
    () => 'accepted',
    (error: { reason?: string; message: string }) => error.reason ?? error.message,
  )
}

// libraries/javascript/src/webhook.test.ts and libraries/go/webhook_asymmetric_test.go of standard-webhooks
const VECTOR = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: new Date(1614265330_000), body: '{"test": 2432232314}' }

test('signatures are those of the official vectors of v1 and v1a', async () => {
  const keys = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=']
  expect((await signWebhook({ ...VECTOR, keys }))['webhook-signature'].split(' ')).toEqual([
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==',
  ])
})

test('what the standardwebhooks library signs is accepted, and it accepts what is signed here', async () => {
  const now = new Date()
  const theirs = new Webhook(SECRET)
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': theirs.sign('msg_1', now, BODY),
  }
  expect(await outcome({ headers, now })).toBe('accepted')
  expect(theirs.verify(BODY, { ...(await signed(SECRET, BODY, now)) })).toEqual(JSON.parse(BODY))
})

test('what node:crypto signs by Ed25519 is accepted, and it accepts what is signed here', async () => {
  const seconds = String(AT.getTime() / 1000)
  const content = Buffer.from(`msg_1.${seconds}.${BODY}`)
  const signature = sign(null, content, { key: PAIR.jwk, format: 'jwk' }).toString('base64')
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': seconds, 'webhook-signature': `v1a,${signature}` }
  expect(await outcome({ headers, keys: PAIR.publicKey })).toBe('accepted')
  const [, own = ''] = (await signed(PAIR.privateKey))['webhook-signature'].split(',')
  const publicKey = createPublicKey({ key: PAIR.jwk, format: 'jwk' })
  expect(verify(null, content, publicKey, Buffer.from(own, 'base64'))).toBe(true)
})

test('the event is returned as it was sent, from text and from bytes', async () => {
  const headers = await signed(SECRET)
  for (const body of [BODY, Buffer.from(BODY), new TextEncoder().encode(BODY)])
    expect(await verifyWebhook({ headers, body, keys: SECRET, now: AT })).toEqual(JSON.parse(BODY))
})

test('headers are read from Headers, from Node, and in any case', async () => {
  const headers = await signed(SECRET)
  const entries = Object.entries(headers)
  const forms = [
    new Headers(entries),
    Object.fromEntries(entries.map(([name, value]) => [name.toUpperCase(), value])),
    Object.fromEntries(entries.map(([name, value]) => [name, [value]])),
    { ...headers, get: 'a header of this name', 'x-other': undefined },
  ]
  for (const form of forms) expect(await outcome({ headers: form })).toBe('accepted')
})

test.each([
  ['no id', { 'webhook-id': undefined }, 'MISSING_HEADER'],
  ['no timestamp', { 'webhook-timestamp': undefined }, 'MISSING_HEADER'],
  ['no signature', { 'webhook-signature': undefined }, 'MISSING_HEADER'],
  ['an empty id', { 'webhook-id': '' }, 'MALFORMED_HEADER'],
  ['an id with a dot', { 'webhook-id': 'msg.1' }, 'MALFORMED_HEADER'],
  ['an id twice', { 'webhook-id': ['msg_1', 'msg_1'] }, 'MALFORMED_HEADER'],
  ['an id under two names', { 'Webhook-Id': 'msg_1' }, 'MALFORMED_HEADER'],
  ['a timestamp of words', { 'webhook-timestamp': 'now' }, 'MALFORMED_HEADER'],
  ['a timestamp with a fraction', { 'webhook-timestamp': '1773576000.0' }, 'MALFORMED_HEADER'],
  ['a timestamp with a leading zero', { 'webhook-timestamp': '01773576000' }, 'MALFORMED_HEADER'],
  ['a negative timestamp', { 'webhook-timestamp': '-1' }, 'MALFORMED_HEADER'],
  ['an empty signature', { 'webhook-signature': '' }, 'MALFORMED_HEADER'],
  ['33 signatures', { 'webhook-signature': Array(33).fill('v1,AAAA').join(' ') }, 'MALFORMED_HEADER'],
  ['half a signature', { 'webhook-signature': 'v1,' }, 'NO_MATCHING_SIGNATURE'],
  ['an unknown version', { 'webhook-signature': 'v2,AAAA' }, 'NO_MATCHING_SIGNATURE'],
])('%s is refused', async (_what, change, reason) => {
  expect(await outcome({ headers: { ...(await signed(SECRET)), ...change } })).toBe(reason)
})

test('a timestamp holds 300 seconds either way, or as long as is asked for', async () => {
  const headers = await signed([SECRET, PAIR.privateKey])
  const at = (seconds: number, toleranceSeconds?: number) =>
    outcome({
      headers,
      now: new Date(AT.getTime() + seconds * 1000),
      ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
    })
  expect(await Promise.all([at(300), at(301), at(-300), at(-301), at(5, 5), at(6, 5), at(-6, 5)])).toEqual([
    'accepted',
    'TIMESTAMP_TOO_OLD',
    'accepted',
    'TIMESTAMP_TOO_NEW',
    'accepted',
    'TIMESTAMP_TOO_OLD',
    'TIMESTAMP_TOO_NEW',
  ])
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 86_401])
    expect(await at(0, bad)).toMatch(/^toleranceSeconds must/)
  expect(await outcome({ headers, now: new Date(Number.NaN) })).not.toBe('accepted')
})

test('during a rotation either key is enough, on either side', async () => {
  const [old, other] = [ed25519(), `whsec_${randomBytes(24).toString('base64')}`]
  const headers = await signed([SECRET, other, PAIR.privateKey, old.privateKey])
  expect(headers['webhook-signature'].split(' ').length).toBe(4)
  for (const keys of [SECRET, other, PAIR.publicKey, old.publicKey, [SECRET, other], [ed25519().publicKey, other]])
    expect(await outcome({ headers, keys })).toBe('accepted')
  expect(await outcome({ headers: await signed(other), keys: [SECRET, other] })).toBe('accepted')
  const strangers = [ed25519().publicKey, `whsec_${randomBytes(64).toString('base64')}`]
  expect(await outcome({ headers, keys: strangers })).toBe('NO_MATCHING_SIGNATURE')
})

test('of all changes to one byte of body, id, timestamp or signature none is accepted', async () => {
  let tried = 0
  let accepted = 0
  for (const key of [SECRET, PAIR.privateKey]) {
    const headers = await signed(key)
    const bytes = Buffer.from(BODY)
    const attempt = async (webhook: Parameters<typeof outcome>[0]) => {
      tried += 1
      if ((await outcome({ toleranceSeconds: 86_400, ...webhook })) === 'accepted') accepted += 1
    }
    for (const [index, byte] of bytes.entries())
      for (const bit of [1, 0x20, 0x80]) {
        const body = Buffer.from(bytes)
        body[index] = byte ^ bit
        await attempt({ headers, body })
      }
    for (const body of ['', ` ${BODY}`, `${BODY}\n`, BODY.slice(0, -1), BODY.replace('"name"', '"Name"')])
      await attempt({ headers, body })
    for (const [name, value] of Object.entries(headers))
      for (let index = 0; index < value.length; index += 1)
        for (const char of ['0', 'A', '=', '.', ',', ' ', 'é']) {
          const changed = value.slice(0, index) + char + value.slice(index + 1)
          if (changed !== value) await attempt({ headers: { ...headers, [name]: changed } })
        }
  }
  expect(tried).toBeGreaterThan(2_000)
  expect(accepted).toBe(0)
})

test('a signature in another encoding is refused', async () => {
  const [, encoded = ''] = (await signed(SECRET))['webhook-signature'].split(',')
  const bytes = Buffer.from(encoded, 'base64')
  // The last character before the padding has 2 bits of no meaning here.
  const stray = `${encoded.slice(0, -2)}${String.fromCharCode(encoded.charCodeAt(encoded.length - 2) + 1)}=`
  expect(Buffer.from(stray, 'base64').equals(bytes)).toBe(true)
  const forms = [stray, bytes.toString('hex'), bytes.toString('base64url'), encoded.slice(0, -1), `${encoded},`, 'v1']
  for (const form of forms) {
    const headers = { ...(await signed(SECRET)), 'webhook-signature': `v1,${form}` }
    expect(await outcome({ headers })).toBe('NO_MATCHING_SIGNATURE')
  }
})

test('a signature of one version is none of the other, also with the same bytes as key', async () => {
  const raw = PAIR.publicKey.slice('whpk_'.length)
  const hmac = (await signed(`whsec_${raw}`))['webhook-signature']
  const headers = { ...(await signed(SECRET)), 'webhook-signature': hmac.replace('v1,', 'v1a,') }
  expect(await outcome({ headers, keys: PAIR.publicKey })).toBe('NO_MATCHING_SIGNATURE')
  const asSecret = { ...headers, 'webhook-signature': hmac }
  expect(await outcome({ headers: asSecret, keys: PAIR.publicKey })).toBe('NO_MATCHING_SIGNATURE')
})

test.each([
  '',
  'not json',
  'null',
  '[]',
  '{}',
  '{"type":"a","timestamp":"b"}',
  '{"type":"a","timestamp":"b","data":[]}',
  '{"type":1,"timestamp":"b","data":{}}',
])('a signed body that is no event is refused: %s', async (body) => {
  expect(await outcome({ headers: await signed(SECRET, body), body })).toBe('MALFORMED_BODY')
})

test('a signed body that is no UTF-8, or begins with a mark of byte order, is refused', async () => {
  const event = Buffer.from('{"type":"a","timestamp":"b","data":{}}')
  const bodies = [Buffer.concat([event.subarray(0, -1), Buffer.from([0xff, 0x7d])]), Buffer.from(`\uFEFF${event}`)]
  for (const body of bodies) expect(await outcome({ headers: await signed(SECRET, body), body })).toBe('MALFORMED_BODY')
  expect(await outcome({ headers: await signed(SECRET, event), body: event })).toBe('accepted')
})

test.each([
  ['none', []],
  ['a private key', PAIR.privateKey],
  ['no prefix', Buffer.alloc(32, 7).toString('base64')],
  ['another prefix', SECRET.replace('whsec', 'whsex')],
  ['a secret of 23 bytes', `whsec_${Buffer.alloc(23).toString('base64')}`],
  ['a secret of 65 bytes', `whsec_${Buffer.alloc(65).toString('base64')}`],
  ['a public key of 31 bytes', `whpk_${Buffer.alloc(31).toString('base64')}`],
  ['no base64', 'whsec_not-base64-not-base64-not-base64'],
  ['a space behind', `${SECRET} `],
  ['a good and a bad one', [SECRET, 'whsec_']],
])('keys that are no keys are a mistake of the program: %s', async (_what, keys) => {
  const refused = outcome({ headers: await signed(SECRET), keys })
  expect(await refused).toMatch(/^(A webhook key must be whsec_ or whpk_|`keys` must name one)/)
  expect(await refused).not.toContain(Buffer.alloc(32, 7).toString('base64').slice(0, 8))
})

test('whatever headers a stranger sends, the answer is one of the closed list', async () => {
  const words = [
    'MISSING_HEADER',
    'MALFORMED_HEADER',
    'TIMESTAMP_TOO_OLD',
    'TIMESTAMP_TOO_NEW',
    'NO_MATCHING_SIGNATURE',
  ]
  const value = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('msg_1', '1773576000', 'v1,AAAA'))
  const headers = fc.record(
    { 'webhook-id': value, 'webhook-timestamp': value, 'webhook-signature': value },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(headers, fc.uint8Array(), async (headers, body) => {
      expect(words).toContain(await outcome({ headers, body }))
    }),
    { numRuns: 500 },
  )
})

test('a webhook made for a test is accepted like one of the server', async () => {
  const request = await createTestWebhook({
    type: 'account.closing',
    data: { closingAt: '2026-03-15T12:00:00.000Z' },
    keys: [SECRET, PAIR.privateKey],
    now: AT,
  })
  const webhook = { headers: request.headers, body: await request.text(), keys: PAIR.publicKey, now: AT }
  const event = await verifyWebhook(webhook)
  if (event.type !== 'account.closing') throw new Error(`it is ${event.type}`)
  expect(event.data.closingAt).toBe('2026-03-15T12:00:00.000Z')
  expect(event.data.eventId).toBe(request.headers.get('webhook-id'))
  expect(request.headers.get('webhook-signature')).toMatch(/^v1,\S+ v1a,\S+$/)
})

test('a webhook is signed with an id that has no dot', async () => {
  await expect(signWebhook({ id: 'a.b', timestamp: AT, body: '{}', keys: SECRET })).rejects.toThrow(/without a dot/)
})

test('what the server makes of an event is accepted with either key, and has the typed fields', async () => {
  const pair = newWebhookKeyPair()
  const accountId = '0199aa00-0000-7000-8000-000000000001'
  const published = publishEvent({
    feedId: accountId,
    sequence: 2n ** 40n,
    accountId,
    eventId: '0199aa00-0000-7000-8000-0000000000e1',
    kind: 'account.closing',
    subjectId: null,
    payload: { accountId, closingAt: '2026-03-15T11:59:58.000Z' },
    createdAt: new Date('2026-03-15T11:59:59.000Z'),
  })
  const body = webhookBody(published)
  const headers = webhookHeaders({ id: published.id, at: AT, body }, [signingPairOf(pair)])
  for (const keys of [pair.secret, pair.publicKey]) {
    const event = await verifyWebhook({ headers, body, keys, now: AT })
    if (event.type !== 'account.closing') throw new Error(`it is ${event.type}`)
    expect([
      event.timestamp,
      event.data.closingAt,
      event.data.sequence,
      event.data.version,
      event.data.eventId,
    ]).toEqual([
      '2026-03-15T11:59:59.000Z',
      '2026-03-15T11:59:58.000Z',
      '1099511627776',
      1,
      '0199aa00-0000-7000-8000-0000000000e1',
    ])
  }
})
