import { afterAll, beforeAll, expect, test } from 'vitest'
import { NoRetentionRuleError } from '../../src/domains/inventory/inventory.service.ts'
import { DataCategory } from '../../src/generated/prisma/enums.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, inference, keyOf, localId, perform } from './calls.ts'
import { batchItem, recordItems } from './inventory-kit.ts'

let world: World
let owner: Owner
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

const counts = () =>
  owner.query(`select (select count(*)::int from subject) as subjects, (select count(*)::int from usage_event) as usage,
    (select count(*)::int from inventory_item) as items, (select count(*)::int from audit_event) as audit,
    (select count(*)::int from outbox_event) as outbox, (select count(*)::int from keys.data_key) as keys`)
const createSubject = () => perform(world, 'subject', 'createSubject', { reference: 'without', name: 'Without Rule' })
const recordUsage = () =>
  perform(world, 'gateway', 'recordUsage', { accountId: world.ids.account, events: [inference('no-rule-1')] })

test('every category has a rule in effect', async () => {
  const rows = await owner.query<{ category: string }>('select distinct category::text as category from retention_rule')
  expect(rows.map(({ category }) => category).toSorted()).toEqual(Object.values(DataCategory).toSorted())
  const { data } = await world.ask(null, '{ dataCategories { key retention { state } } }')
  for (const { retention } of data.dataCategories) expect(retention.length).toBeGreaterThan(0)
})

test('real-time content is never recorded, by whomever', async () => {
  const accountId = localId(world.ids.account)
  const content = batchItem(accountId, keyOf(world.ids.endUser).id, { category: 'CONTENT_REALTIME' })
  const lawful = { ...content, category: 'CONTENT_BATCH' as const, locator: 'object/lawful' }
  const before = await counts()
  await expect(recordItems(world, accountId, [lawful, content])).rejects.toThrow(NoRetentionRuleError)
  expect(await counts()).toEqual(before)
})

test('without a rule of its category nothing is written, of a person or of usage', async () => {
  const before = await counts()
  await owner.query(
    "update inventory_item set retention_rule_id = null where category in ('ACCOUNT', 'USAGE', 'SECURITY')",
  )
  await owner.query("delete from retention_rule where category in ('ACCOUNT', 'USAGE', 'SECURITY')")
  world.clock.move(60)
  expect(await codeOf(createSubject())).toBe('INTERNAL')
  expect(await codeOf(recordUsage())).toBe('INTERNAL')
  expect(await counts()).toEqual(before)
})

test('a rule that is not in effect yet lets nothing be written either', async () => {
  const before = await counts()
  await owner.query(
    `insert into retention_rule (id, version, category, trigger, period, action, clause, description, legal_source, source,
       verified_on, verified, effective_from, created_at)
     values (gen_random_uuid(), 500, 'ACCOUNT', 'ACCOUNT_CLOSED', 'P30D', 'DELETE', '§7.1', '{"en":"x"}', 'x', 'x',
       '2026-01-01', true, $1::timestamptz, now())`,
    new Date(world.clock.now().getTime() + 1).toISOString(),
  )
  expect(await codeOf(createSubject())).toBe('INTERNAL')
  expect(await counts()).toEqual(before)
  world.clock.move(0.001)
  expect(await codeOf(createSubject())).toBe('CreateSubjectSuccess')
})
