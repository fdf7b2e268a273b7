import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Located, LocatedKey, PersonalDataSystem } from '../../src/domains/personal-data.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { COLUMNS } from '../kit/classification.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { populate } from './populated.ts'

/** Tables that hold nothing of a person and name none, and why. Every other table belongs to exactly one system. */
const WITHOUT_PERSONS: Readonly<Record<string, string>> = {
  'public.oauth_state': 'what the OAuth library remembers of machines; no person signs in there',
  'public.revoked_token': 'ids of tokens of machines',
  'public.schedule': "the worker's own timetable",
  'public.usage_import': 'hashes of trace files and how far they were moved in time',
  'public.usage_aggregate': 'sums over the events of a day, of nobody in particular',
  'public.usage_aggregate_subjects': 'numbers of persons, without the persons',
  'public.usage_month': 'months that were folded',
  'public.processor': 'organisations of a public register',
  'public.approval': 'what staff proposes and decides about the program; staff are no subjects',
  'public.retention_rule': 'rules that everybody may read',
  'public.retention_drift': 'how late timers were, of nobody in particular',
  'public.erasure': 'counts of what was ended, without the persons',
  'public.erasure_item': 'ids of items that ended; whose they were the items say',
  'public._prisma_migrations': 'which migrations ran',
}

const COLUMNS_OF_PERSONS = ['subject_id', 'caller']

let world: World
let owner: Owner
beforeAll(async () => {
  world = await openWorld()
  await populate(world)
  owner = await openOwnerOf(world.resources.db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** What is wrong with the claims of the systems on the tables that the database has. */
async function faultsOfClaims(): Promise<string[]> {
  const columns = await owner.query<{ name: string; column: string }>(`
    select n.nspname || '.' || c.relname as name, a.attname as column
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('public', 'keys', 'partitions')
      and a.attnum > 0 and not a.attisdropped`)
  const tables = new Map<string, string[]>()
  for (const { name, column } of columns) tables.set(name, [...(tables.get(name) ?? []), column])
  const claimed = SYSTEMS.flatMap((system) => system.tables.map(({ name }) => ({ name, by: system.key })))
  const faults = claimed
    .filter(({ name }) => !tables.has(name))
    .map(({ name, by }) => `${by} claims ${name}, which is not there`)
  for (const name of Object.keys(WITHOUT_PERSONS)) if (!tables.has(name)) faults.push(`${name} is listed and not there`)
  for (const [name, all] of tables) {
    const by = claimed.filter((each) => each.name === name).map((each) => each.by)
    const listed = Object.hasOwn(WITHOUT_PERSONS, name)
    if (by.length > 1) faults.push(`${name} is claimed by ${by.join(' and ')}`)
    if (by.length > 0 && listed) faults.push(`${name} is claimed by ${by.join()} and listed as without persons`)
    if (by.length === 0 && !listed) faults.push(`${name} belongs to no system`)
    if (listed && all.some((column) => holdsPersons(name, column))) faults.push(`${name} is listed and names persons`)
  }
  return faults
}

function holdsPersons(table: string, column: string): boolean {
  const kind = COLUMNS[table]?.[column]
  return kind === 'encrypted' || kind === 'blind-index' || COLUMNS_OF_PERSONS.includes(column)
}

describe('the systems', () => {
  test('are these, each with its own key', () => {
    expect(SYSTEMS.map(({ key }) => key)).toEqual([
      'accounts',
      'usage',
      'audit',
      'events',
      'jobs',
      'inventory',
      'holds',
      'processing',
      'webhooks',
      'keys',
    ])
  })

  test('share the tables of the database among them, and leave out only those without persons', async () => {
    expect(await faultsOfClaims()).toEqual([])
  })

  test('do not pass over a table that was added', async () => {
    await owner.query('create table public.added_one (account_id uuid, subject_id uuid)')
    try {
      expect(await faultsOfClaims()).toEqual(['public.added_one belongs to no system'])
    } finally {
      await owner.query('drop table public.added_one')
    }
  })
})

type Place = Pick<Located, 'locator' | 'category' | 'subjectId'>

const nameOf = ({ locator, category, subjectId }: Place) => `${locator} ${category} ${subjectId ?? '-'}`

/** Everything that a system holds of an account, read by pages of `limit`. */
async function locateAll(system: PersonalDataSystem, accountId: string, limit: number): Promise<Located[]> {
  const all: Located[] = []
  let after: LocatedKey | null = null
  for (;;) {
    const from: LocatedKey | null = after
    const page: readonly Located[] = await world.resources.db.worker(
      (tx) => system.locatePage(tx, accountId, from, limit),
      accountId,
    )
    all.push(...page)
    if (page.length < limit) return all
    const { locator = '', category = 'ACCOUNT', subjectId = null } = page.at(-1) ?? {}
    after = { locator, category, subjectId }
  }
}

async function livingItems(system: string, accountId: string): Promise<string[]> {
  const items = await owner.query<Place>(
    `select locator, category::text as category, subject_id as "subjectId" from inventory_item
     where system = $1 and account_id = $2::uuid and state in ('LIVE', 'HELD', 'RESTRICTED')
     order by locator collate "C", category::text collate "C", subject_id nulls first`,
    system,
    accountId,
  )
  return items.map(nameOf)
}

describe('in a populated world', () => {
  test('every piece that a system finds has its living item, and every living item its piece', async () => {
    const accounts = await owner.query<{ id: string }>('select id::text as id from account order by id')
    expect(accounts).toHaveLength(3)
    let pieces = 0
    for (const { id } of accounts) {
      for (const system of SYSTEMS) {
        const found = (await locateAll(system, id, 3)).map(nameOf)
        expect([system.key, id, found]).toEqual([system.key, id, await livingItems(system.key, id)])
        pieces += found.length
      }
    }
    // 6 persons of the demo, an invited and a made one in each of the two accounts; 3 sign-ins; a month of usage of a person in each.
    expect(pieces).toBeGreaterThanOrEqual(6 + 4 + 3 + 2)
  })

  test('there is no item of a system that does not exist', async () => {
    const systems = await owner.query<{ system: string }>('select distinct system from inventory_item order by 1')
    expect(systems).toEqual([{ system: 'accounts' }, { system: 'usage' }])
  })
})
