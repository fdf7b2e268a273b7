import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { planStaleItems } from '../../../src/domains/retention/planning.service.ts'
import { keyOf, localId } from '../../api/calls.ts'
import { batchItem, recordItems } from '../../api/inventory-kit.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { watchStatements } from '../../kit/statements.ts'
import { openWorld, type World } from '../../kit/world.ts'
import { addRule } from './rules-kit.ts'

let world: World
let owner: Owner
let accountId: string
let subjectId: string

beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
  accountId = localId(world.ids.account)
  subjectId = keyOf(world.ids.endUser).id
  await planStaleItems(world.resources)
})
beforeEach(() => owner.query("delete from inventory_item where system = 'batch'"))
afterAll(async () => {
  await owner.close()
  await world.close()
})

const at = (instant: string) => new Date(instant)
const written = (start: string, count = 1, from = 0) =>
  recordItems(
    world,
    accountId,
    Array.from({ length: count }, (_, index) =>
      batchItem(accountId, subjectId, {
        locator: `object/${start}/${from + index}`.toLowerCase(),
        retentionStartsAt: at(start),
      }),
    ),
  )

type Row = { state: string; due: string | null; attempt: string | null; version: number; attempts: number }
const rows = () =>
  owner.query<Row>(
    `select state::text as state, to_char(due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as due,
       to_char(attempt_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as attempt, planned_version as version, attempts
     from inventory_item where system = 'batch' order by retention_starts_at, id`,
  )
const dues = async () => (await rows()).map(({ due }) => due)

const ruleOf = async (id: string) => {
  const [row] = await owner.query<{
    total: number | null
    done: number
    moved: number
    finished: boolean
    version: number
  }>(
    `select replan_total as total, replan_done as done, replan_moved as moved, replanned_at is not null as finished, version
     from retention_rule where id = $1::uuid`,
    id,
  )
  return row
}

const change = (period: string, more: object = {}) =>
  addRule(world.resources, { category: 'CONTENT_BATCH', period, ...more })

describe('a rule that takes effect', () => {
  // Regulation 1182/71, Art. 3(2)(c): where the last month has no such day, the period ends with its last day.
  test('moves what lives to the new instant, at month ends and leap days too', async () => {
    for (const start of [
      '2024-01-31T08:00:00Z',
      '2024-02-29T00:00:00Z',
      '2025-01-31T23:59:00Z',
      '2025-12-31T12:00:00Z',
    ])
      await written(start)
    await change('P1M')
    expect(await planStaleItems(world.resources)).toBe(4)
    expect(await dues()).toEqual(['2024-02-29 08:00', '2024-03-29 00:00', '2025-02-28 23:59', '2026-01-31 12:00'])
    await change('P1Y')
    await planStaleItems(world.resources)
    expect(await dues()).toEqual(['2025-01-31 08:00', '2025-02-28 00:00', '2026-01-31 23:59', '2026-12-31 12:00'])
  })

  test('counts what it did: to be done, done, moved, and when that was finished', async () => {
    await change('P30D')
    await planStaleItems(world.resources)
    await written('2026-03-01T08:00:00Z', 3)
    const id = await change('P31D')
    expect(await ruleOf(id)).toMatchObject({ total: null, done: 0, moved: 0, finished: false })
    await planStaleItems(world.resources)
    expect(await ruleOf(id)).toMatchObject({ total: 3, done: 3, moved: 3, finished: true })
    const same = await change('P31D')
    await planStaleItems(world.resources)
    expect(await ruleOf(same)).toMatchObject({ total: 3, done: 3, moved: 0, finished: true })
  })

  test('shortens at once, lengthens what lives, and never touches what is ended', async () => {
    await change('P30D')
    await planStaleItems(world.resources)
    await written('2026-03-01T08:00:00Z', 2)
    await owner.query(
      `update inventory_item set state = 'ERASED', done_at = now(), attempt_at = null where system = 'batch'
       and locator like '%/1'`,
    )
    const before = (await rows()).find(({ state }) => state === 'ERASED')
    await change('P1D')
    await planStaleItems(world.resources)
    expect((await rows()).filter(({ state }) => state === 'LIVE').map(({ attempt }) => attempt)).toEqual([
      '2026-03-02 08:00',
    ])
    await change('P2Y')
    await planStaleItems(world.resources)
    expect((await rows()).filter(({ state }) => state === 'LIVE').map(({ attempt }) => attempt)).toEqual([
      '2028-03-01 08:00',
    ])
    expect((await rows()).find(({ state }) => state === 'ERASED')).toEqual(before)
  })

  test('leaves what is held held, with the new instant', async () => {
    await written('2026-03-01T08:00:00Z')
    await owner.query(
      "update inventory_item set state = 'HELD', resumes_as = 'LIVE', attempt_at = null where system = 'batch'",
    )
    await change('P5D')
    await planStaleItems(world.resources)
    expect(await rows()).toMatchObject([{ state: 'HELD', due: '2026-03-06 08:00', attempt: null }])
  })

  test('keeps the next attempt of what failed where nothing moves, and begins anew where it does', async () => {
    await change('P5D')
    await planStaleItems(world.resources)
    await written('2026-03-01T08:00:00Z')
    await owner.query(
      "update inventory_item set attempts = 3, last_problem = 'X.Y', attempt_at = '2026-04-01T00:00Z' where system = 'batch'",
    )
    await change('P5D')
    await planStaleItems(world.resources)
    expect(await rows()).toMatchObject([{ attempts: 3, attempt: '2026-04-01 00:00' }])
    await change('P6D')
    await planStaleItems(world.resources)
    expect(await rows()).toMatchObject([{ attempts: 0, attempt: '2026-03-07 08:00' }])
  })

  test('later is planned when its time comes, without anybody doing anything', async () => {
    await change('P30D')
    await planStaleItems(world.resources)
    await written('2026-03-10T08:00:00Z')
    const from = new Date(world.clock.now().getTime() + 3_600_000)
    const id = await change('P10D', { effectiveFrom: from })
    await world.runner.runDue()
    expect(await dues()).toEqual(['2026-04-09 08:00'])
    expect(await ruleOf(id)).toMatchObject({ total: null, finished: false })
    world.clock.move(3_599.999)
    await world.runner.runDue()
    expect(await dues()).toEqual(['2026-04-09 08:00'])
    world.clock.move(1.001)
    await world.runner.runDue()
    expect(await dues()).toEqual(['2026-03-20 08:00'])
    // The clock jumps back: what was planned stays, and is not planned to and fro.
    world.clock.move(-7_200)
    expect(await planStaleItems(world.resources)).toBe(0)
    expect(await dues()).toEqual(['2026-03-20 08:00'])
    world.clock.move(7_200)
    expect(await planStaleItems(world.resources)).toBe(0)
  })

  test('that keeps nothing makes due at once what is there, and lets nothing more be written', async () => {
    await written('2026-03-01T08:00:00Z')
    await change('PT0S')
    await planStaleItems(world.resources)
    expect(await dues()).toEqual(['2026-03-01 08:00'])
    await expect(written('2026-03-01T09:00:00Z')).rejects.toThrow('only where a retention rule')
    await change('P30D')
    await planStaleItems(world.resources)
    expect(await written('2026-03-01T09:00:00Z')).toBe(1)
  })
})

describe('five thousand items', () => {
  beforeEach(async () => {
    await change('P30D')
    await planStaleItems(world.resources)
    await written('2026-01-31T08:00:00Z', 5_000)
  })

  const states = () =>
    owner.query<{ due: string; count: number }>(
      `select to_char(due_at at time zone 'UTC', 'YYYY-MM-DD') as due, count(*)::int as count from inventory_item
       where system = 'batch' group by 1 order by 1`,
    )

  test('are planned in batches; a kill between two loses and doubles nothing', async () => {
    const id = await change('P1M')
    const { db, clock } = world.resources
    // After two batches the process is gone: the third transaction never ends.
    let batches = 0
    const dying = Object.assign(Object.create(db), {
      worker: (fn: Parameters<typeof db.worker>[0]) =>
        db.worker(async (tx) => {
          const result = await fn(tx)
          if (typeof result === 'number' && ++batches > 2) throw new Error('killed')
          return result
        }),
    }) as typeof db
    await expect(planStaleItems({ db: dying, clock })).rejects.toThrow('killed')
    expect(await states()).toEqual([
      { due: '2026-02-28', count: 2_000 },
      { due: '2026-03-02', count: 3_000 },
    ])
    expect(await ruleOf(id)).toMatchObject({ total: 5_000, done: 2_000, moved: 2_000, finished: false })
    expect(await planStaleItems(world.resources)).toBe(3_000)
    expect(await states()).toEqual([{ due: '2026-02-28', count: 5_000 }])
    expect(await ruleOf(id)).toMatchObject({ total: 5_000, done: 5_000, moved: 5_000, finished: true })
  })

  test('are planned once by several workers at once, though a stop comes between', async () => {
    const id = await change('P2M')
    const stop = new AbortController()
    const first = planStaleItems(world.resources, { batchSize: 500, signal: stop.signal })
    const others = Array.from({ length: 3 }, () => planStaleItems(world.resources, { batchSize: 500 }))
    stop.abort()
    const counts = await Promise.all([first, ...others])
    const rest = await planStaleItems(world.resources)
    expect(counts.reduce((sum, count) => sum + count, rest)).toBe(5_000)
    expect(await states()).toEqual([{ due: '2026-03-31', count: 5_000 }])
    expect(await ruleOf(id)).toMatchObject({ total: 5_000, done: 5_000, moved: 5_000, finished: true })
  })

  test('from before there were plans are planned by the same work', async () => {
    await owner.query(
      `update inventory_item set planned_version = 0, due_at = null, attempt_at = null, retention_rule_id = null
       where system = 'batch'`,
    )
    expect(await planStaleItems(world.resources)).toBe(5_000)
    expect(await states()).toEqual([{ due: '2026-03-02', count: 5_000 }])
  })
})

test('where nothing is to be planned it is one statement, which reads no item', async () => {
  await planStaleItems(world.resources)
  const statements = watchStatements()
  expect(await planStaleItems(world.resources)).toBe(0)
  statements.stop()
  expect(statements.seen.filter((sql) => /inventory_item/.test(sql))).toHaveLength(1)
})
