import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anonymousSession, type Session, systemSession } from '../../src/auth/session.ts'
import type { Tx } from '../../src/db/database.ts'
import { accountScope, apiClientScope, subjectScope } from '../../src/domains/accounts/accounts.scope.ts'
import { auditScope } from '../../src/domains/audit/audit.scope.ts'
import { beginErasure } from '../../src/domains/inventory/erasure.service.ts'
import { inventoryScope } from '../../src/domains/inventory/inventory.scope.ts'
import { erasureScope, timerScope } from '../../src/domains/inventory/retention-timer.scope.ts'
import { datasetScope, systemScope } from '../../src/domains/processing/processing.scope.ts'
import { usageScope } from '../../src/domains/usage/usage.scope.ts'
import { inference, localId, perform } from '../api/calls.ts'
import { recordTrace } from '../api/usage-events-kit.ts'
import { openWorld, type World } from '../kit/world.ts'
import { manifestOf } from './valid-variables.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
  await recordTrace(world, world.ids.account, [inference('one')])
  await perform(world, 'subject', 'importFidesManifest', { yaml: manifestOf('one') })
  await endItem(world)
})
afterAll(() => world.close())

/** Ends an item of the first account, which the ledger tells. */
function endItem({ clock, ids, resources }: World): Promise<string> {
  const accountId = localId(ids.account)
  const group = { system: 'usage', category: 'USAGE', action: 'DELETE', cause: 'CALLER', lineId: null } as const
  return resources.db.worker(async (tx) => {
    const items = await tx.inventoryItem.findMany({ where: { accountId, category: 'USAGE' }, select: { id: true } })
    return beginErasure(tx, clock, { ...group, accountId, itemIds: items.map(({ id }) => id) })
  }, accountId)
}

const COUNTS: Readonly<Record<string, (tx: Tx, session: Session) => Promise<number>>> = {
  accounts: (tx, session) => tx.account.count({ where: { AND: [accountScope(session), {}] } }),
  subjects: (tx, session) => tx.subject.count({ where: { AND: [subjectScope(session), {}] } }),
  apiClients: (tx, session) => tx.apiClient.count({ where: { AND: [apiClientScope(session), {}] } }),
  auditEvents: (tx, session) => tx.auditEvent.count({ where: { AND: [auditScope(session), {}] } }),
  usageEvents: (tx, session) => tx.usageEvent.count({ where: { AND: [usageScope(session), {}] } }),
  systems: (tx, session) => tx.system.count({ where: { AND: [systemScope(session), {}] } }),
  datasets: (tx, session) => tx.dataset.count({ where: { AND: [datasetScope(session), {}] } }),
  timers: (tx, session) => tx.inventoryItem.count({ where: { AND: [timerScope(session), {}] } }),
  erasures: (tx, session) => tx.erasure.count({ where: { AND: [erasureScope(session), {}] } }),
  inventoryItems: (tx, session) => tx.inventoryItem.count({ where: { AND: [inventoryScope(session), {}] } }),
}

// The transaction is the system's, to whom the second wall shows the account; the first has to hold alone.
test.each(Object.entries(COUNTS))(
  'the first wall alone shows a caller without scopes none of the %s',
  async (name, count) => {
    const system = systemSession(localId(world.ids.account))
    const staff: Session = { ...anonymousSession, principal: 'STAFF' }
    const outsider: Session = {
      ...anonymousSession,
      principal: 'SUBJECT',
      scopes: new Set(['usage:read', 'audit:read']),
    }
    const all: Session = {
      ...staff,
      scopes: new Set([
        'accounts:read',
        'subjects:read',
        'clients:read',
        'usage:read',
        'audit:read',
        'inventory:read',
        'processing:read',
        'retention:read',
      ]),
    }
    const { db } = world.resources
    // Only the worker is shown audit events of an account whoever they concern.
    const open = (fn: (tx: Tx) => Promise<void>) => (name === 'auditEvents' ? db.worker(fn) : db.read(system, fn))
    await open(async (tx) => {
      expect(await count(tx, all)).toBeGreaterThan(0)
      for (const session of [anonymousSession, staff, outsider]) expect(await count(tx, session)).toBe(0)
    })
  },
)

test('no condition is written in a way that the database client drops', async () => {
  const cwd = fileURLToPath(new URL('../../src', import.meta.url))
  const wrong: string[] = []
  let files = 0
  for await (const path of glob('**/*.ts', { cwd })) {
    if (path.startsWith('generated')) continue
    files += 1
    if (/\{\s*OR:\s*\[\]/.test(await readFile(`${cwd}/${path}`, 'utf8'))) wrong.push(path)
  }
  expect(files).toBeGreaterThan(100)
  expect(wrong).toEqual([])
})
