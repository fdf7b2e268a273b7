import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountsSystem } from '../../src/domains/accounts/accounts.system.ts'
import type { EndAction, ExportedRecord, Located, LocatedKey, Person } from '../../src/domains/personal-data.ts'
import { ensureMonths } from '../../src/domains/usage/usage.partitions.ts'
import { usageSystem } from '../../src/domains/usage/usage.system.ts'
import type { DataCategory } from '../../src/generated/prisma/enums.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { codeOf, fresh, keyOf, perform } from '../api/calls.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { searchClearText } from '../security/clear-text.ts'
import { endPlaces, fillSystems, globalIdOf } from './systems-kit.ts'

let folder: string
let world: World
let owner: Owner
let statements: Statements
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'privacy-systems-'))
  world = await openWorld({ dataDir: folder })
  owner = await openOwnerOf(world.resources.db)
  await ensureMonths(world.resources.db, ['2026-02-01', '2026-03-01'], world.clock.now())
  statements = watchStatements()
})
afterAll(async () => {
  statements.stop()
  await owner.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

const canary = () => `canary${fresh()}`

/** A person of the first account with a canary in every personal field. */
async function newPerson(): Promise<Person & { readonly words: string[] }> {
  const words = [canary(), canary(), canary()]
  const [name, email, reference] = words
  const input = { name, email: `${email}@mail.example`, reference }
  const made = await perform(world, 'subject', 'createSubject', input)
  const { accountId, id } = keyOf((made['subject'] as { id: string }).id)
  return { accountId, subjectId: id, words }
}

async function exported(person: Person, category: DataCategory): Promise<ExportedRecord[]> {
  return world.resources.db.worker(async (tx) => {
    const found: ExportedRecord[] = []
    for (const system of SYSTEMS)
      if (system.key !== 'audit')
        for await (const record of system.export(tx, world.resources, person, category)) found.push(record)
    return found
  }, person.accountId)
}

const run = (action: EndAction, person: Person, category: DataCategory) =>
  world.resources.db.worker((tx) => endPlaces(world, tx, accountsSystem, action, person, category), person.accountId)

/** The person's row as it is stored. */
const stored = async ({ subjectId }: Person) =>
  (
    await owner.query<{ status: string; held: number; country: string | null }>(
      `select status::text as status, country, num_nonnulls(name_cipher, email_cipher, email_index, reference_cipher,
         reference_index, subdivision) as held from subject where id = $1::uuid`,
      subjectId,
    )
  )[0]

const living = async ({ subjectId }: Person) =>
  owner.query(`select 1 from inventory_item where subject_id = $1::uuid and state in ('LIVE', 'HELD')`, subjectId)

test.each([
  ['DELETE', null],
  ['SHRED', null],
  ['ANONYMISE', 'AT'],
] as const)('what was in a person is gone after %s: from exports, columns and items', async (action, country) => {
  const person = await newPerson()
  await perform(world, 'subject', 'updateSubject', { subjectId: globalIdOf(person), subdivision: 'AT-9' })
  const before = JSON.stringify(await exported(person, 'ACCOUNT'))
  for (const word of person.words) expect(before).toContain(word)
  expect(await stored(person)).toEqual({ status: 'ACTIVE', held: 6, country: 'AT' })
  await run(action, person, 'ACCOUNT')
  expect(await exported(person, 'ACCOUNT')).toEqual([])
  expect(await stored(person)).toEqual({ status: 'ERASED', held: 0, country })
  expect(await living(person)).toEqual([])
  const update = perform(world, 'subject', 'updateSubject', { subjectId: globalIdOf(person), name: 'Back' })
  expect(await codeOf(update)).toBe('SUBJECT.ERASED')
})

test('what was in a shredded person was never on disk in clear, and its key cannot be made anew', async () => {
  const person = await newPerson()
  await run('SHRED', person, 'ACCOUNT')
  const found = await searchClearText(world, owner, person.words)
  expect(found.hits).toEqual([])
  const { accountId, subjectId } = person
  const keys = await owner.query(
    `select wrapped is null as gone, destroyed_at is not null as dated from keys.data_key where subject_id = $1::uuid`,
    subjectId,
  )
  expect(keys).toEqual([{ gone: true, dated: true }])
  const late = world.resources.db.worker(
    (tx) => world.resources.keys.keyForWriting(tx, { accountId, subjectId, category: 'ACCOUNT' }),
    accountId,
  )
  await expect(late).rejects.toMatchObject({ code: 'KEYS.DESTROYED' })
})

test('a reference and an address of an erased person are free again', async () => {
  const person = await newPerson()
  const [name = '', email = '', reference = ''] = person.words
  const again = { name, email: `${email}@mail.example`, reference }
  expect(await codeOf(perform(world, 'subject', 'createSubject', again))).toBe('SUBJECT.REFERENCE_TAKEN')
  await run('DELETE', person, 'ACCOUNT')
  expect(await codeOf(perform(world, 'subject', 'createSubject', again))).toBe('CreateSubjectSuccess')
})

test('a correction keeps addresses and references unique', async () => {
  const [one, other] = [await newPerson(), await newPerson()]
  const { db } = world.resources
  const taken = { reference: other.words[2] ?? '' }
  const correcting = db.worker((tx) => accountsSystem.correct(tx, world.resources, one, taken), one.accountId)
  await expect(correcting).rejects.toMatchObject({ code: 'SUBJECT.REFERENCE_TAKEN' })
})

test('an owner whose data was anonymised is an owner no longer', async () => {
  const person = { accountId: keyOf(world.ids.other).accountId, subjectId: keyOf(world.ids.other).id }
  await run('ANONYMISE', person, 'ACCOUNT')
  const rows = await owner.query(
    'select left_at is not null as left, (select count(*)::int from identity_link l where l.subject_id = s.id) as links from subject s where id = $1::uuid',
    person.subjectId,
  )
  expect(rows).toEqual([{ left: true, links: 0 }])
})

test('events of a person are exported a thousand at a time, in order, each once', async () => {
  const { accountId, subjectId } = await newPerson()
  await owner.query(
    `insert into usage_event (account_id, occurred_at, request_id, kind, subject_id, recorded_at)
     select $1::uuid, timestamptz '2026-03-01' + (n / 3) * interval '1 second', 'page-' || lpad(n::text, 5, '0'), 'API_REQUEST', $2::uuid, now()
     from generate_series(1, 2500) n`,
    accountId,
    subjectId,
  )
  const names: string[] = []
  statements.reset()
  await world.resources.db.worker(async (tx) => {
    for await (const { data } of usageSystem.export(tx, world.resources, { accountId, subjectId }, 'USAGE'))
      names.push(String(data['requestId']))
  }, accountId)
  expect(statements.seen.filter((sql) => /usage_event/.test(sql))).toHaveLength(3 + 1)
  expect(names).toEqual(Array.from({ length: 2_500 }, (_, n) => `page-${String(n + 1).padStart(5, '0')}`))
})

test('pages of any size read the same pieces, in the documented order', async () => {
  const person = { accountId: keyOf(world.ids.member).accountId, subjectId: keyOf(world.ids.member).id }
  await perform(world, 'subject', 'updateSubject', { subjectId: world.ids.member, name: 'Bruno Keller' })
  await fillSystems(world, owner, person)
  const { db } = world.resources
  await db.worker((tx) => endPlaces(world, tx, usageSystem, 'ANONYMISE', person, 'USAGE'), person.accountId)
  await fillUsage(person.accountId)
  const paged = async (limit: number) => {
    const pieces: Located[] = []
    let after: LocatedKey | null = null
    for (;;) {
      const from: LocatedKey | null = after
      const page: readonly Located[] = await db.worker(
        (tx) => usageSystem.locatePage(tx, person.accountId, from, limit),
        person.accountId,
      )
      pieces.push(...page)
      if (page.length < limit) return pieces
      after = page.at(-1) ?? null
    }
  }
  const whole = await paged(1_000)
  const key = (piece: Located) => [piece.locator, piece.category, piece.subjectId ?? ''].join(' ')
  expect(whole.map(key)).toEqual(whole.map(key).toSorted((a, b) => (a < b ? -1 : 1)))
  expect(new Set(whole.map(key)).size).toBe(whole.length)
  expect(whole.filter(({ subjectId }) => subjectId === null).length).toBeGreaterThanOrEqual(3)
  const [row] = await owner.query<{ rows: number }>(
    `select (select count(*) from usage_event where account_id = $1::uuid)::int
       + (select count(*) from usage_event_held where account_id = $1::uuid)::int as rows`,
    person.accountId,
  )
  expect(whole.reduce((sum, { rows }) => sum + rows, 0)).toBe(row?.rows)
  for (const limit of [1, 2, 7, whole.length]) expect(await paged(limit)).toEqual(whole)
})

/** Both tables with the same months, persons and nobody. */
async function fillUsage(accountId: string): Promise<void> {
  for (const table of ['usage_event', 'usage_event_held'])
    await owner.query(
      `insert into ${table} (account_id, occurred_at, request_id, kind, subject_id, recorded_at)
       select $1::uuid, timestamptz '2026-02-27' + n * interval '1 day', '${table}-' || s.id || n,
         (array['API_REQUEST', 'SECURITY']::usage_kind[])[1 + n % 2], case n % 3 when 0 then null else s.id end, now()
       from subject s, generate_series(0, 3) n where s.account_id = $1::uuid`,
      accountId,
    )
}
