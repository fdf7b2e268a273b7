import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { BUILT_IN_SYSTEMS, tablesOf } from '../../src/domains/processing/built-in-datasets.rules.ts'
import { isTaxonomyKey } from '../../src/domains/processing/fides-taxonomy.rules.ts'
import { ensureSystems } from '../../src/domains/processing/systems.service.ts'
import { globalId } from '../../src/domains/public-id.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import type { Who } from './calls.ts'

const PLATFORM = globalId('Account', PLATFORM_ACCOUNT_ID)

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

const systemsOf = async (as: Who, filter: object = {}) =>
  (
    await world.ask(
      as,
      `query($filter: SystemFilter) { systems(filter: $filter, first: 100) { totalCount edges { node {
        id accountId key name description kind builtIn categories processorId } } } }`,
      { filter },
    )
  ).data.systems.edges.map(({ node }: { node: object }) => node)

test('the systems of this program are there from the start, seen by whoever may read processing', async () => {
  const names = (list: { key: string; accountId: string; builtIn: boolean }[]) =>
    list.filter((each) => each.builtIn && each.accountId === PLATFORM).map(({ key }) => key)
  const keys = SYSTEMS.map(({ key }) => key).toSorted()
  for (const as of ['subject', 'integration', 'staff'] as const)
    expect(names(await systemsOf(as)).toSorted()).toEqual(keys)
  expect(await systemsOf('subject', { key: 'usage' })).toEqual([
    {
      id: expect.any(String),
      accountId: PLATFORM,
      key: 'usage',
      name: 'Usage events',
      description: null,
      kind: 'DATABASE',
      builtIn: true,
      categories: ['USAGE', 'SECURITY'],
      processorId: null,
    },
  ])
})

test('a later start changes what the program says anew of a system, and nothing else', async () => {
  const read = () => owner.query<{ key: string }>('select * from system where built_in order by key')
  const before = await read()
  world.clock.move(60)
  await Promise.all([ensureSystems(world.resources, SYSTEMS), ensureSystems(world.resources, SYSTEMS)])
  expect(await read()).toEqual(before)
  const renamed = SYSTEMS.map((each) => (each.key === 'usage' ? { ...each, name: 'Use' } : each))
  await ensureSystems(world.resources, renamed)
  const changed = (await read()).filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]))
  expect(changed).toMatchObject([{ key: 'usage', name: 'Use' }])
  await ensureSystems(world.resources, SYSTEMS)
})

test('the tables of this program as Fides is told of them are those of the systems, with every column', async () => {
  expect([...BUILT_IN_SYSTEMS]).toEqual(SYSTEMS.map(({ key }) => key))
  const columns = await owner.query<{ name: string; columns: string }>(
    `select n.nspname || '.' || c.relname as name, string_agg(a.attname, ' ' order by a.attname) as columns
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p') and n.nspname in ('public', 'keys')
      group by 1`,
  )
  const real = new Map(columns.map((row) => [row.name, row.columns.split(' ')]))
  for (const system of SYSTEMS) {
    const told = tablesOf(system.key)
    expect(told.map(({ name }) => name)).toEqual(system.tables.map(({ name }) => name))
    for (const { name, columns: named } of told) {
      // A new column gets its line, with its categories, in prisma/reference/built-in-datasets.json.
      expect([name, Object.keys(named).toSorted()]).toEqual([name, real.get(name)?.toSorted()])
      for (const key of Object.values(named).flat()) expect(isTaxonomyKey('data_category', key)).toBe(true)
    }
  }
})
