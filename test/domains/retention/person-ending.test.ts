import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { liveKeySelect } from '../../../src/crypto/keyring.ts'
import { endInTransaction } from '../../../src/domains/retention/ending.service.ts'
import { endCategory, endItem, endSubject } from '../../../src/domains/retention/person-ending.service.ts'
import { newId } from '../../../src/time/id.ts'
import { fillSystems } from '../systems-kit.ts'
import { openSweeping, type Sweeping } from './sweep-kit.ts'

let s: Sweeping
let subjects: string[]
beforeAll(async () => {
  s = await openSweeping({ now: '2026-03-15T12:00:00.000Z' })
  const rows = await s.owner.query<{ id: string }>(
    'select id::text from subject where account_id = $1::uuid order by id',
    s.accounts[0],
  )
  subjects = rows.map(({ id }) => id)
})
afterAll(() => s.close())
beforeEach(() => {
  s.log.length = 0
  for (const store of s.stores) {
    store.calls.length = 0
    store.resealed.length = 0
  }
})

const person = (at: number) => ({ accountId: s.accounts[0], subjectId: subjects[at] ?? '' })
const cookie = (at: number, locator: string, category: 'COOKIE' | 'PAYMENT' = 'COOKIE') => ({
  ...person(at),
  ...{ category, system: 'test.one', locator, startsAt: '2026-03-01T00:00:00.000Z' },
})
const idOf = async (locator: string) => {
  const [row] = await s.owner.query<{ id: string }>('select id::text from inventory_item where locator = $1', locator)
  return row?.id ?? ''
}
const stateOf = async (locator: string) => {
  const [row] = await s.owner.query<{ state: string }>(
    'select state::text from inventory_item where locator = $1',
    locator,
  )
  return row?.state
}
const holdItem = async (locator: string) =>
  s.owner.query(
    `insert into legal_hold (account_id, id, scope, item_id, authority_cipher, reason_cipher, confidential, review_on,
       placed_by, placed_at)
     values ($1::uuid, gen_random_uuid(), 'ITEM', $2::uuid, '\\x00', '\\x00', false, '2027-01-01', 'STAFF:-', now())`,
    s.accounts[0],
    await idOf(locator),
  )
/** Keys of a person for a category: own ones of items, and the shared; living or not. */
const keysOf = (at: number, category: string) =>
  s.owner.query(
    `select item_id is not null as "ofItem", wrapped is not null as living, count(*)::int as keys from keys.data_key
     where account_id = $1::uuid and subject_id = $2::uuid and category = $3::data_category group by 1, 2 order by 1, 2`,
    s.accounts[0],
    subjects[at] ?? '',
    category,
  )
const makeKey = (at: number, category: 'COOKIE' | 'PAYMENT') =>
  s.deps.db.worker((tx) => s.deps.keys.keyForWriting(tx, { ...person(at), category }), s.accounts[0])

test('one item is ended, the others of the person stay, and a repeat finds nothing', async () => {
  await s.write([cookie(2, 'one/a'), cookie(2, 'one/b')])
  await makeKey(2, 'COOKIE')
  const itemId = await idOf('one/a')
  const place = { system: 'test.one', category: 'COOKIE', locator: 'one/a' }
  expect(await endItem(s.deps, s.systems, { ...person(2), itemId }, 'DELETE')).toEqual({
    items: [{ itemId, place, outcome: 'ERASED', rows: 1, remaining: 0 }],
    ...{ ended: 1, keysDestroyed: 0, retained: [] },
  })
  expect([await stateOf('one/a'), await stateOf('one/b')]).toEqual(['ERASED', 'LIVE'])
  expect(await endItem(s.deps, s.systems, { ...person(2), itemId }, 'DELETE')).toEqual({
    items: [{ itemId, place: null, outcome: 'NOT_FOUND', rows: 0, remaining: 0 }],
    ...{ ended: 0, keysDestroyed: 0, retained: [] },
  })
  expect(s.log).toEqual(['intend 1', 'test.one DELETE 1', 'done'])
  expect(await keysOf(2, 'COOKIE')).toEqual([{ ofItem: false, living: true, keys: 1 }])
})

test("another person's item, and another account's, are answered like one that does not exist", async () => {
  const itemId = await idOf('one/b')
  const missing = { items: [{ itemId, place: null, outcome: 'NOT_FOUND', rows: 0, remaining: 0 }], ended: 0 }
  expect(await endItem(s.deps, s.systems, { ...person(3), itemId }, 'DELETE')).toMatchObject(missing)
  const elsewhere = { accountId: s.accounts[1], subjectId: subjects[2] ?? '', itemId }
  expect(await endItem(s.deps, s.systems, elsewhere, 'DELETE')).toMatchObject(missing)
  expect(await stateOf('one/b')).toBe('LIVE')
})

test('the last item of a category takes the key of the person for it along', async () => {
  const itemId = await idOf('one/b')
  const ended = await endItem(s.deps, s.systems, { ...person(2), itemId }, 'ANONYMISE')
  expect([ended.items[0]?.outcome, ended.keysDestroyed]).toEqual(['ANONYMISED', 1])
  expect(await stateOf('one/b')).toBe('ANONYMISED')
  expect(await keysOf(2, 'COOKIE')).toEqual([{ ofItem: false, living: false, keys: 1 }])
})

test('a category is ended in transactions of 500, but for what is held; that is sealed under a key of its own first', async () => {
  await s.write(Array.from({ length: 1_203 }, (_, k) => cookie(3, `many/${k}`)))
  const sealed = await s.deps.db.worker(async (tx) => {
    const key = await s.deps.keys.keyForWriting(tx, { ...person(3), category: 'COOKIE' })
    return s.deps.keys.seal(key, 'test', 'what was sealed')
  }, s.accounts[0])
  await holdItem('many/7')
  await holdItem('many/8')
  const ended = await endCategory(s.deps, s.systems, { ...person(3), category: 'COOKIE' }, 'DELETE')
  expect([ended.ended, ended.keysDestroyed, ended.items.length]).toEqual([1_201, 1, 1_203])
  const held = ended.items.filter(({ outcome }) => outcome === 'HELD')
  expect(held.map(({ place }) => place?.locator).sort()).toEqual(['many/7', 'many/8'])
  expect(s.log.filter((line) => !line.startsWith('test.one DELETE'))).toEqual([
    ...['intend 500', 'done', 'intend 500', 'done'],
    ...[expect.stringMatching(/^test.one reseal many.[78]$/), expect.stringMatching(/^test.one reseal many.[78]$/)],
    ...['intend 201', 'done'],
  ])
  expect(s.stores[0].resealed.toSorted()).toEqual(['many/7', 'many/8'])
  expect([await stateOf('many/7'), await stateOf('many/9')]).toEqual(['LIVE', 'ERASED'])
  expect(await keysOf(3, 'COOKIE')).toEqual([
    { ofItem: false, living: false, keys: 1 },
    { ofItem: true, living: true, keys: 2 },
  ])
  const opened = await s.deps.db.worker(async (tx) => {
    const rows = await tx.dataKey.findMany({ where: { ...person(3), category: 'COOKIE' }, select: liveKeySelect })
    return s.deps.keys.open(rows, { ...person(3), category: 'COOKIE' }, 'test', sealed)
  }, s.accounts[0])
  expect(opened).toBeNull()
})

test('a repeat over what is held ends nothing, says so, and makes no further keys', async () => {
  const ended = await endCategory(s.deps, s.systems, { ...person(3), category: 'COOKIE' }, 'DELETE')
  expect([ended.ended, ended.keysDestroyed]).toEqual([0, 0])
  expect(ended.items.map(({ outcome }) => outcome)).toEqual(['HELD', 'HELD'])
  expect(await keysOf(3, 'COOKIE')).toEqual([
    { ofItem: false, living: false, keys: 1 },
    { ofItem: true, living: true, keys: 2 },
  ])
  expect(s.log).toEqual([])
})

test('shredding one item destroys the shared key, and seals anew what else lives under it', async () => {
  await s.write([cookie(3, 'shred/a', 'PAYMENT'), cookie(3, 'shred/b', 'PAYMENT')])
  await makeKey(3, 'PAYMENT')
  const itemId = await idOf('shred/a')
  const ended = await endItem(s.deps, s.systems, { ...person(3), itemId }, 'SHRED')
  expect([ended.items[0]?.outcome, ended.keysDestroyed]).toEqual(['SHREDDED', 1])
  expect(s.log).toEqual(['test.one reseal shred/b', 'intend 1', 'test.one SHRED 1', 'done'])
  expect(await keysOf(3, 'PAYMENT')).toEqual([
    { ofItem: false, living: false, keys: 1 },
    { ofItem: true, living: true, keys: 1 },
  ])
  expect(await stateOf('shred/b')).toBe('LIVE')
  // The item that now has a key of its own takes it along.
  const last = await endItem(s.deps, s.systems, { ...person(3), itemId: await idOf('shred/b') }, 'DELETE')
  expect(last.keysDestroyed).toBe(1)
  expect(await keysOf(3, 'PAYMENT')).toEqual([
    { ofItem: false, living: false, keys: 1 },
    { ofItem: true, living: false, keys: 1 },
  ])
})

test('a person is ended in every system; what names the person and stays is counted with its reason', async () => {
  await fillSystems(s.world, s.owner, person(1))
  const ended = await endSubject(s.deps, s.systems, person(1), 'DELETE')
  expect(ended.ended).toBe(ended.items.length)
  expect(new Set(ended.items.map(({ outcome }) => outcome))).toEqual(new Set(['ERASED']))
  expect(ended.items.map(({ place }) => `${place?.system} ${place?.locator} ${place?.category}`).sort()).toEqual([
    'accounts identity_link ACCOUNT',
    'accounts subject ACCOUNT',
    'usage usage_event/2024-02 USAGE',
    'usage usage_event/2026-02 USAGE',
    'usage usage_event/2026-03 SECURITY',
    'usage usage_event/2026-03 USAGE',
  ])
  expect(ended.items.every(({ remaining }) => remaining === 0)).toBe(true)
  expect(ended.keysDestroyed).toBe(1)
  expect(ended.retained.map(({ system, exception }) => `${system} ${exception}`)).toContain('audit AUDIT_TRAIL')
  const [row] = await s.owner.query(
    `select count(*)::int as erasures, sum(items)::int as items, sum(keys_destroyed)::int as keys,
       bool_and(cause = 'REQUEST' and remaining = 0 and line_id is not null) as sound
     from erasure e where exists (
       select from erasure_item x join inventory_item i on i.account_id = x.account_id and i.id = x.item_id
       where x.account_id = e.account_id and x.erasure_id = e.id and i.subject_id = $1::uuid and i.system <> 'test.one')`,
    subjects[1] ?? '',
  )
  expect(row).toEqual({ erasures: 3, items: 6, keys: 1, sound: true })
  const again = await endSubject(s.deps, s.systems, person(1), 'DELETE')
  expect([again.ended, again.items, again.keysDestroyed]).toEqual([0, [], 0])
  expect(again.retained).toEqual(ended.retained)
})

test('the audit of what was ended on request names the person, and that the system did it', async () => {
  const rows = await s.owner.query(
    `select actor_kind::text as actor, record_type as type, cardinality(record_ids) as erasures, count from audit_event
     where kind = 'retention.erased' and subject_id = $1::uuid`,
    subjects[1] ?? '',
  )
  expect(rows).toEqual([{ actor: 'SYSTEM', type: 'Erasure', erasures: 3, count: 6 }])
})

test('what is held or ended already is left out of a request; a replay asks for no hold', async () => {
  const [accountId] = s.accounts
  const item = async (locator: string) => ({
    ...{ itemId: await idOf(locator), subjectId: subjects[3] ?? '', category: 'COOKIE' as const, locator },
    ...{ system: 'test.one', action: 'DELETE' as const },
  })
  const items = [await item('many/7'), await item('many/9')]
  const run = (cause: 'REQUEST' | 'REPLAY') =>
    s.deps.db.worker(
      (tx) =>
        endInTransaction(tx, s.deps, s.systems, {
          ...{ accountId, cause, items, lineId: newId(s.world.clock), requestId: 'replayed' },
        }),
      accountId,
    )
  expect(await run('REQUEST')).toEqual({ items: 0, rows: 0, keysDestroyed: 0 })
  expect(await run('REPLAY')).toEqual({ items: 1, rows: 1, keysDestroyed: 1 })
  expect(await run('REPLAY')).toEqual({ items: 0, rows: 0, keysDestroyed: 0 })
  expect(await stateOf('many/7')).toBe('ERASED')
})
