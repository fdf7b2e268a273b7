import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO_GATEWAY_ID } from '../../../src/demo/demo-data.ts'
import { fresh, inference, perform, person, type Who } from '../../api/calls.ts'
import { type Owner, openOwnerOf, TABLES_SQL } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'
import { manifestOf } from '../../security/valid-variables.ts'
import { change, closingOf, type Owned, openOwned, recordPieces, staff, timersOf } from './closing-kit.ts'

// Begun on 2026-03-15 at 12:00; ACCOUNT and USAGE are kept for 30 days from then (prisma/reference/retention-rules.json).
const CLOSING_AT = '2026-03-15T12:00:00.000Z'
const CLOSES_AT = '2026-04-14T12:00:00.000Z'

let world: World
let owner: Owner
let account: Owned
let member: { who: Who; sub: string }
/** The integration with a token of now. */
let client: () => Promise<{ token: string }>
const word = `word${fresh().replace('-', '')}`

/** What a worker does, a second at a time, until its lanes have seen each other's work. */
async function work(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await world.runner.runDue()
    world.clock.move(1)
  }
}

beforeAll(async () => {
  world = await openWorld({ now: '2026-03-15T11:59:00.000Z' })
  owner = await openOwnerOf(world.resources.db)
  account = await openOwned(world, `Name ${word}`)
  const who = await account.owner()
  const sub = `sub-${fresh()}`
  const email = `${word}@member.example`
  const ok = async (name: string, input: object, as: Who = who) => {
    const outcome = await perform(world, as, name, input)
    if (!outcome.__typename.endsWith('Success')) throw new Error(`${name}: ${JSON.stringify(outcome)}`)
    return outcome
  }
  const { invitationCode } = await ok('inviteMember', { name: `Member ${word}`, email, role: 'ADMIN' })
  member = { who: await person(world, { sub, email }), sub }
  await ok('acceptInvitation', { code: invitationCode }, member.who)
  await ok('inviteMember', { name: `Open ${word}`, email: `open-${word}@member.example`, role: 'MEMBER' })
  const made = await ok('createSubject', { reference: `ref-${word}`, name: `User ${word}` })
  const subjectId = (made['subject'] as { id: string }).id
  const created = await ok('createApiClient', { label: `Client ${word}`, scopes: ['accounts:read'] })
  await ok('createApiClient', { label: `Bound ${word}`, allowedNetworks: ['203.0.113.0/24'] })
  const { clientId } = created['apiClient'] as { clientId: string }
  client = async () => ({ token: await world.serving.oauth.issueAccessToken(clientId, ['accounts:read'], 600) })
  await ok('createWebhookEndpoint', { url: `https://hooks.example/${word}`, label: `Hook ${word}` })
  await ok('importFidesManifest', { yaml: manifestOf(word, `Text ${word}`) })
  const security = { kind: 'SECURITY', requestId: 'sec', occurredAt: '2026-03-15T11:00:00.000Z', ip: '203.0.113.7' }
  await ok(
    'recordUsage',
    { accountId: account.account, events: [inference('api', { subjectId }), security] },
    'gateway',
  )
  await recordPieces(world, account.accountId, 1, {
    ...{ category: 'PAYMENT', system: 'payments', locator: 'invoice/1', legalBasis: 'LEGAL_OBLIGATION' },
    retentionStartsAt: new Date('2026-03-01T08:00:00.000Z'),
  })
  await work()
  world.clock.set(CLOSING_AT)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** Tables in which a row that names the account, or is it, holds the word, as far as it is not sealed. */
async function tablesWithWord(): Promise<string[]> {
  const tables = await owner.query<{ name: string }>(TABLES_SQL)
  const found = await owner.query<{ name: string }>(
    tables
      .map(({ name }) => `select distinct '${name}' as name from ${name} t where t::text like '%${word}%'`)
      .join(' union all '),
  )
  return found.map(({ name }) => name)
}

const livingKeys = () =>
  owner.query<{ category: string; keys: number }>(
    `select category::text, count(*)::int as keys from keys.data_key
     where account_id = $1::uuid and wrapped is not null group by 1 order by 1`,
    account.accountId,
  )

const goes = [
  `ACCOUNT | CONTRACT | 7 | DELETE | ${CLOSES_AT} | ${CLOSES_AT} | ACCOUNT_CLOSED P30D §7.1`,
  `USAGE | CONTRACT | 1 | DELETE | ${CLOSES_AT} | ${CLOSES_AT} | ACCOUNT_CLOSED P30D §7.1`,
]
// SECURITY lies in the month of March and is dropped with it, 13 months after its first instant; PAYMENT is kept ten years.
const stays = [
  'SECURITY | LEGITIMATE_INTERESTS | 1 | DROP_PARTITION | 2027-04-01T00:00:00.000Z | 2027-04-01T00:00:00.000Z | CREATED P13M §2.5',
  'PAYMENT | LEGAL_OBLIGATION | 1 | DELETE | 2036-03-01T08:00:00.000Z | 2036-03-01T08:00:00.000Z | CREATED P10Y §7.1',
]

test('before it is begun, a preview says what would go when, and what would stay on which ground', async () => {
  const who = await account.owner()
  expect(await closingOf(world, who, account.account, true)).toEqual({
    ...{ closingAt: CLOSING_AT, reopenUntil: CLOSES_AT, closesAt: CLOSES_AT, total: 10, planned: 0 },
    ...{ goes, stays, held: [] },
  })
  expect(await closingOf(world, who, account.account)).toBeNull()
})

test('while it is closing its people sign in, read and export; what is held is listed as it was in the preview', async () => {
  expect(await change(world, await account.owner(), 'closeAccount', account.account)).toBe('CloseAccountSuccess')
  await work()
  const who = await account.owner()
  expect(await closingOf(world, who, account.account)).toEqual({
    ...{ closingAt: CLOSING_AT, reopenUntil: CLOSES_AT, closesAt: CLOSES_AT, total: 10, planned: 10 },
    ...{ goes, stays, held: [] },
  })
  const read = await world.ask(who, '{ viewer { account { name status } subject { name } } subjects { totalCount } }')
  expect(read.data).toEqual({
    viewer: { account: { name: `Name ${word}`, status: 'CLOSING' }, subject: { name: 'Gael Petit' } },
    subjects: { totalCount: 4 },
  })
  expect(await perform(world, who, 'exportAudit', {})).toMatchObject({ __typename: 'ExportAuditSuccess' })
  const machine = await world.ask(await client(), '{ viewer { account { status } } }')
  expect(machine.data).toEqual({ viewer: { account: { status: 'CLOSING' } } })
})

test('one second before the time is over everything is there', async () => {
  world.clock.set('2026-04-14T11:59:55.000Z')
  await work()
  const timers = await timersOf(world, account.accountId)
  expect(timers).toHaveLength(10)
  const who = await person(world, { sub: member.sub })
  const read = await world.ask(who, '{ viewer { account { name status } } }')
  expect(read.data.viewer.account).toEqual({ name: `Name ${word}`, status: 'CLOSING' })
})

test('when it is over the account is closed: name, clients, invitations, endpoints, systems and keys are gone', async () => {
  world.clock.set(CLOSES_AT)
  await work()
  const [row] = await owner.query(
    `select status::text, name_cipher is null as nameless, closing_at, closed_at, plan_pending, country, region
     from account where id = $1::uuid`,
    account.accountId,
  )
  expect(row).toEqual({
    ...{ status: 'CLOSED', nameless: true, closing_at: new Date(CLOSING_AT), closed_at: new Date(CLOSES_AT) },
    ...{ plan_pending: false, country: 'FR', region: 'eu-west' },
  })
  const clients = await owner.query(
    `select num_nonnulls(label_cipher, secret_hash, previous_secret_hash, public_jwks) as held, allowed_networks,
       disabled_at from api_client where account_id = $1::uuid`,
    account.accountId,
  )
  const cleared = { held: 0, allowed_networks: [], disabled_at: new Date(CLOSES_AT) }
  expect(clients).toEqual([cleared, cleared])
  const left = await owner.query(
    `select (select count(*)::int from invitation where account_id = $1::uuid) as invitations,
       (select count(*)::int from identity_link where account_id = $1::uuid) as links,
       (select count(*)::int from webhook_endpoint where account_id = $1::uuid) as endpoints,
       (select count(*)::int from webhook_key where account_id = $1::uuid) as keys,
       (select count(*)::int from webhook_delivery where account_id = $1::uuid) as deliveries,
       (select count(*)::int from system where account_id = $1::uuid) as systems,
       (select count(*)::int from dataset where account_id = $1::uuid) as datasets,
       (select count(*)::int from subject where account_id = $1::uuid and status <> 'ERASED') as persons`,
    account.accountId,
  )
  const none = { invitations: 0, links: 0, endpoints: 0, keys: 0, deliveries: 0, systems: 0, datasets: 0, persons: 0 }
  expect(left).toEqual([none])
  expect(await livingKeys()).toEqual([])
  expect(await tablesWithWord()).toEqual([])
})

test('no account that is closed has live data past its time', async () => {
  const [counts] = await owner.query(
    `select count(distinct a.id)::int as accounts, count(*)::int as items,
       (count(*) filter (where i.state in ('LIVE', 'RESTRICTED') and i.due_at <= $1::timestamptz))::int as overdue
     from inventory_item i join account a on a.id = i.account_id where a.status = 'CLOSED'`,
    world.clock.now().toISOString(),
  )
  expect(counts).toEqual({ accounts: 1, items: 10, overdue: 0 })
})

test('of a closed account nobody signs in, and its machines are nobody', async () => {
  for (const who of [await account.owner(), await person(world, { sub: member.sub })]) {
    const { data } = await world.ask(who, '{ viewer { principal scopes account { id } subject { id } } }')
    const nobody = { principal: 'SUBJECT', account: null, subject: null }
    expect(data.viewer).toMatchObject(nobody)
    expect(data.viewer.scopes).not.toContain('accounts:read')
    expect(await change(world, who, 'reopenAccount', account.account)).toBe('FORBIDDEN')
  }
  const machine = await world.ask(await client(), '{ viewer { principal } }')
  expect([machine.status, machine.errors?.[0]?.extensions['code']]).toEqual([401, 'UNAUTHENTICATED'])
  const usage = { accountId: account.account, events: [inference('late')] }
  const gateway = await world.serving.oauth.issueAccessToken(DEMO_GATEWAY_ID, ['usage:write'], 600)
  expect(await perform(world, { token: gateway }, 'recordUsage', usage)).toMatchObject({ code: 'ACCOUNT.NOT_ACTIVE' })
})

test('Staff sees it closed and without a name, and what stays, by its own rule, on its own ground', async () => {
  const who = await staff(world)
  const { data } = await world.ask(who, 'query ($id: ID!) { account(id: $id) { name status closingAt closedAt } }', {
    id: account.account,
  })
  expect(data.account).toEqual({ name: null, status: 'CLOSED', closingAt: CLOSING_AT, closedAt: CLOSES_AT })
  expect(await closingOf(world, who, account.account)).toEqual({
    ...{ closingAt: CLOSING_AT, reopenUntil: null, closesAt: CLOSES_AT, total: 2, planned: 2 },
    ...{ goes: [], stays, held: [] },
  })
  expect(await change(world, who, 'reopenAccount', account.account)).toBe('ACCOUNT.NOT_REOPENABLE')
  expect(await change(world, who, 'closeAccount', account.account)).toBe('ACCOUNT.NOT_ACTIVE')
})

test('it is told once, as an event and in the audit', async () => {
  const { accountId } = account
  const kinds = await owner.query<{ kind: string; payload: object }>(
    `select kind, payload from outbox_event where account_id = $1::uuid and kind in ('account.closing', 'account.closed')
     order by position`,
    accountId,
  )
  expect(kinds).toEqual([
    { kind: 'account.closing', payload: { accountId, closingAt: CLOSING_AT } },
    { kind: 'account.closed', payload: { accountId, closedAt: CLOSES_AT } },
  ])
  const audit = await owner.query<{ kind: string; record_type: string; count: number }>(
    `select kind, record_type, count from audit_event where account_id = $1::uuid and at >= $2::timestamptz
       and kind not like 'retention.%' and kind not like 'subject.%' order by kind, record_type`,
    accountId,
    CLOSES_AT,
  )
  expect(audit).toEqual([
    { kind: 'account.closed', record_type: 'Account', count: 1 },
    { kind: 'systems.removed', record_type: 'Dataset', count: 1 },
    { kind: 'systems.removed', record_type: 'System', count: 1 },
    { kind: 'webhook.endpoint_deleted', record_type: 'WebhookEndpoint', count: 1 },
  ])
})

test('security records are kept for their 13 months and then go with their month; the invoice stays', async () => {
  world.clock.set('2027-03-31T23:50:00.000Z')
  await work()
  expect(await timersOf(world, account.accountId)).toHaveLength(2)
  world.clock.set('2027-04-01T01:00:00.000Z')
  await work()
  expect(await timersOf(world, account.accountId)).toEqual([
    'PAYMENT | invoice/1 | LIVE | CREATED | 2036-03-01T08:00:00.000Z | 2036-03-01T08:00:00.000Z',
  ])
})
