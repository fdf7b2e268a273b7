import { expect, test } from 'vitest'
import { driftOf, groupItems } from '../../../src/domains/retention/ending.rules.ts'

const doneAt = new Date('2026-03-15T12:00:00.000Z')
const timer = (category: 'USAGE' | 'COOKIE', dueAt: string) => ({ category, dueAt: new Date(dueAt) })

test('delays are counted in whole seconds that have passed, by category, ascending', () => {
  const timers = [
    timer('COOKIE', '2026-03-15T11:59:58.001Z'),
    timer('COOKIE', '2026-03-15T11:59:58.000Z'),
    timer('USAGE', '2026-03-14T12:00:00.000Z'),
    timer('COOKIE', '2026-03-15T11:59:58.999Z'),
    timer('COOKIE', '2026-03-15T12:00:00.000Z'),
  ]
  expect(driftOf(timers, doneAt)).toEqual([
    { category: 'COOKIE', driftSeconds: [0, 1, 2], timers: [1, 2, 1], driftSecondsMax: 2 },
    { category: 'USAGE', driftSeconds: [86_400], timers: [1], driftSecondsMax: 86_400 },
  ])
})

test('what was done before it was due counts as in time', () => {
  expect(driftOf([timer('COOKIE', '2026-03-15T12:00:00.001Z')], doneAt)).toEqual([
    { category: 'COOKIE', driftSeconds: [0], timers: [1], driftSecondsMax: 0 },
  ])
})

test('a delay longer than the database can hold is told as the longest that it can', () => {
  expect(driftOf([timer('COOKIE', '1900-01-01T00:00:00.000Z')], doneAt)).toEqual([
    { category: 'COOKIE', driftSeconds: [2_147_483_647], timers: [1], driftSecondsMax: 2_147_483_647 },
  ])
})

test('nothing done has no delay', () => {
  expect(driftOf([], doneAt)).toEqual([])
})

test('items of one system, category and action are ended together, in an order that does not hang on theirs', () => {
  const item = (system: string, category: 'COOKIE' | 'USAGE', action: 'DELETE' | 'SHRED', id: number) => ({
    ...{ system, category, action, id },
  })
  const items = [
    item('b', 'COOKIE', 'DELETE', 1),
    item('a', 'USAGE', 'SHRED', 2),
    item('b', 'COOKIE', 'DELETE', 3),
    item('a', 'USAGE', 'DELETE', 4),
  ]
  const groups = groupItems(items)
  const ids = (of: typeof groups) => of.map(({ items: some }) => some.map(({ id }) => id))
  expect(ids(groups)).toEqual([[4], [2], [1, 3]])
  expect(ids(groupItems(items.toReversed()))).toEqual([[4], [2], [3, 1]])
})
