import { afterAll, beforeAll, expect, test } from 'vitest'
import { approve, propose, staffMember } from '../api/retention-rules-kit.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { documentOf, schema } from '../security/documents.ts'
import { call, type Holdings, populate } from '../security/populated.ts'
import { manifestOf, usageEvent, validVariables } from '../security/valid-variables.ts'
import { notEmpty, rootFieldsOf } from './schema-walk.ts'

const ROWS = 20

/** Statements of a whole request that asks for everything below a root field. */
const BUDGETS = {
  subject: {
    account: 11,
    accounts: 10,
    apiClients: 6,
    auditEvents: 5,
    dataCategories: 4,
    datasets: 6,
    exportFidesManifest: 9,
    erasures: 5,
    events: 7,
    inventoryCounts: 4,
    inventoryItems: 8,
    job: 4,
    node: 4,
    nodes: 8,
    processingRecordDocument: 15,
    processingRecords: 13,
    processors: 5,
    purposes: 3,
    reconciliations: 6,
    retentionRules: 6,
    retentionStatus: 5,
    retentionTimers: 10,
    subject: 9,
    subjects: 7,
    systems: 6,
    usageEvents: 4,
    usageSummary: 6,
    viewer: 17,
    webhookDeliveries: 10,
    webhookEndpoints: 7,
  },
  staff: {
    account: 12,
    accounts: 11,
    apiClients: 6,
    approvals: 5,
    auditEvents: 5,
    dataCategories: 4,
    datasets: 6,
    erasures: 5,
    exportFidesManifest: 8,
    inventoryCounts: 4,
    inventoryItems: 9,
    legalHolds: 7,
    node: 5,
    nodes: 9,
    processingRecordDocument: 15,
    processingRecords: 13,
    processors: 5,
    purposes: 3,
    reconciliations: 6,
    retentionRules: 6,
    retentionStatus: 5,
    retentionTimers: 11,
    subject: 10,
    subjects: 8,
    systems: 6,
    usageEvents: 5,
    usageStatistics: 6,
    viewer: 16,
  },
}

let world: World
let statements: Statements
let own: Holdings

beforeAll(async () => {
  world = await openWorld()
  ;[own] = await populate(world)
  const officer = await staffMember(world, 'PRIVACY_OFFICER')
  for (let row = 0; row < ROWS; row += 1) {
    const label = String(row).padStart(2, '0')
    await call(world, 'subject', 'createSubject', { input: { reference: `row-${label}`, name: `Row ${label}` } })
    await call(world, 'subject', 'createApiClient', { input: { label: `Row ${label}` } })
    // With the one that is there it is as many as an account may have.
    const url = `https://hooks.example/${label}`
    if (row > 0) await call(world, 'subject', 'createWebhookEndpoint', { input: { url } })
    await call(world, 'subject', 'importFidesManifest', { input: { yaml: manifestOf(`row_${label}`) } })
    await call(world, 'staff', 'reconcileInventory', { input: {} })
    const owner = { name: `Owner ${label}`, email: `owner-${label}@mail.example` }
    const input = { name: `Row ${label}`, country: 'DE', region: 'eu-central', owner }
    await call(world, 'staff', 'createAccount', { input })
    await approve(world, 'staff', await propose(world, officer))
    await call(world, 'staff', 'addProcessor', validVariables(own)['addProcessor'] ?? {})
    await call(world, 'staff', 'placeHold', validVariables(own)['placeHold'] ?? {})
  }
  const inOtherHours = (row: number) => ({
    ...usageEvent(`row-${row}`),
    occurredAt: `2026-03-14T${String(row).padStart(2, '0')}:00:00.000Z`,
  })
  const events = Array.from({ length: ROWS }, (_, row) => inOtherHours(row))
  await call(world, 'gateway', 'recordUsage', { input: { accountId: own.accountId, events } })
  world.clock.move(2)
  await world.runner.runDue()
  statements = watchStatements()
})
afterAll(async () => {
  statements.stop()
  await world.close()
})

const queries = notEmpty(rootFieldsOf(schema).filter(({ operation }) => operation === 'query'))

/** The statements of a whole request that asks for everything below a root field, and how many edges it had. */
async function countOf(as: 'subject' | 'staff', name: string, first: number) {
  const isList = queries.some((each) => each.name === name && each.field.args.some((arg) => arg.name === 'first'))
  const from = { filter: { from: '2026-03-14T00:00:00Z', to: '2026-03-16T00:00:00Z' } }
  const variables = {
    ...validVariables(own)[name],
    ...(isList ? { first } : {}),
    ...(name === 'usageSummary' ? from : {}),
    // Of persons alone: what Staff sees of nobody is not written to the audit.
    ...(name === 'inventoryItems' ? { filter: { locator: 'subject' } } : {}),
  }
  statements.reset()
  const answer = await world.ask(as, documentOf(name, { nestedFirst: 5 }), variables)
  const { length } = statements.seen
  if (answer.errors) throw new Error(`${name}: ${JSON.stringify(answer.errors)}`)
  return { length, edges: isList ? Number(answer.data[name].edges.length) : null }
}

/**
 * Each figure counts the statement that finds out who calls and the one that carries the caller; then the reads, nested
 * lists for all parents at once; for Staff the one that writes the audit of what was shown.
 */
test.each(['subject', 'staff'] as const)(
  'every query of %s has its number of statements, however many rows',
  async (as) => {
    const figures: Record<string, number> = {}
    const growing: string[] = []
    const short: string[] = []
    for (const { name } of queries) {
      if (as === 'subject' && ['approvals', 'legalHolds', 'usageStatistics'].includes(name)) continue
      if (as === 'staff' && ['events', 'job', 'usageSummary', 'webhookDeliveries', 'webhookEndpoints'].includes(name))
        continue
      const one = await countOf(as, name, 1)
      const many = await countOf(as, name, ROWS)
      if (many.length !== one.length) growing.push(`${name}: ${one.length} for one row, ${many.length} for ${ROWS}`)
      if (many.edges !== null && many.edges < ROWS) short.push(name)
      figures[name] = many.length
    }
    expect(growing).toEqual([])
    // A person sees one account and the audit of itself; items have few categories and purposes; nobody has ten persons;
    // nothing has been ended.
    const few = ['erasures', 'inventoryCounts', 'processingRecords', 'usageStatistics']
    const own = ['accounts', 'auditEvents', 'erasures', 'inventoryCounts', 'processingRecords', 'reconciliations']
    expect(short).toEqual(as === 'subject' ? own : few)
    expect(figures).toEqual(BUDGETS[as])
  },
)
