import { expect, test } from 'vitest'
import { paginate } from '../../client/src/index.ts'

const PAGES: Record<string, { items: number[]; next?: string }> = {
  start: { items: [1, 2], next: 'b' },
  b: { items: [], next: 'c' },
  c: { items: [3] },
}

function walk() {
  const asked: (string | undefined)[] = []
  const nodes = paginate(async (after) => {
    asked.push(after)
    const { items, next } = PAGES[after ?? 'start'] ?? { items: [] }
    return {
      edges: items.map((node) => ({ node })),
      pageInfo: { hasNextPage: next !== undefined, endCursor: next ?? null },
    }
  })
  return { asked, nodes }
}

test('all pages are walked in order, an empty one too', async () => {
  const { asked, nodes } = walk()
  const seen: number[] = []
  for await (const node of nodes) seen.push(node)
  expect([seen, asked]).toEqual([
    [1, 2, 3],
    [undefined, 'b', 'c'],
  ])
})

test('no page is asked for beyond what is needed', async () => {
  const { asked, nodes } = walk()
  expect(await nodes.toArray({ limit: 2 })).toEqual([1, 2])
  expect(await nodes.toArray({ limit: 0 })).toEqual([])
  expect(asked).toEqual([undefined])
})

test('a page that says there is more and not where ends the walk', async () => {
  const nodes = paginate(async () => ({ edges: [{ node: 1 }], pageInfo: { hasNextPage: true, endCursor: null } }))
  expect(await nodes.toArray({ limit: 9 })).toEqual([1])
})
