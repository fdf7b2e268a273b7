import { afterAll, beforeAll, expect, test } from 'vitest'
import { paginate } from '../../client/src/index.ts'
import { fillInventory } from '../api/inventory-kit.ts'
import { openWorld, type World } from '../kit/world.ts'
import { clientOf } from './kit.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
  await fillInventory(world)
})
afterAll(() => world.close())

test('a person is told in its language what is held of it', async () => {
  const german = clientOf(world, 'subject', { headers: { 'accept-language': 'de-AT' } })
  const { edges, totalCount } = await german.inventoryItems({ filter: { state: 'HELD' } })
  expect(totalCount).toBe(1)
  expect(edges[0]?.node).toMatchObject({
    category: { key: 'CONTENT_BATCH', name: 'Inhalte der Stapelverarbeitung' },
    purposes: [{ key: 'SERVICE_PROVISION', name: 'Betrieb des Dienstes' }],
    legalBasis: { article: 'GDPR Art. 6(1)(b)', name: 'Vertrag' },
    retention: { period: 'P30D', description: 'Höchstens 30 Tage aufbewahrt; danach wird der Schlüssel vernichtet.' },
    keptUntil: '2026-03-31T08:00:00.000Z',
  })
})

test('items are walked page by page, and counted', async () => {
  const client = clientOf(world, 'integration')
  const systems: string[] = []
  for await (const { system } of paginate((after) => client.inventoryItems({ first: 4, after }))) systems.push(system)
  expect(systems).toHaveLength(11)
  const { edges } = await client.inventoryCounts({ groupBy: 'SYSTEM' })
  expect(edges.map(({ node }) => [node.key, Number(node.items)])).toEqual([
    ['accounts', 7],
    ['batch', 1],
    ['usage', 3],
  ])
})

test('categories and purposes are there with their terms', async () => {
  const client = clientOf(world, 'integration')
  expect((await client.dataCategories()).map(({ key }) => key)).toContain('USAGE')
  expect((await client.purposes()).map(({ dpvTerm }) => dpvTerm)).toContain('dpv:ServiceProvision')
})
