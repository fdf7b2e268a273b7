import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEMO_ACCOUNTS } from '../../../src/demo/demo-data.ts'
import { endCategory, endSubject } from '../../../src/domains/retention/person-ending.service.ts'
import { type ReplayOptions, replayErasures } from '../../../src/domains/retention/replay.service.ts'
import { SYSTEMS } from '../../../src/systems.ts'
import { newId } from '../../../src/time/id.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'

const [{ id: accountId, subjects }] = DEMO_ACCOUNTS
const [, member, endUser] = subjects
const LIVING = `state in ('LIVE', 'HELD', 'RESTRICTED')`

let world: World
let owner: Owner
beforeEach(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
})
afterEach(async () => {
  await owner.close()
  await world.close()
})

const replay = (options: Partial<ReplayOptions> = {}) =>
  replayErasures(world.resources, SYSTEMS, { lines: () => world.resources.ledger.read(), ...options })

type Item = { readonly id: string; readonly locator: string; readonly category: string; readonly system: string }

const livingOf = (subjectId = '') =>
  owner.query<Item>(
    `select id::text as id, locator, category::text as category, system from inventory_item
     where subject_id = $1::uuid and ${LIVING} order by locator`,
    subjectId,
  )

/** Announces that these items are ended, and dies: the line is all that there is. */
async function announce(items: readonly Item[], more: { keysGo?: true; action?: string } = {}): Promise<string> {
  const line = newId(world.clock)
  const effects = items.map(({ id, system, category }) => ({
    ...{ erasureId: newId(world.clock), accountId, system, category, action: 'DELETE', itemIds: [id], ...more },
  }))
  await world.resources.ledger.intend(line, world.clock.now(), effects)
  return line
}

async function hold(itemId: string): Promise<void> {
  await owner.query(
    `insert into legal_hold (account_id, id, scope, item_id, authority_cipher, reason_cipher, confidential, review_on,
       placed_by, placed_at)
     values ($1::uuid, gen_random_uuid(), 'ITEM', $2::uuid, '\\x00', '\\x00', false, '2099-01-01', 'SYSTEM:-', now())`,
    accountId,
    itemId,
  )
}

const erasures = () =>
  owner.query<{ cause: string; items: number }>(`select cause::text as cause, items from erasure order by items`)

test('what a killed process had only announced is ended by the next start, but for what a hold covers', async () => {
  const items = await livingOf(member?.id)
  const [signIn, row] = items
  expect(items.map(({ locator }) => locator)).toEqual(['identity_link', 'subject'])
  await hold(row?.id ?? '')
  await announce(items)
  expect(await replay()).toMatchObject({ known: 1, missing: 1, replayed: 1, items: 1, held: 1, unannounced: 0 })
  expect((await livingOf(member?.id)).map(({ locator }) => locator)).toEqual(['subject'])
  const written = await owner.query(
    `select e.cause::text as cause, e.items, i.item_id::text as item from erasure e
     left join erasure_item i on i.erasure_id = e.id order by e.items`,
  )
  expect(written).toEqual([
    { cause: 'REPLAY', items: 0, item: null },
    { cause: 'REPLAY', items: 1, item: signIn?.id },
  ])
  const audited = await owner.query(`select count from audit_event where kind = 'retention.replayed'`)
  expect(audited).toEqual([{ count: 1 }])
  expect(await replay()).toMatchObject({ known: 1, missing: 0, replayed: 0, items: 0 })
})

test('what had been committed is ended even under a hold that came back; the shared key goes as it went then', async () => {
  const items = await livingOf(member?.id)
  const [signIn, row] = items
  await hold(signIn?.id ?? '')
  const line = await announce(signIn ? [signIn] : [], { keysGo: true })
  await world.resources.ledger.done(line, world.clock.now())
  const keys = () =>
    owner.query<{ item: string | null }>(
      `select item_id::text as item from keys.data_key where subject_id = $1::uuid and wrapped is not null`,
      member?.id ?? '',
    )
  expect(await keys()).toEqual([{ item: null }])
  expect(await replay()).toMatchObject({ items: 1, held: 0 })
  expect((await livingOf(member?.id)).map(({ id }) => id)).toEqual([row?.id])
  expect(await keys()).toEqual([{ item: row?.id }])
  const answer = await world.ask('subject', 'query ($id: ID!) { node(id: $id) { ... on Subject { name } } }', {
    id: world.ids.member,
  })
  expect(answer.data.node.name).toBe(member?.name)
})

test('what was rolled back is not done', async () => {
  const line = await announce(await livingOf(endUser?.id))
  await world.resources.ledger.aborted(line, world.clock.now())
  expect(await replay()).toMatchObject({ known: 1, missing: 0, items: 0 })
  expect((await livingOf(endUser?.id)).length).toBeGreaterThan(0)
})

test('of several replays at once each line is done by one, and what is not there is written off once', async () => {
  const item = { locator: 'subject', category: 'ACCOUNT', system: 'accounts' }
  const gone = { ...item, id: newId(world.clock) }
  await announce(await livingOf(endUser?.id))
  await announce([gone])
  const all = await Promise.all([replay(), replay(), replay()])
  const items = all.reduce((sum, one) => sum + one.items, 0)
  expect(items).toBe(1)
  expect(await erasures()).toEqual([
    { cause: 'REPLAY', items: 0 },
    { cause: 'REPLAY', items: 1 },
  ])
  expect(await livingOf(endUser?.id)).toEqual([])
})

test('since an instant means what was announced from then on', async () => {
  await announce(await livingOf(endUser?.id))
  world.clock.move(3_600)
  const since = world.clock.now()
  await announce(await livingOf(member?.id))
  expect(await replay({ since })).toMatchObject({ known: 1, items: 2, unannounced: null })
  expect((await livingOf(endUser?.id)).length).toBe(1)
  expect(await replay()).toMatchObject({ known: 2, missing: 1, items: 1 })
})

test('a folder that cannot be written keeps data from being ended, and nothing of it is changed', async () => {
  const { ledger, ledgerDir } = world.resources
  await ledger.close()
  await rm(ledgerDir, { recursive: true, force: true })
  await writeFile(ledgerDir, 'a file, where the folder should be')
  const before = await livingOf(endUser?.id)
  const of = { accountId, subjectId: endUser?.id ?? '' }
  await expect(endSubject(world.resources, SYSTEMS, of, 'DELETE')).rejects.toMatchObject({ code: 'LEDGER.UNAVAILABLE' })
  expect(await livingOf(endUser?.id)).toEqual(before)
  expect(await erasures()).toEqual([])
  await rm(ledgerDir)
  expect((await endSubject(world.resources, SYSTEMS, of, 'DELETE')).ended).toBe(before.length)
  expect(await replay()).toMatchObject({ missing: 0, items: 0 })
})

test('erasures whose lines are in no file are counted', async () => {
  const { ledger, ledgerDir } = world.resources
  await endCategory(world.resources, SYSTEMS, { accountId, subjectId: endUser?.id ?? '', category: 'ACCOUNT' }, 'SHRED')
  await ledger.close()
  const [file = ''] = await readdir(ledgerDir)
  await rename(join(ledgerDir, file), join(ledgerDir, `${file}.away`))
  expect(await replay()).toMatchObject({ known: 0, unannounced: 1 })
  await rename(join(ledgerDir, `${file}.away`), join(ledgerDir, file))
  expect(await replay()).toMatchObject({ known: 1, missing: 0, unannounced: 0 })
})

test('a ledger that does not verify changes nothing, however much of it does', async () => {
  const { ledger, ledgerDir } = world.resources
  await announce(await livingOf(endUser?.id))
  await ledger.close()
  await writeFile(join(ledgerDir, 'zz.ledger'), 'something else\n')
  await expect(replay()).rejects.toMatchObject({ code: 'LEDGER.NOT_WHOLE', file: 'zz.ledger', line: 1 })
  expect((await livingOf(endUser?.id)).length).toBe(1)
  expect(await erasures()).toEqual([])
})
