import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId, tenantKey } from '../../src/domains/public-id.ts'
import { newId } from '../../src/time/id.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { callersOf } from '../security/callers.ts'
import { codeOf, keyOf, localId, perform, type Who } from './calls.ts'
import { HOLD, type HoldAnswer, itemsOf, place, release, staffNow, statesOf } from './holds-kit.ts'
import { batchItem, recordItems } from './inventory-kit.ts'

let world: World
let owner: Owner
let callers: Awaited<ReturnType<typeof callersOf>>
let accountId: string
let endUser: string
let made = 0

beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  callers = await callersOf(world)
  accountId = localId(world.ids.account)
  endUser = keyOf(world.ids.endUser).id
})
beforeEach(() => {
  made += 1
  world.clock.set('2026-03-15T12:00:00.000Z')
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** The global id of a fresh piece of batch content of the end user. */
async function freshItem(): Promise<string> {
  const locator = `object/hold-${made}`
  await recordItems(world, accountId, [batchItem(accountId, endUser, { locator })])
  const [item] = await itemsOf(world, accountId, { locator })
  return globalId('InventoryItem', tenantKey({ accountId, id: item?.id ?? '' }))
}

const holdRow = (id: string) =>
  world.resources.db.worker((tx) => tx.legalHold.findUniqueOrThrow({ where: { accountId_id: keyOf(id) } }))

const refusalOf = async (name: string, input: object, as: Who = 'staff') => {
  const { errors, data } = await world.ask(
    as,
    `mutation($i: ${name[0]?.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $i) { ... on Problem { code } } }`,
    { i: input },
  )
  return errors ? `${errors[0]?.extensions['field'] ?? ''}: ${errors[0]?.message}` : String(data[name].code)
}

const HOLDS = `query($filter: LegalHoldFilter) { legalHolds(filter: $filter) { totalCount edges { node {
  id accountId scope itemId subjectId category state authority reason confidential reviewOn reviewOverdue placedBy placedAt
  releasedBy releasedAt releaseReason marked itemsHeld itemsResumed } } } }`

async function holds(filter: object = {}, as: Who = 'staff') {
  const { data, errors } = await world.ask(as, HOLDS, { filter })
  if (errors) return [String(errors[0]?.extensions['code'])]
  expect(data.legalHolds.totalCount).toBe(data.legalHolds.edges.length)
  return data.legalHolds.edges.map(({ node }: { node: Record<string, unknown> }) => node)
}

describe('a hold', () => {
  test('is placed, shown in clear, moved and released', async () => {
    const itemId = await freshItem()
    const placed = (await perform(world, 'staff', 'placeHold', { ...HOLD, itemId }))['legalHold'] as HoldAnswer
    expect(placed).toEqual({
      ...{ id: placed.id, accountId: world.ids.account, scope: 'ITEM', itemId, subjectId: null, category: null },
      ...{
        state: 'IN_FORCE',
        confidential: false,
        reviewOn: '2026-09-15',
        marked: true,
        itemsHeld: 1,
        itemsResumed: 0,
      },
    })
    world.clock.move(60)
    const changed = await perform(world, 'staff', 'changeHoldReview', {
      legalHoldId: placed.id,
      reviewOn: '2028-03-15',
    })
    expect(changed['legalHold']).toEqual({ id: placed.id, reviewOn: '2028-03-15', reviewOverdue: false })
    world.clock.move(60)
    expect(await release(world, placed.id)).toEqual({
      ...{ id: placed.id, state: 'RELEASED', marked: true, itemsHeld: 1, itemsResumed: 1 },
    })
    const [shown] = await holds()
    expect(shown).toEqual({
      ...{ id: placed.id, accountId: world.ids.account, scope: 'ITEM', itemId, subjectId: null, category: null },
      ...{ authority: HOLD.authority, reason: HOLD.reason, releaseReason: 'The case is closed', confidential: false },
      ...{
        state: 'RELEASED',
        reviewOn: '2028-03-15',
        reviewOverdue: false,
        marked: true,
        itemsHeld: 1,
        itemsResumed: 1,
      },
      ...{ placedAt: '2026-03-15T12:00:00.000Z', releasedAt: '2026-03-15T12:02:00.000Z' },
      ...{ placedBy: expect.stringMatching(/^STAFF:[0-9a-f-]{36}$/), releasedBy: shown?.['placedBy'] },
    })
  })

  test('says nothing in clear where it is stored', async () => {
    const { id } = await place(world, { subjectId: world.ids.endUser, category: 'PAYMENT' })
    await release(world, id)
    const [row] = await owner.query<{ text: string }>(
      `select string_agg(encode(c, 'escape'), ' ') as text from legal_hold,
        unnest(array[authority_cipher, reason_cipher, release_reason_cipher]) as c where id = $1::uuid`,
      keyOf(id).id,
    )
    for (const word of ['Kiel', 'Olsen', 'closed']) expect(row?.text).not.toContain(word)
    const keys = await owner.query<{ account_id: string }>(
      `select distinct account_id from keys.data_key where subject_id is null and category = 'SECURITY' and wrapped is not null`,
    )
    expect(keys).toContainEqual({ account_id: PLATFORM_ACCOUNT_ID })
    expect(keys).not.toContainEqual({ account_id: accountId })
  })

  test('twice the same is two, each of which holds', async () => {
    const itemId = await freshItem()
    const [first, second] = [await place(world, { itemId }), await place(world, { itemId })]
    expect(first.id).not.toBe(second.id)
    await release(world, first.id)
    expect(await statesOf(world, accountId, { locator: `object/hold-${made}` })).toEqual([
      `endUser CONTENT_BATCH object/hold-${made} HELD as LIVE`,
    ])
    await release(world, second.id)
    expect(await statesOf(world, accountId, { locator: `object/hold-${made}` })).toEqual([
      `endUser CONTENT_BATCH object/hold-${made} LIVE`,
    ])
  })

  test('repeated with its idempotency key is one, also when its day has become too early', async () => {
    const input = { ...HOLD, itemId: await freshItem(), reviewOn: '2026-03-16', idempotencyKey: `hold-key-${made}` }
    const first = await perform(world, 'staff', 'placeHold', input)
    world.clock.move(3 * 86_400)
    const later = await staffNow(world)
    expect(await perform(world, later, 'placeHold', input)).toEqual(first)
    expect(await refusalOf('placeHold', { ...input, idempotencyKey: `hold-key-${made}-2` }, later)).toBe(
      'reviewOn: reviewOn must be after today and at most 24 months ahead.',
    )
  })

  test('is released once, whoever asks at the same time', async () => {
    const { id } = await place(world, { itemId: await freshItem() })
    const input = { legalHoldId: id, reason: 'Over' }
    const codes = await Promise.all(
      Array.from({ length: 4 }, () => codeOf(perform(world, 'staff', 'releaseHold', input))),
    )
    expect(codes.sort()).toEqual(['HOLD.RELEASED', 'HOLD.RELEASED', 'HOLD.RELEASED', 'ReleaseHoldSuccess'])
    const change = { legalHoldId: id, reviewOn: '2026-10-01' }
    expect(await codeOf(perform(world, 'staff', 'changeHoldReview', change))).toBe('HOLD.RELEASED')
    expect((await holdRow(id)).resumedItems).toBe(1)
  })
})

describe('refused is', () => {
  const target = () => ({ subjectId: world.ids.endUser })

  test.each<[string, object, string]>([
    ['no target', { subjectId: null }, 'itemId: itemId or subjectId or accountId must be given.'],
    ['two targets', { itemId: 'x' }, 'subjectId: subjectId must not be given together with itemId.'],
    ['an account with a person', { accountId: 'x' }, 'accountId: accountId must not be given together with subjectId.'],
    ['no id of a person', { subjectId: 'x' }, 'subjectId: subjectId is not the id of a Subject.'],
    ['no id of an account', { subjectId: null, accountId: 'x' }, 'accountId: accountId is not the id of an Account.'],
    ['no id of an item', { subjectId: null, itemId: 'x' }, 'itemId: itemId is not the id of a InventoryItem.'],
    [
      'a category alone',
      { subjectId: null, category: 'USAGE' },
      'itemId: itemId or subjectId or accountId must be given.',
    ],
    ['no authority', { authority: ' ' }, 'authority: authority must have 1 to 500 characters.'],
    ['a long authority', { authority: 'x'.repeat(501) }, 'authority: authority must have 1 to 500 characters.'],
    ['no reason', { reason: '\n' }, 'reason: reason must have 1 to 2000 characters.'],
    ['a long reason', { reason: 'x'.repeat(2001) }, 'reason: reason must have 1 to 2000 characters.'],
    ['no day', { reviewOn: '2026-02-30' }, 'reviewOn: reviewOn must be a date, YYYY-MM-DD.'],
    ['an instant', { reviewOn: '2026-09-15T00:00:00Z' }, 'reviewOn: reviewOn must be a date, YYYY-MM-DD.'],
    ['today', { reviewOn: '2026-03-15' }, 'reviewOn: reviewOn must be after today and at most 24 months ahead.'],
    ['a far day', { reviewOn: '2028-03-16' }, 'reviewOn: reviewOn must be after today and at most 24 months ahead.'],
  ])('%s', async (_what, more, message) => {
    expect(await refusalOf('placeHold', { ...HOLD, ...target(), ...more })).toBe(message)
  })

  test('a review or a release that says too little', async () => {
    const { id: legalHoldId } = await place(world, { itemId: await freshItem() })
    expect(await refusalOf('changeHoldReview', { legalHoldId, reviewOn: '2026-03-15' })).toContain('after today')
    expect(await refusalOf('changeHoldReview', { legalHoldId, reviewOn: 'soon' })).toContain('YYYY-MM-DD')
    expect(await refusalOf('changeHoldReview', { legalHoldId: 'x', reviewOn: '2026-09-15' })).toContain('LegalHold')
    expect(await refusalOf('releaseHold', { legalHoldId, reason: '' })).toContain('1 to 2000 characters')
  })

  test('what does not exist and what is of another account, alike', async () => {
    const nowhere = (type: string, home = accountId) =>
      globalId(type, tenantKey({ accountId: home, id: newId(world.clock) }))
    const moved = (id: string, type: string) =>
      globalId(type, tenantKey({ accountId: localId(world.ids.otherAccount), id: keyOf(id).id }))
    const itemId = await freshItem()
    for (const named of [
      { itemId: nowhere('InventoryItem') },
      { itemId: moved(itemId, 'InventoryItem') },
      { subjectId: nowhere('Subject') },
      { subjectId: moved(world.ids.endUser, 'Subject') },
      { subjectId: moved(world.ids.endUser, 'Subject'), category: 'USAGE' },
      { accountId: globalId('Account', newId(world.clock)) },
    ])
      expect(await refusalOf('placeHold', { ...HOLD, ...named })).toBe('NOT_AVAILABLE')
    const { id } = await place(world, { itemId })
    for (const legalHoldId of [nowhere('LegalHold'), moved(id, 'LegalHold')]) {
      expect(await refusalOf('changeHoldReview', { legalHoldId, reviewOn: '2026-09-15' })).toBe('NOT_AVAILABLE')
      expect(await refusalOf('releaseHold', { legalHoldId, reason: 'x' })).toBe('NOT_AVAILABLE')
    }
  })

  test('what is ended', async () => {
    const itemId = await freshItem()
    const ended = `update inventory_item set state = 'ERASED', done_at = now(), attempt_at = null where id = $1::uuid`
    await owner.query(ended, keyOf(itemId).id)
    expect(await refusalOf('placeHold', { ...HOLD, itemId })).toBe('HOLD.TARGET_ENDED')
    const { subject } = (await perform(world, 'subject', 'createSubject', {
      reference: `gone-${made}`,
    })) as unknown as {
      subject: { id: string }
    }
    const gone = keyOf(subject.id).id
    await owner.query(`update subject set status = 'ERASED' where id = $1::uuid`, gone)
    // Something of it is left: an exception keeps it, and a hold may.
    const left = await place(world, { subjectId: subject.id })
    expect(left.itemsHeld).toBe(1)
    await release(world, left.id)
    await owner.query(ended.replace('where id', 'where subject_id'), gone)
    expect(await refusalOf('placeHold', { ...HOLD, subjectId: subject.id })).toBe('HOLD.TARGET_ENDED')
    expect(await refusalOf('placeHold', { ...HOLD, subjectId: subject.id, category: 'USAGE' })).toBe(
      'HOLD.TARGET_ENDED',
    )
  })

  test('everybody but Staff with holds:manage', async () => {
    const { id: legalHoldId } = await place(world, { itemId: await freshItem() })
    const node = `query($id: ID!) { node(id: $id) { id } }`
    const asked = Object.entries(callers).filter(([name]) => name !== 'STAFF PRIVACY_OFFICER')
    expect(asked.length).toBe(13)
    for (const [name, token] of asked) {
      const who = token === null ? null : { token }
      const code = token === null ? 'UNAUTHENTICATED' : 'FORBIDDEN'
      const refused = async (mutation: string, input: object) =>
        expect([name, (await perform(world, who as Who, mutation, input)).code]).toEqual([name, code])
      await refused('placeHold', { ...HOLD, subjectId: world.ids.endUser })
      await refused('changeHoldReview', { legalHoldId, reviewOn: '2026-10-01' })
      await refused('releaseHold', { legalHoldId, reason: 'x' })
      expect([name, ...(await holds({}, who as Who))]).toEqual([name, code])
      expect((await world.ask(who, node, { id: legalHoldId })).data.node).toBeNull()
    }
    expect((await holdRow(legalHoldId)).releasedAt).toBeNull()
    expect((await world.ask('staff', node, { id: legalHoldId })).data.node).toEqual({ id: legalHoldId })
  })
})

describe('holds are found by', () => {
  test('account, scope, state and the day of their review', async () => {
    const { otherAccount, other } = world.ids
    const account = await place(world, { accountId: otherAccount, reviewOn: '2027-01-01' })
    world.clock.move(1)
    const person = await place(world, { subjectId: other, reviewOn: '2027-02-01', confidential: true })
    world.clock.move(1)
    const category = await place(world, { subjectId: other, category: 'USAGE', reviewOn: '2027-03-01' })
    await release(world, category.id)
    const found = async (filter: object) =>
      (await holds({ accountId: otherAccount, ...filter })).map(({ id }: { id: string }) => id)
    expect(await found({})).toEqual([category.id, person.id, account.id])
    expect(await found({ scope: 'ACCOUNT' })).toEqual([account.id])
    expect(await found({ scope: 'CATEGORY' })).toEqual([category.id])
    expect(await found({ state: 'IN_FORCE' })).toEqual([person.id, account.id])
    expect(await found({ state: 'RELEASED' })).toEqual([category.id])
    expect(await found({ reviewBefore: '2027-02-01' })).toEqual([account.id])
    expect(await found({ reviewBefore: '2027-02-02', state: 'IN_FORCE' })).toEqual([person.id, account.id])
    expect(await found({ accountId: world.ids.account, scope: 'ACCOUNT' })).toEqual([])
    const { errors } = await world.ask('staff', HOLDS, { filter: { reviewBefore: 'soon' } })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'filter.reviewBefore' })
    world.clock.set('2027-02-01T23:59:59.999Z')
    const overdue = async () =>
      (await holds({ accountId: otherAccount }, await staffNow(world))).map(
        ({ reviewOverdue }: { reviewOverdue: boolean }) => reviewOverdue,
      )
    expect(await overdue()).toEqual([false, false, true])
    world.clock.set('2027-03-02T00:00:00.000Z')
    expect(await overdue()).toEqual([false, true, true])
  })
})

describe('the audit', () => {
  const auditOf = async (id: string) => {
    const rows = await world.resources.db.worker((tx) =>
      tx.auditEvent.findMany({ where: { recordIds: { has: id } }, orderBy: { id: 'asc' } }),
    )
    return rows.map((row) => [row.kind, row.accountId, row.subjectId])
  }

  test('says of which person a hold was placed, changed, read and released', async () => {
    const { id } = await place(world, { subjectId: world.ids.member })
    world.clock.move(1)
    await perform(world, 'staff', 'changeHoldReview', { legalHoldId: id, reviewOn: '2026-10-01' })
    world.clock.move(1)
    await release(world, id)
    const member = keyOf(world.ids.member).id
    const kinds = (await auditOf(keyOf(id).id)).filter(([kind]) => kind !== 'subject.read_by_staff')
    expect(kinds).toEqual(['hold.placed', 'hold.changed', 'hold.released'].map((kind) => [kind, accountId, member]))
    const reads = (await auditOf(keyOf(id).id)).filter(([kind]) => kind === 'subject.read_by_staff')
    expect(reads).toContainEqual(['subject.read_by_staff', accountId, member])
  })

  test('of a confidential one lies with the platform and names nobody, its reads too', async () => {
    const { id } = await place(world, { subjectId: world.ids.member, confidential: true })
    await perform(world, 'staff', 'changeHoldReview', { legalHoldId: id, reviewOn: '2026-10-01' })
    await release(world, id)
    const rows = await auditOf(keyOf(id).id)
    expect(new Set(rows.map(([kind]) => kind))).toEqual(
      new Set(['hold.placed', 'hold.changed', 'hold.released', 'subject.read_by_staff']),
    )
    expect(new Set(rows.map(([, account]) => account))).toEqual(new Set([PLATFORM_ACCOUNT_ID]))
    expect(new Set(rows.map(([, , subject]) => subject))).toEqual(new Set([null]))
    const own = await world.ask(
      { token: await world.memberToken() },
      '{ auditEvents { edges { node { recordIds } } } }',
      {},
    )
    expect(JSON.stringify(own.data)).not.toContain(keyOf(id).id)
  })
})
