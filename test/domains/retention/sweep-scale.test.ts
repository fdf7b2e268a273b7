import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { sweepRetention } from '../../../src/domains/retention/sweep.jobs.ts'
import { openSweeping, type Sweeping, statesOf } from './sweep-kit.ts'

const TIMERS = 21_000
const EACH = TIMERS / 3
const DAY_MS = 86_400_000

let s: Sweeping
beforeAll(async () => {
  s = await openSweeping({ now: '2026-03-15T12:00:00.000Z' })
})
afterAll(() => s.close())

test.skipIf(inject('backend') === 'pglite')(
  'after thirty days of standstill three workers at once, of two lanes each, end 21,000 timers, none twice',
  async () => {
    const start = Date.parse('2026-02-13T12:00:00.000Z')
    for (const accountId of s.accounts) {
      const items = Array.from({ length: EACH }, (_, k) => ({
        ...{ accountId, category: 'CONTENT_BATCH' as const, locator: `scale/${k}` },
        system: k % 2 === 0 ? 'test.one' : 'test.two',
        // Due from a moment after now to the end of the thirtieth day.
        startsAt: new Date(start + Math.ceil(((k + 1) * 30 * DAY_MS) / EACH)).toISOString(),
      }))
      expect(await s.write(items)).toBe(EACH)
    }
    const sweep = () => sweepRetention(s.deps, s.systems, { lanes: 2 })
    expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
    s.world.clock.move(30 * 86_400)
    const swept = await Promise.all([sweep(), sweep(), sweep()])
    expect(swept.reduce((sum, { ended }) => sum + ended, 0)).toBe(21_000)
    expect(swept.every(({ failed, planned }) => failed + planned === 0)).toBe(true)
    expect(await sweep()).toEqual({ ended: 0, failed: 0, planned: 0 })
    expect(await statesOf(s.owner, 'scale/%')).toEqual([{ state: 'ERASED', attempts: 0, problem: null, items: 21_000 }])
    const [row] = await s.owner.query(
      `select (select count(*)::int from erasure_item) as ended, (select sum(items)::int from erasure) as counted,
         (select sum(t)::int from retention_drift d, unnest(d.timers) as t) as delays,
         (select max(drift_seconds_max) from retention_drift) as longest`,
    )
    // Thirty days less the 370.3 s (30 days by 7,000) after which the first was due, in whole seconds.
    expect(row).toEqual({ ended: 21_000, counted: 21_000, delays: 21_000, longest: 2_591_629 })
    const asked = s.log.filter((line) => line.startsWith('test.')).map((line) => Number(line.split(' ').at(-1)))
    expect(asked.reduce((sum, pieces) => sum + pieces, 0)).toBe(21_000)
  },
)
