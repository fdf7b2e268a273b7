import { describe, expect, test } from 'vitest'
import { isReviewDay, isReviewOverdue, targetFault } from '../../../src/domains/retention/hold.rules.ts'

const day = (text: string) => new Date(`${text}T00:00:00.000Z`)
const at = (text: string) => new Date(text)

describe('a hold is reviewed', () => {
  test.each<[now: string, day: string, allowed: boolean]>([
    ['2026-03-15T12:00:00.000Z', '2026-03-14', false],
    ['2026-03-15T12:00:00.000Z', '2026-03-15', false],
    ['2026-03-15T23:59:59.999Z', '2026-03-16', true],
    ['2026-03-15T00:00:00.000Z', '2026-03-16', true],
    ['2026-03-15T12:00:00.000Z', '2028-03-15', true],
    ['2026-03-15T23:59:59.999Z', '2028-03-16', false],
    // 24 months after a leap day end on the last day of February.
    ['2028-02-29T12:00:00.000Z', '2030-02-28', true],
    ['2028-02-29T12:00:00.000Z', '2030-03-01', false],
    ['2026-02-28T12:00:00.000Z', '2028-02-28', true],
    ['2026-02-28T12:00:00.000Z', '2028-02-29', false],
    ['2026-12-31T12:00:00.000Z', '2027-01-01', true],
  ])('seen from %s on %s: %s', (now, reviewOn, allowed) => {
    expect(isReviewDay(day(reviewOn), at(now))).toBe(allowed)
  })

  test.each<[now: string, releasedAt: string | null, overdue: boolean]>([
    ['2026-09-14T23:59:59.999Z', null, false],
    ['2026-09-15T00:00:00.000Z', null, false],
    ['2026-09-15T23:59:59.999Z', null, false],
    ['2026-09-16T00:00:00.000Z', null, true],
    ['2027-09-16T00:00:00.000Z', '2026-09-20T00:00:00.000Z', false],
  ])('on 2026-09-15, overdue at %s where released at %s: %s', (now, releasedAt, overdue) => {
    const hold = { reviewOn: day('2026-09-15'), releasedAt: releasedAt === null ? null : at(releasedAt) }
    expect(isReviewOverdue(hold, at(now))).toBe(overdue)
  })
})

describe('what is held', () => {
  test.each([
    { itemId: 'i' },
    { subjectId: 's' },
    { subjectId: 's', category: 'USAGE' },
    { accountId: 'a' },
    { accountId: 'a', itemId: null, subjectId: undefined, category: null },
  ] as const)('is one thing: %j', (named) => {
    expect(targetFault(named)).toBeNull()
  })

  test.each([
    [{}, 'itemId', 'or subjectId or accountId must be given'],
    [{ category: 'USAGE' }, 'itemId', 'or subjectId or accountId must be given'],
    [{ itemId: '' }, 'itemId', 'or subjectId or accountId must be given'],
    [{ itemId: 'i', subjectId: 's' }, 'subjectId', 'must not be given together with itemId'],
    [{ itemId: 'i', accountId: 'a' }, 'accountId', 'must not be given together with itemId'],
    [{ subjectId: 's', accountId: 'a' }, 'accountId', 'must not be given together with subjectId'],
    [{ itemId: 'i', category: 'USAGE' }, 'category', 'must not be given without subjectId'],
    [{ accountId: 'a', category: 'USAGE' }, 'category', 'must not be given without subjectId'],
  ] as const)('is nothing else: %j', (named, field, reason) => {
    expect(targetFault(named)).toEqual({ field, reason })
  })
})
