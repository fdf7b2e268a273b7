import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId } from '../../src/schema/global-id.ts'
import { change, closingOf, openOwned, recordPieces, staff } from '../domains/retention/closing-kit.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { join, keyOf, localId } from './calls.ts'

let world: World
let owner: Owner
let statements: Statements
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  statements = watchStatements()
})
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

const asStaff = async (scope: string) => ({
  token: (await world.serving.demoIssuer?.issue({ sub: 'demo-staff', scope })) ?? '',
})

test('owners, admins, integrations and Staff who may read timers or the inventory see it, and nobody else', async () => {
  const { account } = world.ids
  const admin = await join(world, 'ADMIN')
  const seen: Record<string, boolean> = {}
  const callers = {
    owner: 'subject',
    admin: admin.who,
    member: { token: await world.memberToken() },
    integration: 'integration',
    'owner of another account': 'otherSubject',
    'integration of another account': 'otherIntegration',
    'Staff with retention:read': await asStaff('accounts:read retention:read'),
    'Staff with inventory:read': await asStaff('accounts:read inventory:read'),
    'Staff with neither': await asStaff('accounts:read processing:read'),
  } as const
  for (const [name, who] of Object.entries(callers)) seen[name] = (await closingOf(world, who, account, true)) !== null
  expect(seen).toEqual({
    owner: true,
    admin: true,
    member: false,
    integration: true,
    'owner of another account': false,
    'integration of another account': false,
    'Staff with retention:read': true,
    'Staff with inventory:read': true,
    'Staff with neither': false,
  })
})

test('the platform is never closed, and has no preview', async () => {
  const platform = globalId('Account', PLATFORM_ACCOUNT_ID)
  expect(await closingOf(world, await staff(world), platform, true)).toBeNull()
})

test('a preview changes nothing, and a month end is counted in days', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  world.clock.set('2027-01-31T23:59:59.999Z')
  const who = await signIn()
  const shown = await closingOf(world, who, account, true)
  expect(shown).toEqual({
    closingAt: '2027-01-31T23:59:59.999Z',
    reopenUntil: '2027-03-02T23:59:59.999Z',
    closesAt: '2027-03-02T23:59:59.999Z',
    total: 3,
    planned: 0,
    goes: [
      'ACCOUNT | CONTRACT | 3 | DELETE | 2027-03-02T23:59:59.999Z | 2027-03-02T23:59:59.999Z | ACCOUNT_CLOSED P30D §7.1',
    ],
    stays: [],
    held: [],
  })
  const rows = await owner.query(
    'select status::text, closing_at, plan_pending from account where id = $1::uuid',
    accountId,
  )
  expect(rows).toEqual([{ status: 'ACTIVE', closing_at: null, plan_pending: false }])
  world.clock.set('2026-03-15T12:00:00.000Z')
})

test('lines tell apart categories, grounds and rules, the first due first; consent outlives the account', async () => {
  const { account, accountId, owner: signIn } = await openOwned(world)
  const at = (iso: string) => ({ collectedAt: new Date(iso), retentionStartsAt: new Date(iso) })
  await recordPieces(world, accountId, 2, { ...at('2026-03-01T00:00:00.000Z') })
  await recordPieces(world, accountId, 1, { ...at('2026-03-05T00:00:00.000Z'), system: 'batch.two' })
  await recordPieces(world, accountId, 1, { legalBasis: 'CONSENT', system: 'consent', category: 'CONSENT' })
  await recordPieces(world, accountId, 1, { category: 'COOKIE', system: 'web', ...at('2025-03-01T00:00:00.000Z') })
  await recordPieces(world, accountId, 1, { category: 'COOKIE', system: 'web.two', ...at('2026-03-01T00:00:00.000Z') })
  await recordPieces(world, accountId, 1, { category: 'PAYMENT', system: 'pay', ...at('2016-02-29T00:00:00.000Z') })
  await recordPieces(world, accountId, 1, { category: 'SECURITY', system: 'usage', ...at('2025-03-01T00:00:00.000Z') })
  expect(await closingOf(world, await signIn(), account, true)).toMatchObject({
    total: 11,
    goes: [
      // Ten years after a leap day is the last day of February: Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c).
      'PAYMENT | CONTRACT | 1 | DELETE | 2026-02-28T00:00:00.000Z | 2026-02-28T00:00:00.000Z | CREATED P10Y §7.1',
      'CONTENT_BATCH | CONTRACT | 3 | SHRED | 2026-03-31T00:00:00.000Z | 2026-04-04T00:00:00.000Z | CREATED P30D §3.2',
      'COOKIE | CONTRACT | 1 | DELETE | 2026-04-01T00:00:00.000Z | 2026-04-01T00:00:00.000Z | CREATED P13M §4.1',
      'SECURITY | CONTRACT | 1 | DROP_PARTITION | 2026-04-01T00:00:00.000Z | 2026-04-01T00:00:00.000Z | CREATED P13M §2.5',
      'ACCOUNT | CONTRACT | 3 | DELETE | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z | ACCOUNT_CLOSED P30D §7.1',
      'COOKIE | CONTRACT | 1 | DELETE | 2026-04-14T12:00:00.000Z | 2026-04-14T12:00:00.000Z | ACCOUNT_CLOSED P30D §7.1',
    ],
    stays: [
      'CONSENT | CONSENT | 1 | DELETE | 2029-03-15T12:00:00.000Z | 2029-03-15T12:00:00.000Z | ACCOUNT_CLOSED P3Y §7.1',
    ],
    held: [],
  })
})

test('a list of accounts takes one statement for all their closings and one for the rules', async () => {
  for (let made = 0; made < 3; made += 1) {
    const { account, owner: signIn } = await openOwned(world)
    await change(world, await signIn(), 'closeAccount', account)
  }
  const read = async (first: number) => {
    statements.reset()
    const { data, errors } = await world.ask(
      await staff(world),
      `query ($first: Int) { accounts(first: $first) { edges { node { id
        closing(preview: true) { total lines { items rule { clause period } } } } } } }`,
      { first },
    )
    expect(errors).toBeUndefined()
    const asked = statements.seen.filter((sql) => /retention_plan|from "public"."retention_rule"/i.test(sql)).length
    return [data.accounts.edges.length, asked, statements.seen.length]
  }
  const [one, many] = [await read(1), await read(6)]
  expect(one.slice(0, 2)).toEqual([1, 2])
  expect(many).toEqual([6, 2, one[2]])
})

test("another account's items are never counted, whoever asks", async () => {
  const [here, there] = [await openOwned(world), await openOwned(world)]
  await recordPieces(world, there.accountId, 7)
  const shown = await closingOf(world, await here.owner(), here.account, true)
  expect(shown?.total).toBe(3)
  expect(await closingOf(world, await here.owner(), there.account, true)).toBeNull()
  expect((await closingOf(world, await staff(world), there.account, true))?.total).toBe(10)
  expect([localId(here.account), keyOf(here.ownerId).accountId]).toEqual([here.accountId, here.accountId])
})
