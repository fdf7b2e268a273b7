import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import type { Tx } from '../../src/db/database.ts'
import { JOBS_WITHOUT_RESULT } from '../../src/domains/audit/audit.rules.ts'
import type { PersonalDataSystem } from '../../src/domains/personal-data.ts'
import { deleteOldFindings, reconcileHandler } from '../../src/domains/processing/reconciliation.jobs.ts'
import { globalId } from '../../src/domains/public-id.ts'
import type { Job } from '../../src/generated/prisma/client.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { type JobHandler, runJobStep } from '../../src/jobs/jobs.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { newId } from '../../src/time/id.ts'
import { worksOf } from '../../src/works.ts'
import { codeOf, keyOf, localId, perform, type Who } from '../api/calls.ts'
import { batchItem, recordItems } from '../api/inventory-kit.ts'
import { recordTrace } from '../api/usage-events-kit.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
let owner: Owner
let first: string
let second: string
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  ;[first, second] = [localId(world.ids.account), localId(world.ids.otherAccount)]
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

type Finding = {
  kind: string
  accountId: string
  subjectId: string | null
  system: string
  category: string
  locator: string
  rows: number
}
type Reconciliation = {
  id: string
  comparedAccountId: string | null
  items: number
  missing: number
  orphaned: number
  finishedAt: string | null
  findings: { totalCount: number; edges: { node: Finding }[] }
}

const QUERY = `query($filter: ReconciliationFilter, $findings: FindingFilter) {
  reconciliations(filter: $filter, first: 1) { totalCount edges { node {
    id comparedAccountId items missing orphaned startedAt finishedAt
    findings(filter: $findings, first: 100) { totalCount edges { node {
      kind accountId subjectId system category locator rows } } } } } } }`

const request = (as: Who, accountId?: string) =>
  perform(world, as, 'reconcileInventory', accountId === undefined ? {} : { accountId })

/** Steps of a job with small pages until there is none. @returns how many */
async function steps(handler: JobHandler): Promise<number> {
  let count = 0
  while (await runJobStep(world.resources.db, world.clock, [handler])) count += 1
  return count
}
const handlerOf = (pageSize = 2, systems: readonly PersonalDataSystem[] = SYSTEMS) =>
  reconcileHandler(world.clock, systems, pageSize)

async function latest(findings: object = {}): Promise<Reconciliation> {
  const answer = await world.ask('staff', QUERY, { findings })
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.reconciliations.edges[0].node
}
const findingsOf = async (findings: object = {}): Promise<Finding[]> =>
  (await latest(findings)).findings.edges.map(({ node }) => node).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
const nameOf = ({ kind, accountId, system, locator, category, subjectId }: Finding) =>
  [accountId, system, locator, category, subjectId, kind].join(' ')

/** Writes usage past the door, of a person or of nobody. */
const usagePastTheDoor = (account: string, requestId: string, at: string, kind: string, subject: string | null) =>
  owner.query(
    `insert into usage_event (account_id, occurred_at, request_id, kind, subject_id, recorded_at)
      values ('${account}', '${at}', '${requestId}', '${kind}', ${subject ? `'${subject}'` : 'null'}, now()) returning 1`,
  )

test('where every write went through the door, nothing is missing and nothing orphaned', async () => {
  await recordTrace(world, world.ids.account, [
    { requestId: 'a1', occurredAt: '2026-01-31T23:59:59.999Z', kind: 'API_REQUEST', subjectId: world.ids.member },
    { requestId: 'a2', occurredAt: '2026-02-01T00:00:00.000Z', kind: 'SECURITY', subjectId: world.ids.member },
    { requestId: 'a3', occurredAt: '2026-02-28T23:59:59.999Z', kind: 'API_REQUEST' },
    { requestId: 'a4', occurredAt: '2026-03-01T00:00:00.000Z', kind: 'API_REQUEST', subjectId: world.ids.endUser },
  ])
  const asked = await request('staff')
  const items = await owner.query<{ count: number }>('select count(*)::int as count from inventory_item')
  expect(asked).toMatchObject({
    job: { state: 'QUEUED', done: 0, total: items[0]?.count, downloadPath: null },
    reconciliation: { comparedAccountId: null },
  })
  expect(await steps(handlerOf())).toBeGreaterThan(6)
  expect(await latest()).toMatchObject({
    items: items[0]?.count,
    missing: 0,
    orphaned: 0,
    finishedAt: '2026-03-15T12:00:00.000Z',
    findings: { totalCount: 0 },
  })
  const job = asked['job'] as { id: string }
  const read = 'query($id: ID!) { job(id: $id) { state done total downloadPath } }'
  expect((await world.ask('staff', read, { id: job.id })).data.job).toEqual({
    state: 'DONE',
    done: items[0]?.count,
    total: items[0]?.count,
    downloadPath: null,
  })
})

/** What the next test makes, in the order of the findings of each account. */
const expected = (): Finding[] => {
  const { account, otherAccount, member, endUser, other } = world.ids
  const usage = { system: 'usage', rows: 1 }
  const list: Finding[] = [
    {
      ...usage,
      kind: 'MISSING',
      accountId: account,
      subjectId: member,
      category: 'USAGE',
      locator: 'usage_event/2026-02',
    },
    {
      ...usage,
      kind: 'MISSING',
      accountId: account,
      subjectId: null,
      category: 'SECURITY',
      locator: 'usage_event/2026-03',
      rows: 2,
    },
    {
      ...usage,
      kind: 'ORPHANED',
      accountId: account,
      subjectId: endUser,
      category: 'USAGE',
      locator: 'usage_event/2026-03',
      rows: 0,
    },
    {
      system: 'batch',
      kind: 'ORPHANED',
      accountId: account,
      subjectId: endUser,
      category: 'CONTENT_BATCH',
      locator: 'object/1',
      rows: 0,
    },
    {
      system: 'accounts',
      kind: 'MISSING',
      accountId: otherAccount,
      subjectId: other,
      category: 'ACCOUNT',
      locator: 'subject',
      rows: 1,
    },
  ]
  return list.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

test('a row written past the door is missing, an item whose row was deleted is orphaned, each in its account', async () => {
  const member = keyOf(world.ids.member).id
  await usagePastTheDoor(first, 'past-1', '2026-02-15T00:00:00Z', 'API_REQUEST', member)
  await usagePastTheDoor(first, 'past-2', '2026-03-02T00:00:00Z', 'SECURITY', null)
  await usagePastTheDoor(first, 'past-3', '2026-03-31T23:59:59Z', 'SECURITY', null)
  await owner.query(`delete from usage_event where request_id = 'a4' returning 1`)
  // Of a system that the program does not have: nothing can locate it.
  await recordItems(world, first, [batchItem(first, keyOf(world.ids.endUser).id)])
  await owner.query(
    `delete from inventory_item where account_id = '${second}' and subject_id = '${keyOf(world.ids.other).id}'
      and locator = 'subject' returning 1`,
  )
  for (const pageSize of [1, 2, 3, 1_000]) {
    world.clock.move(1)
    await request('staff')
    await steps(handlerOf(pageSize))
    expect([pageSize, await findingsOf()]).toEqual([pageSize, expected()])
    expect(await latest()).toMatchObject({ missing: 3, orphaned: 2 })
  }
})

test('findings are found by kind, system, category and account', async () => {
  const { account, otherAccount } = world.ids
  const counts = async (filter: object) => (await latest(filter)).findings.totalCount
  expect(await counts({ kind: 'MISSING' })).toBe(3)
  expect(await counts({ kind: 'ORPHANED', system: 'usage' })).toBe(1)
  expect(await counts({ category: 'SECURITY' })).toBe(1)
  expect(await counts({ accountId: account })).toBe(4)
  expect(await counts({ accountId: otherAccount, kind: 'ORPHANED' })).toBe(0)
})

test('one account alone is compared when it is named, and every other is left untouched', async () => {
  const digest = () =>
    owner.query(
      `select md5(string_agg(t::text, '' order by t::text)) as d from inventory_item t
        union all select md5(string_agg(t::text, '' order by t::text)) from usage_event t
        union all select md5(string_agg(t::text, '' order by t::text)) from subject t`,
    )
  const before = await digest()
  world.clock.move(1)
  expect(await request('staff', world.ids.otherAccount)).toMatchObject({
    reconciliation: { comparedAccountId: world.ids.otherAccount },
  })
  await steps(handlerOf())
  expect(await findingsOf()).toEqual(expected().filter(({ accountId }) => accountId === world.ids.otherAccount))
  expect(await digest()).toEqual(before)
})

test('a kill in any step loses no finding and doubles none: another runner goes on', async () => {
  const handler = handlerOf(2)
  let struck = 0
  for (let at = 1; ; at += 1) {
    world.clock.move(60)
    await request('staff', world.ids.account)
    let step = 0
    const killed: JobHandler = {
      ...handler,
      async step(tx: Tx, job: Job) {
        const done = await handler.step(tx, job)
        step += 1
        if (step === at) throw new Error('killed')
        return done
      },
    }
    await steps(killed)
    const isKilled = step >= at
    if (isKilled) {
      expect((await latest()).finishedAt).toBeNull()
      struck += 1
    }
    world.clock.move(30)
    await steps(handlerOf(2))
    expect(await findingsOf()).toEqual(expected().filter(({ accountId }) => accountId === world.ids.account))
    expect(await latest()).toMatchObject({ missing: 2, orphaned: 2 })
    if (!isKilled) break
  }
  expect(struck).toBeGreaterThan(4)
}, 60_000)

test('several runners at once share the steps and find each thing once', async () => {
  world.clock.move(60)
  await request('staff')
  world.clock.move(1)
  await request('staff', world.ids.account)
  const handler = handlerOf(1)
  await Promise.all(Array.from({ length: 4 }, () => steps(handler)))
  const all = await world.ask(
    'staff',
    `{ reconciliations(first: 2) { edges { node { comparedAccountId missing orphaned
    findings(first: 100) { totalCount } } } } }`,
  )
  const found = all.data.reconciliations.edges.map(({ node }: { node: Reconciliation }) => node)
  expect(found).toEqual([
    { comparedAccountId: world.ids.account, missing: 2, orphaned: 2, findings: { totalCount: 4 } },
    { comparedAccountId: null, missing: 3, orphaned: 2, findings: { totalCount: 5 } },
  ])
})

test('what is written or erased while pages are read is no finding', async () => {
  const id = keyOf(world.ids.member).id
  const place = { locator: 'usage_event/2025-12', category: 'USAGE', subjectId: id } as const
  const item = batchItem(second, null, { system: 'racing', category: 'USAGE', locator: 'usage_event/2025-11' })
  await recordItems(world, second, [item])
  /** Between the page of items and what is located, one piece is written with its item, and another is erased. */
  const racing: PersonalDataSystem = {
    ...(SYSTEMS[1] as PersonalDataSystem),
    key: 'racing',
    locatePage: async (tx, accountId, after) => {
      if (accountId !== second || after !== null) return []
      const now = world.clock.now()
      await tx.inventoryItem.updateMany({
        where: { accountId, system: 'racing', locator: 'usage_event/2025-11' },
        data: { state: 'ERASED', stateChangedAt: now, attemptAt: null, doneAt: now },
      })
      const fresh = { ...item, ...place, subjectId: null, stateChangedAt: now }
      await tx.inventoryItem.createMany({ data: [{ ...fresh, purposes: [...item.purposes], id: newId(world.clock) }] })
      return [{ ...place, subjectId: null, rows: 1 }]
    },
  }
  world.clock.move(60)
  await request('staff', world.ids.otherAccount)
  await steps(handlerOf(10, [...SYSTEMS, racing]))
  expect(await findingsOf({ system: 'racing' })).toEqual([])
  expect((await latest()).finishedAt).not.toBeNull()
})

test('the end is told as an event of the platform with its counts; the request stands in the audit', async () => {
  const { id } = await latest()
  const events = await owner.query<{ account_id: string; payload: unknown }>(
    `select account_id::text, payload from outbox_event where kind = 'inventory.reconciled' order by position desc limit 1`,
  )
  expect(events).toEqual([
    {
      account_id: PLATFORM_ACCOUNT_ID,
      payload: { reconciliationId: keyOf(id).id, items: expect.any(Number), missing: 1, orphaned: 0 },
    },
  ])
  const audit = await world.ask(
    'staff',
    '{ auditEvents(filter: {kind: "inventory.reconciliation_requested"}, first: 1) { edges { node { recordType recordIds } } } }',
  )
  expect(audit.data.auditEvents.edges[0].node).toEqual({ recordType: 'Reconciliation', recordIds: [keyOf(id).id] })
})

test('who may: Staff with the scope; what Staff is shown of persons stands in the audit', async () => {
  const issuer = world.serving.demoIssuer
  const token = async (scope: string) => ({ token: (await issuer?.issue({ sub: 'demo-staff', scope })) ?? '' })
  for (const as of ['subject', 'integration', 'gateway', 'processor'] as const)
    expect(await codeOf(request(as))).toBe('FORBIDDEN')
  expect(await codeOf(request(await token('processing:read inventory:read')))).toBe('FORBIDDEN')
  expect(await codeOf(request('staff', globalId('Account', '0199aa00-0000-7000-8000-00ffffffffff')))).toBe(
    'NOT_AVAILABLE',
  )
  world.clock.move(60)
  const alone = await request(await token('inventory:reconcile'), world.ids.otherAccount)
  expect(alone).toMatchObject({ __typename: 'ReconcileInventorySuccess', reconciliation: null })
  expect((alone['job'] as { total: number }).total).toBeGreaterThan(0)
  await steps(handlerOf())
  for (const as of ['subject', 'integration'] as const) {
    const answer = await world.ask(as, '{ reconciliations { totalCount edges { node { id } } } }')
    expect(answer.data.reconciliations).toEqual({ totalCount: 0, edges: [] })
    const node = 'query($id: ID!) { node(id: $id) { id } }'
    expect((await world.ask(as, node, { id: (await latest()).id })).data.node).toBeNull()
  }
  world.clock.move(60)
  await findingsOf()
  const shown = await owner.query<{ record_type: string; subject_id: string }>(
    `select record_type, subject_id::text from audit_event where kind = 'subject.read_by_staff'
      and at = '${world.clock.now().toISOString()}'`,
  )
  expect(shown).toEqual([{ record_type: 'ReconciliationFinding', subject_id: keyOf(world.ids.other).id }])
})

test('findings go after 30 days, to the second; the counts stay', async () => {
  const count = async () =>
    (await owner.query<{ n: number }>('select count(*)::int as n from reconciliation_finding'))[0]?.n
  const started = new Date(
    (await owner.query<{ at: string }>('select max(started_at)::text as at from reconciliation'))[0]?.at ?? '',
  )
  const last = await latest()
  const before = await count()
  const due = new Date(started.getTime() + 30 * 86_400_000)
  expect(await deleteOldFindings(world.resources.db, due)).toBe((before ?? 0) - last.findings.totalCount)
  expect(await count()).toBe(last.findings.totalCount)
  expect(last.findings.totalCount).toBeGreaterThan(0)
  expect(await deleteOldFindings(world.resources.db, new Date(due.getTime() + 1))).toBe(last.findings.totalCount)
  expect(await latest()).toMatchObject({ missing: last.missing, findings: { totalCount: 0 } })
})

test('the worker knows the job, and the jobs that leave nothing to fetch are known', () => {
  const { handlers } = worksOf(world.resources, { metrics: createMetrics({ processMetrics: false }), epochDays: 30 })
  const silent = handlers.filter(({ scope }) => scope === undefined).map(({ kind }) => kind)
  expect(silent.sort()).toEqual([...JOBS_WITHOUT_RESULT].sort())
})
