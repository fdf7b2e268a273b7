import { PGlite } from '@electric-sql/pglite'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bucketOf,
  bucketSql,
  bucketValue,
  LATENCY_BUCKET_COUNT,
  LATENCY_MS_MAX,
  percentilesFromBuckets,
} from '../../../src/domains/usage/usage-latency.rules.ts'

const EDGES = edges()

describe('latency buckets', () => {
  it('hold 0 and every value up to 18 ms exactly', () => {
    const exact = Array.from({ length: 19 }, (_, ms) => ms)
    expect(exact.map(bucketOf)).toEqual(exact)
    expect(exact.map(bucketValue)).toEqual(exact)
  })

  it('are 173 and stay the ones of every stored figure', () => {
    expect(LATENCY_BUCKET_COUNT).toBe(173)
    expect(
      [19, 20, 21, 100, 1_000, 60_000, LATENCY_MS_MAX].map((ms) => [bucketOf(ms), bucketValue(bucketOf(ms))]),
    ).toEqual([
      [19, 19],
      [19, 19],
      [20, 22],
      [35, 99],
      [58, 990],
      [99, 59_893],
      [172, 86_400_000],
    ])
  })

  it('speak for each of their values with an error of at most 5 percent, at every edge', () => {
    expect(EDGES.filter((ms) => relativeError(bucketValue(bucketOf(ms)), ms) > 0.05)).toEqual([])
    expect(EDGES.length).toBe(327)
  })

  it('speak for any value with an error of at most 5 percent, and never fall with it', () => {
    let tried = 0
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LATENCY_MS_MAX - 1 }), fc.integer({ min: 0, max: 27 }), (random, shift) => {
        const ms = random >> shift
        tried += 1
        expect(relativeError(bucketValue(bucketOf(ms)), ms)).toBeLessThanOrEqual(0.05)
        expect(bucketOf(ms + 1) - bucketOf(ms)).toBeOneOf([0, 1])
      }),
      { numRuns: 20_000, seed: 20_260_603 },
    )
    expect(tried).toBe(20_000)
  })

  it.each([-1, 0.5, LATENCY_MS_MAX + 1, Number.NaN, Number.POSITIVE_INFINITY])('refuse %s ms', (ms) => {
    expect(() => bucketOf(ms)).toThrow(RangeError)
  })

  it.each([-1, 0.5, LATENCY_BUCKET_COUNT, Number.NaN])('have no value for a bucket %s', (bucket) => {
    expect(() => bucketValue(bucket)).toThrow(RangeError)
  })
})

describe('bucketSql', () => {
  it('gives inside PostgreSQL the bucket that bucketOf gives, at every edge and for null', async () => {
    const database = await PGlite.create()
    const { rows } = await database.query<{ ms: number | null; bucket: number | null }>(
      `SELECT e.ms, ${bucketSql('e.ms')} AS bucket FROM unnest($1::integer[]) AS e (ms)`,
      [[...EDGES, null]],
    )
    await database.close()
    expect(rows).toEqual([...EDGES.map((ms) => ({ ms, bucket: bucketOf(ms) })), { ms: null, bucket: null }])
  })

  it.each(['', 'a b', 'a;', 'a)', 'A', '"a"', 'a.b.c', '1a', 'a\n'])('refuses the column name %j', (column) => {
    expect(() => bucketSql(column)).toThrow(RangeError)
  })
})

describe('percentilesFromBuckets', () => {
  const counted = (values: readonly number[]) => {
    const counts = new Map<number, number>()
    for (const ms of values) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1)
    return counts
  }

  it('takes the value at rank ceil(p / 100 * N)', () => {
    expect(percentilesFromBuckets(counted([15, 2, 4, 3, 5]), [5, 20, 20.001, 30, 40, 50, 100])).toEqual([
      2, 2, 3, 3, 3, 4, 15,
    ])
  })

  it('finds the exact rank for percentiles that binary fractions miss', () => {
    const counts = new Map([
      [1, 999],
      [2, 1],
    ])
    expect(percentilesFromBuckets(counts, [99.9, 99.901])).toEqual([1, 2])
    const sevenOfHundred = new Map([
      [1, 7],
      [2, 93],
    ])
    expect(percentilesFromBuckets(sevenOfHundred, [7])).toEqual([1])
  })

  it('answers null for each percentile of nothing', () => {
    expect(percentilesFromBuckets(new Map(), [50, 99])).toEqual([null, null])
    expect(percentilesFromBuckets(new Map([[3, 0]]), [50])).toEqual([null])
  })

  it('skips buckets that counted nothing', () => {
    const counts = new Map([
      [1, 0],
      [2, 1],
      [3, 0],
    ])
    expect(percentilesFromBuckets(counts, [1, 100])).toEqual([2, 2])
  })

  it('is within 5 percent of the percentile of the sorted values', () => {
    const latency = fc.integer({ min: 0, max: LATENCY_MS_MAX }).chain((max) => fc.integer({ min: 0, max }))
    const percentile = fc.integer({ min: 1, max: 1_000 })
    let tried = 0
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 300 }), percentile, (values, thousandth) => {
        const sorted = values.toSorted((a, b) => a - b)
        const exact = sorted[Math.ceil((thousandth * values.length) / 1_000) - 1] ?? Number.NaN
        const [found] = percentilesFromBuckets(counted(values), [thousandth / 10])
        expect(relativeError(found ?? Number.NaN, exact)).toBeLessThanOrEqual(0.05)
        tried += 1
      }),
      { numRuns: 2_000, seed: 20_260_604 },
    )
    expect(tried).toBe(2_000)
  })

  it.each([0, -1, 100.1, Number.NaN])('refuses the percentile %s', (p) => {
    expect(() => percentilesFromBuckets(new Map([[1, 1]]), [p])).toThrow(RangeError)
  })

  it.each([
    [-1, 1],
    [LATENCY_BUCKET_COUNT, 1],
    [1, -1],
    [1, 0.5],
    [1, 2 ** 52],
  ])('refuses bucket %s with count %s', (bucket, count) => {
    expect(() => percentilesFromBuckets(new Map([[bucket, count]]), [50])).toThrow(RangeError)
  })
})

function relativeError(found: number, exact: number): number {
  return exact === 0 ? Math.abs(found) : Math.abs(found - exact) / exact
}

/** The first and the last value of every bucket, found by asking for each bucket's neighbours. */
function edges(): number[] {
  const found = [0]
  for (let ms = 0; ms < LATENCY_MS_MAX; ) {
    let low = ms
    let high = LATENCY_MS_MAX
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (bucketOf(middle) === bucketOf(ms)) low = middle
      else high = middle - 1
    }
    found.push(low, Math.min(low + 1, LATENCY_MS_MAX))
    ms = low + 1
  }
  return [...new Set(found)].sort((a, b) => a - b)
}
