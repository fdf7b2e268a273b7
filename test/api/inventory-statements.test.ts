import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Statements, watchStatements } from '../kit/statements.ts'
import { openWorld, type World } from '../kit/world.ts'
import { keyOf, localId } from './calls.ts'
import { place } from './holds-kit.ts'
import { addProcessor, batchItem, fillInventory, recordItems } from './inventory-kit.ts'

const ITEMS = 60

let world: World
let statements: Statements

beforeAll(async () => {
  world = await openWorld()
  await fillInventory(world)
  const accountId = localId(world.ids.account)
  const subjectId = keyOf(world.ids.member).id
  const locators = Array.from({ length: ITEMS }, (_, index) => `object/${100 + index}`)
  await recordItems(
    world,
    accountId,
    locators.map((locator) => batchItem(accountId, subjectId, { locator })),
  )
  const own = keyOf(await addProcessor(world, 'Own processor', accountId))
  await world.resources.db.worker(async (tx) => {
    const items = await tx.inventoryItem.findMany({ where: { accountId, locator: { in: locators } } })
    const at = world.clock.now()
    const received = { accountId, processorHomeId: own.accountId, processorId: own.id, firstAt: at, lastAt: at }
    await tx.inventoryRecipient.createMany({
      data: items.map(({ id }) => ({ ...received, itemId: id, purpose: 'SERVICE_PROVISION' as const })),
    })
  }, accountId)
  statements = watchStatements()
})
afterAll(async () => {
  statements.stop()
  await world.close()
})

const ITEM = `id category { name retention { period state } } retention { period state } purposes { name legalBasis { name } } legalBasis { name } keptUntil
  recipients { edges { node { processor { id name country role } purpose { name } } } }`

/** How many statements a whole request takes, and how many edges the list below `path` has. */
async function statementsOf(query: string, variables: object, edgesOf: (data: unknown) => unknown[]) {
  statements.reset()
  const { data, errors } = await world.ask('subject', query, variables)
  expect(errors).toBeUndefined()
  return [statements.seen.length, edgesOf(data).length]
}

type Listed = { inventoryItems: { edges: unknown[] }; subject: { inventory: { edges: unknown[] } } }

test('a list of items takes as many statements for 60 as for one, with all that it names', async () => {
  const query = `query($first: Int) { inventoryItems(first: $first) { totalCount edges { node { ${ITEM} } } } }`
  const list = (first: number) => statementsOf(query, { first }, (data) => (data as Listed).inventoryItems.edges)
  expect(await list(1)).toEqual([9, 1])
  expect(await list(ITEMS)).toEqual([9, ITEMS])
})

test('so does the list below a person', async () => {
  const query = `query($id: ID!, $first: Int) { subject(id: $id) { inventory(first: $first) { edges { node { ${ITEM} } } } } }`
  const list = (first: number) =>
    statementsOf(query, { id: world.ids.member, first }, (data) => (data as Listed).subject.inventory.edges)
  expect(await list(1)).toEqual([9, 1])
  expect(await list(ITEMS)).toEqual([9, ITEMS])
})

test('holds are one statement more, for one held item as for 60', async () => {
  const query = `query($first: Int, $filter: InventoryFilter) {
    inventoryItems(first: $first, filter: $filter) { edges { node { hold { since reviewOn } } } } }`
  const filter = { subjectId: world.ids.member, category: 'CONTENT_BATCH' }
  const list = (first: number) =>
    statementsOf(query, { first, filter }, (data) =>
      (data as Listed).inventoryItems.edges.filter((edge) => (edge as { node: { hold: object | null } }).node.hold),
    )
  expect(await list(ITEMS)).toEqual([4, 0])
  await place(world, { subjectId: world.ids.member, category: 'CONTENT_BATCH' })
  expect(await list(1)).toEqual([5, 1])
  expect(await list(ITEMS)).toEqual([5, ITEMS])
})
