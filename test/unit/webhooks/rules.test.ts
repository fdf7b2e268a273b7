import { expect, test } from 'vitest'
import { pauseSeconds, stateAfter } from '../../../src/domains/webhooks/webhooks.rules.ts'

const attempts = Array.from({ length: 11 }, (_, index) => index)

test('the pauses are those of Standard Webhooks 1.0.0, and there are ten attempts', () => {
  const [s, min, h] = [1, 60, 3_600]
  const expected = [0, 5 * s, 5 * min, 30 * min, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h, null]
  expect(attempts.map((attempt) => pauseSeconds(attempt, 0))).toEqual(expected)
})

test('chance makes a pause up to a tenth longer, never shorter', () => {
  expect([pauseSeconds(1, 0.5), pauseSeconds(1, 1), pauseSeconds(9, 1)]).toEqual([5.25, 5.5, 95_040])
})

test('a success ends a delivery, 410 and the tenth failure give it up, another failure postpones it', () => {
  const after = (problem: 'TIMEOUT' | 'GONE' | null, count: number) => stateAfter({ problem, attempts: count }, 0)
  expect(after(null, 1)).toEqual({ state: 'DELIVERED', pauseSeconds: 0 })
  expect(after(null, 10)).toEqual({ state: 'DELIVERED', pauseSeconds: 0 })
  expect(after('GONE', 1)).toEqual({ state: 'DEAD', pauseSeconds: 0 })
  expect(after('TIMEOUT', 1)).toEqual({ state: 'PENDING', pauseSeconds: 5 })
  expect(after('TIMEOUT', 9)).toEqual({ state: 'PENDING', pauseSeconds: 86_400 })
  expect(after('TIMEOUT', 10)).toEqual({ state: 'DEAD', pauseSeconds: 0 })
  expect(after('TIMEOUT', 11)).toEqual({ state: 'DEAD', pauseSeconds: 0 })
})
