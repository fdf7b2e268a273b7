import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { accountsSystem } from '../../src/domains/accounts/accounts.system.ts'
import { exportPerson } from '../../src/domains/accounts/person-export.ts'
import { codeOf, fresh, keyOf, localId, perform, person, type Who } from '../api/calls.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
let owner: Owner
let statements: Statements
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  statements = watchStatements()
})
afterEach(() => statements.reset())
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
})

type Member = {
  readonly who: Who
  readonly sub: string
  readonly id: string
  readonly subjectId: string
  readonly email: string
}

const invite = (email: string, role = 'MEMBER') =>
  perform(world, 'subject', 'inviteMember', { name: 'Ines Invited', email, role })
const accept = async (who: Who, code: unknown) => perform(world, who, 'acceptInvitation', { code })
const remove = ({ id }: Pick<Member, 'id'>) => perform(world, 'subject', 'removeMember', { subjectId: id })

async function joined(email = `${fresh()}@aster.example`): Promise<Member> {
  const invited = await invite(email)
  const sub = `sub-${fresh()}`
  const who = await person(world, { sub, email })
  const { subjectId } = await accept(who, invited['invitationCode'])
  return { who, sub, id: String(subjectId), subjectId: keyOf(subjectId).id, email }
}

/** By the owner of the database: a hold in force, marked on what it covers or not yet. */
async function hold({ subjectId }: Member, { confidential = false, marked = true } = {}): Promise<void> {
  await owner.query(
    `insert into legal_hold (account_id, id, scope, subject_id, authority_cipher, reason_cipher, confidential, review_on,
       placed_by, placed_at, mark_pending)
     values ($1::uuid, gen_random_uuid(), 'SUBJECT', $2::uuid, '\\x00', '\\x00', ${confidential}, '2027-01-01', 'SYSTEM:-',
       '2026-03-15', ${!marked})`,
    localId(world.ids.account),
    subjectId,
  )
  if (marked)
    await owner.query(
      `update inventory_item set state = 'HELD', resumes_as = state, hold_confidential = ${confidential}, attempt_at = null
       where subject_id = $1::uuid and state = 'LIVE'`,
      subjectId,
    )
}

/** What releasing does. */
async function release({ subjectId }: Member): Promise<void> {
  await owner.query(
    `update legal_hold set released_at = placed_at, released_by = 'SYSTEM:-', release_reason_cipher = '\\x00'
     where subject_id = $1::uuid`,
    subjectId,
  )
  await owner.query(
    `update inventory_item set state = resumes_as, resumes_as = null, hold_confidential = false, attempt_at = due_at
     where subject_id = $1::uuid and state = 'HELD'`,
    subjectId,
  )
}

/** The person's links as `living` or `ended`. */
const linksOf = async ({ subjectId }: Member) =>
  (
    await owner.query<{ link: string }>(
      `select case when ended_at is null then 'living' else 'ended' end as link from identity_link
       where subject_id = $1::uuid order by created_at, identity_hash`,
      subjectId,
    )
  ).map(({ link }) => link)

/** Items of the person's sign-ins as `state resumes confidential due attempt`, times from now in seconds. */
const itemsOf = async ({ subjectId }: Member) => {
  const now = world.clock.now().toISOString()
  const rows = await owner.query<{ line: string }>(
    `select concat_ws(' ', state, coalesce(resumes_as::text, '-'), hold_confidential,
       coalesce(extract(epoch from due_at - $2::timestamptz)::int::text, '-'),
       coalesce(extract(epoch from attempt_at - $2::timestamptz)::int::text, '-')) as line
     from inventory_item where subject_id = $1::uuid and locator = 'identity_link' order by id`,
    subjectId,
    now,
  )
  return rows.map(({ line }) => line)
}

const canSignIn = async ({ who }: Member) =>
  (await world.ask(who, '{ viewer { subject { id } } }')).data.viewer.subject !== null

/** What the ledger of the database says about the person's sign-ins. */
const ledgerOf = ({ subjectId }: Member) =>
  owner.query(
    `select e.cause, e.action, e.system, e.category, e.items, e.rows::int as rows, e.remaining::int as remaining,
       e.keys_destroyed, e.line_id is not null as announced
     from erasure e join erasure_item x on x.account_id = e.account_id and x.erasure_id = e.id
     join inventory_item i on i.account_id = x.account_id and i.id = x.item_id where i.subject_id = $1::uuid`,
    subjectId,
  )

/** How many lines of each kind the ledger outside has. */
async function linesOf(dir: string) {
  const texts = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), 'utf8')))
  const count = (kind: string) => texts.join('').split(`"kind":"${kind}"`).length - 1
  return { INTENT: count('INTENT'), DONE: count('DONE'), ABORTED: count('ABORTED') }
}

test('a removal deletes the links and writes both ledgers', async () => {
  const member = await joined()
  expect(await codeOf(remove(member))).toBe('RemoveMemberSuccess')
  expect([await linksOf(member), await itemsOf(member)]).toEqual([[], ['ERASED - f - -']])
  expect(await ledgerOf(member)).toEqual([
    {
      cause: 'CALLER',
      action: 'DELETE',
      system: 'accounts',
      category: 'ACCOUNT',
      items: 1,
      rows: 1,
      remaining: 0,
      keys_destroyed: 0,
      announced: true,
    },
  ])
})

test('a removal that fails after any statement changes nothing, and its line is not open', async () => {
  const member = await joined()
  const other = await joined()
  statements.reset()
  await remove(other)
  const steps = statements.seen.length
  let failed = 0
  for (let step = 1; step <= steps; step += 1) {
    statements.reset(step)
    await remove(member)
    const { committedWrites } = statements
    statements.reset()
    if (committedWrites > 0) break
    failed += 1
    expect([step, await linksOf(member), await itemsOf(member), await ledgerOf(member)]).toEqual([
      step,
      ['living'],
      ['LIVE - f - -'],
      [],
    ])
  }
  expect(failed).toBeGreaterThan(8)
  const kinds = await linesOf(world.resources.ledgerDir)
  expect(kinds.ABORTED).toBeGreaterThan(2)
  expect(kinds.DONE + kinds.ABORTED).toBe(kinds.INTENT)
})

test.each([
  ['known', { confidential: false, marked: true }, 'HELD LIVE f 0 -'],
  ['confidential', { confidential: true, marked: true }, 'HELD LIVE t 0 -'],
  ['not marked yet', { confidential: false, marked: false }, 'HELD LIVE f 0 -'],
  ['confidential and not marked yet', { confidential: true, marked: false }, 'HELD LIVE t 0 -'],
])(
  'under a hold (%s) the links stay, ended; nobody signs in by them, and the answer is the same',
  async (_name, of, item) => {
    const [member, free] = [await joined(), await joined()]
    await hold(member, of)
    const leftAt = world.clock.now().toISOString()
    for (const each of [member, free])
      expect(await remove(each)).toEqual({ __typename: 'RemoveMemberSuccess', subject: { id: each.id, leftAt } })
    expect([await linksOf(member), await itemsOf(member)]).toEqual([['ended'], [item]])
    expect([await canSignIn(member), await canSignIn(free)]).toEqual([false, false])
    expect(await ledgerOf(member)).toEqual([])
    expect(await codeOf(remove(member))).toBe('NOT_AVAILABLE')
    // Released: due since the removal, and taken by the next sweep.
    world.clock.move(10)
    await release(member)
    expect(await itemsOf(member)).toEqual(['LIVE - f -10 -10'])
  },
)

test('an ended link is a place that holds the item still, so that nothing is orphaned', async () => {
  const member = await joined()
  await hold(member)
  await remove(member)
  const { accountId } = keyOf(member.id)
  const located = await world.resources.db.worker(
    (tx) => accountsSystem.locate(tx, { accountId, subjectId: member.subjectId }),
    accountId,
  )
  expect(located.map(({ locator, rows }) => `${locator} ${rows}`)).toEqual(['identity_link 1', 'subject 1'])
  const places = await world.resources.db.worker(
    (tx) => accountsSystem.locatePage(tx, accountId, null, 1_000),
    accountId,
  )
  const living = await owner.query<{ locator: string; subjectId: string | null }>(
    `select locator, subject_id::text as "subjectId" from inventory_item
     where account_id = $1::uuid and system = 'accounts' and state in ('LIVE', 'HELD', 'RESTRICTED')`,
    accountId,
  )
  const names = (all: readonly { locator: string; subjectId: string | null }[]) =>
    all.map(({ locator, subjectId }) => `${locator} ${subjectId}`).toSorted()
  expect(names(places)).toEqual(names(living))
})

test('who joins again by the same identity has one link, which is due no more: held, or just released', async () => {
  for (const released of [false, true]) {
    const member = await joined()
    await hold(member)
    await remove(member)
    if (released) await release(member)
    const again = await invite(member.email)
    world.clock.move(5)
    expect(await codeOf(accept(member.who, again['invitationCode']))).toBe('AcceptInvitationSuccess')
    expect([await linksOf(member), await canSignIn(member)]).toEqual([['living'], true])
    // Nothing is due before the account closes.
    expect(await itemsOf(member)).toEqual([released ? 'LIVE - f - -' : 'HELD LIVE f - -'])
    await release(member)
    expect(await codeOf(remove(member))).toBe('RemoveMemberSuccess')
    expect([await linksOf(member), await itemsOf(member)]).toEqual([[], ['ERASED - f - -']])
  }
})

test('an identity whose link is kept for a hold may become another person of the account, and no second one at once', async () => {
  const member = await joined()
  await hold(member)
  await remove(member)
  const email = `${fresh()}@aster.example`
  const invited = await invite(email)
  const who = await person(world, { sub: member.sub, email })
  const accepted = await accept(who, invited['invitationCode'])
  expect(accepted.__typename).toBe('AcceptInvitationSuccess')
  const other = { ...member, who, id: String(accepted['subjectId']), subjectId: keyOf(accepted['subjectId']).id }
  expect([await linksOf(member), await linksOf(other), await itemsOf(other)]).toEqual([
    ['ended'],
    ['living'],
    ['LIVE - f - -'],
  ])
  const back = await invite(member.email)
  expect(await codeOf(accept(member.who, back['invitationCode']))).toBe('ACCOUNT.INVITATION_NOT_VALID')
  expect([await linksOf(member), await linksOf(other), await canSignIn(other)]).toEqual([['ended'], ['living'], true])
})

test('who left, and whose row is kept without the key of its person, is not invited again', async () => {
  const member = await joined()
  await remove(member)
  const { accountId } = keyOf(member.id)
  const { db, keys } = world.resources
  const of = { accountId, subjectId: member.subjectId, category: 'ACCOUNT' } as const
  await db.worker((tx) => keys.destroy(tx, of), accountId)
  expect(await codeOf(invite(member.email))).toBe('ACCOUNT.MEMBER_EXISTS')
})

test('an export shows an ended link, but for one that only a confidential hold keeps', async () => {
  const shown: number[] = []
  for (const confidential of [false, true]) {
    const member = await joined()
    await hold(member, { confidential })
    await remove(member)
    const { accountId } = keyOf(member.id)
    const records = await world.resources.db.worker(async (tx) => {
      const all: unknown[] = []
      const { subjectId } = member
      for await (const { record, data } of exportPerson(tx, world.resources, { accountId, subjectId }))
        if (record === 'identity_link') all.push(data['endedAt'])
      return all
    }, accountId)
    shown.push(records.length)
  }
  expect(shown).toEqual([1, 0])
})

test('who removes a member of another account is told the same as of none', async () => {
  const before = await owner.query(
    'select count(*)::int as n from erasure where account_id = $1::uuid',
    PLATFORM_ACCOUNT_ID,
  )
  expect(await codeOf(perform(world, 'subject', 'removeMember', { subjectId: world.ids.other }))).toBe('NOT_AVAILABLE')
  expect(
    await owner.query('select count(*)::int as n from erasure where account_id = $1::uuid', PLATFORM_ACCOUNT_ID),
  ).toEqual(before)
})
