/** The longest latency a usage event may carry, in milliseconds: one day. */
export const LATENCY_MS_MAX = 86_400_000

interface Buckets {
  /** Smallest value of bucket 1, 2, 3, ...; bucket 0 holds the value 0 alone. */
  readonly thresholds: readonly number[]
  /** The value that stands for bucket 0, 1, 2, ... */
  readonly values: readonly number[]
}

/**
 * Buckets as wide as an error of 1/20 allows. A bucket that starts at `low` is spoken for by the largest integer that
 * is at most 21/20 of `low`, and ends at the largest integer of which that value is at least 19/20. Integer arithmetic
 * only, so the thresholds are the same on every machine.
 */
const { thresholds, values } = makeBuckets()

/** How many latency buckets there are; bucket numbers run from 0 to one less. */
export const LATENCY_BUCKET_COUNT = values.length

/**
 * The number of the logarithmic bucket that holds a latency. 0 and each of 1 to 18 ms have a bucket of their own.
 *
 * @param ms whole milliseconds, 0 to {@link LATENCY_MS_MAX}
 * @throws RangeError when `ms` is not a whole number in that range
 */
export function bucketOf(ms: number): number {
  if (!Number.isInteger(ms) || ms < 0 || ms > LATENCY_MS_MAX) throw new RangeError('Latency out of range')
  let low = 0
  let high = thresholds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((thresholds[middle] ?? 0) <= ms) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The latency in whole milliseconds that stands for a bucket. It differs from every value of the bucket by at most 5 %
 * of that value.
 *
 * @throws RangeError when there is no such bucket
 * @see Masson, Rim, Lee: DDSketch, PVLDB 12 (2019), for quantiles with bounded relative error
 */
export function bucketValue(bucket: number): number {
  const value = values[bucket]
  if (value === undefined) throw new RangeError('No such latency bucket')
  return value
}

/**
 * SQL text that gives, for an integer column, the number {@link bucketOf} gives, and null for null.
 *
 * It counts integer thresholds with `width_bucket`. A formula with `ln` would differ between JavaScript and PostgreSQL
 * at the edges of buckets, because neither promises the last bit of a logarithm; comparing integers is exact in both.
 * Values outside the range of {@link bucketOf} fall into the first or the last bucket.
 *
 * @param column a plain, lower-case column name, optionally with its table or alias before a dot
 * @throws RangeError when `column` is anything else
 */
export function bucketSql(column: string): string {
  if (!/^(?:[a-z_][a-z0-9_]{0,62}[.])?[a-z_][a-z0-9_]{0,62}$/.test(column)) throw new RangeError('Not a column name')
  return `width_bucket(${column}, ARRAY[${thresholds.join(',')}]::integer[])`
}

/**
 * The percentiles of the latencies that were counted by bucket, in the order of `ps`; each null when nothing was
 * counted. By the nearest-rank definition the percentile p of N values is the one at rank ceil(p / 100 * N), so each
 * result is within 5 % of a value that was really there.
 *
 * @param counts number of values by bucket, at most 90 thousand million in all
 * @param ps percentiles above 0 and up to 100, of which three decimals count
 * @throws RangeError when a bucket, a count or a percentile is out of range
 * @see Hyndman, Fan: Sample Quantiles in Statistical Packages, The American Statistician 50 (1996), definition 1
 */
export function percentilesFromBuckets(
  counts: ReadonlyMap<number, number>,
  ps: readonly number[],
): readonly (number | null)[] {
  const sorted = [...counts].sort(([a], [b]) => a - b)
  for (const [bucket, count] of sorted) {
    bucketValue(bucket)
    if (!Number.isSafeInteger(count) || count < 0) throw new RangeError('A count is a whole number of at least 0')
  }
  const total = sorted.reduce((sum, [, count]) => sum + count, 0)
  return ps.map((p) => {
    const rank = nearestRank(p, total)
    return total === 0 ? null : valueAtRank(sorted, rank)
  })
}

/** ceil(p / 100 * total) by integer arithmetic, because 99.9 / 100 is not exact in binary. */
function nearestRank(p: number, total: number): number {
  const thousandths = Math.round(p * 1_000)
  if (!(thousandths > 0 && thousandths <= 100_000)) throw new RangeError('A percentile is above 0 and at most 100')
  const product = thousandths * total
  if (!Number.isSafeInteger(product)) throw new RangeError('Too many values for exact ranks')
  const rest = product % 100_000
  return (product - rest) / 100_000 + (rest > 0 ? 1 : 0)
}

function valueAtRank(sorted: readonly (readonly [number, number])[], rank: number): number {
  let seen = 0
  for (const [bucket, count] of sorted) {
    seen += count
    if (seen >= rank) return bucketValue(bucket)
  }
  throw new RangeError('The rank is beyond the number of values')
}

function makeBuckets(): Buckets {
  const thresholds: number[] = []
  const values = [0]
  for (let low = 1; low <= LATENCY_MS_MAX; ) {
    const value = Math.min(floorDivide(low * 21, 20), LATENCY_MS_MAX)
    thresholds.push(low)
    values.push(value)
    low = floorDivide(value * 20, 19) + 1
  }
  return { thresholds, values }
}

function floorDivide(dividend: number, divisor: number): number {
  return (dividend - (dividend % divisor)) / divisor
}
