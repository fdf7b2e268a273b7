import { afterAll, beforeAll, expect, test } from 'vitest'
import { anonymousSession as NOBODY } from '../../../src/auth/session.ts'
import type { Database } from '../../../src/db/database.ts'
import { dueAt, type SeedRule } from '../../../src/domains/retention/retention.rules.ts'
import { ensureRetentionRules } from '../../../src/domains/retention/retention-seed.service.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World } from '../../kit/world.ts'
import { addRule } from './rules-kit.ts'

let world: World
let owner: Owner
let db: Database
beforeAll(async () => {
  world = await openWorld()
  db = world.resources.db
  owner = await openOwnerOf(db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

/** A generator of numbers below 1 that is the same in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Case = { readonly start: Date; readonly period: string }

/** Month ends and leap days as often as any other instant; each part of a period now and then. */
function cases(count: number): Case[] {
  const next = numbers(20_261_124)
  const below = (limit: number) => Math.floor(next() * limit)
  return Array.from({ length: count }, () => {
    const [year, month] = [1990 + below(80), below(12)]
    const day = [0, 29, 30, 31, 1 + below(28)][below(5)] ?? 1
    const ofDay = [0, 86_399_999, below(86_400_000)][below(3)] ?? 0
    const parts = [
      ['Y', 0.4, 12],
      ['M', 0.6, 40],
      ['W', 0.2, 60],
      ['D', 0.5, 800],
    ] as const
    const chosen = parts.flatMap(([letter, share, limit]) => (next() < share ? [`${below(limit)}${letter}`] : []))
    return {
      start: new Date(Date.UTC(year, month, day) + ofDay),
      period: chosen.length === 0 ? 'PT0S' : `P${chosen.join('')}`,
    }
  })
}

/** What the database plans for every case, in one statement: the rule of a period takes effect at a second of its own. */
async function dueByDatabase(all: readonly Case[]): Promise<(string | null)[]> {
  const periods = [...new Set(all.map(({ period }) => period))]
  const secondOf = (period: string) => new Date(Date.UTC(2026, 5, 1) + periods.indexOf(period) * 1_000)
  await owner.query(
    `insert into retention_rule (id, version, category, trigger, period, action, clause, description, legal_source,
       source, verified_on, verified, effective_from, created_at)
     select gen_random_uuid(), 1000 + row_number() over (), 'PAYMENT', 'CREATED', r.period, 'DELETE', '§7.1', '{"en":"x"}',
       'x', 'x', '2026-01-01', true, r.at, now() from json_to_recordset($1::json) as r (period text, at timestamptz)`,
    JSON.stringify(periods.map((period) => ({ period, at: secondOf(period) }))),
  )
  const rows = await owner.query<{ due: string | null }>(
    `select to_char(p.due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as due
     from json_to_recordset($1::json) as c (start timestamptz, at timestamptz, place integer)
     cross join lateral app.retention_plan('PAYMENT', c.start, null, null, null, c.at) as p order by c.place`,
    JSON.stringify(all.map(({ start, period }, place) => ({ start, at: secondOf(period), place }))),
  )
  return rows.map(({ due }) => due)
}

test('program and database plan alike, at month ends and leap days too', async () => {
  const all = cases(500)
  const expected = all.map(
    ({ start, period }) => dueAt([{ trigger: 'CREATED', period }], { CREATED: start })?.toISOString() ?? null,
  )
  expect(await dueByDatabase(all)).toEqual(expected)
  expect(new Set(expected).size).toBeGreaterThan(450)
})

type Planned = { due: Date | null; action: string; forbidden: boolean; version: number }

const plan = async (category: string, happened: { [trigger: string]: string }, at: string) => {
  const instant = (trigger: string) => (happened[trigger] ? `'${happened[trigger]}'::timestamptz` : 'null')
  const other = ['DELIVERED', 'RESOLVED', 'REQUEST_VERIFIED'].find((trigger) => happened[trigger])
  const [row] = await owner.query<Planned>(
    `select due_at as due, action::text as action, forbidden, version from app.retention_plan('${category}',
      ${instant('CREATED')}, ${other ? `'${other}'` : 'null'}, ${other ? instant(other) : 'null'},
      ${instant('ACCOUNT_CLOSED')}, '${at}')`,
  )
  return row && { ...row, due: row.due && new Date(row.due).toISOString() }
}

// Seeds: batch content 30 days from writing, one day from delivery, 30 days from closing.
test('of several triggers that have happened the earliest instant counts', async () => {
  const at = '2026-03-15T12:00:00Z'
  const created = { CREATED: '2026-03-01T08:00:00Z' }
  expect((await plan('CONTENT_BATCH', created, at))?.due).toBe('2026-03-31T08:00:00.000Z')
  expect((await plan('CONTENT_BATCH', { ...created, DELIVERED: '2026-03-02T00:00:00Z' }, at))?.due).toBe(
    '2026-03-03T00:00:00.000Z',
  )
  expect((await plan('CONTENT_BATCH', { ...created, ACCOUNT_CLOSED: '2026-02-01T00:00:00Z' }, at))?.due).toBe(
    '2026-03-03T00:00:00.000Z',
  )
  expect((await plan('CONTENT_BATCH', { ...created, RESOLVED: '2026-01-01T00:00:00Z' }, at))?.due).toBe(
    '2026-03-31T08:00:00.000Z',
  )
  expect((await plan('CONTENT_BATCH', {}, at))?.due).toBeNull()
})

test('what may not be kept at all is forbidden, and before its first rule a category has none', async () => {
  const created = { CREATED: '2026-03-01T08:00:00Z' }
  expect(await plan('CONTENT_REALTIME', created, '2026-03-15T12:00:00Z')).toMatchObject({ forbidden: true })
  expect(await plan('CONTENT_BATCH', created, '2026-03-15T12:00:00Z')).toMatchObject({ forbidden: false })
  expect(await plan('CONTENT_BATCH', created, '2025-07-15T23:59:59.999Z')).toBeUndefined()
})

test('a rule counts from the millisecond of its effect on, the later of two, then the higher version', async () => {
  const created = { CREATED: '2026-03-01T08:00:00Z' }
  const from = new Date('2026-05-01T00:00:00.000Z')
  await addRule(world.resources, { category: 'CONTENT_BATCH', period: 'P60D', effectiveFrom: from })
  await addRule(world.resources, { category: 'CONTENT_BATCH', period: 'P10D', effectiveFrom: from })
  expect((await plan('CONTENT_BATCH', created, '2026-04-30T23:59:59.999Z'))?.due).toBe('2026-03-31T08:00:00.000Z')
  expect((await plan('CONTENT_BATCH', created, '2026-05-01T00:00:00Z'))?.due).toBe('2026-03-11T08:00:00.000Z')
})

test('a second start writes no rule; a newer program adds its own as the next versions', async () => {
  const newest = await world.resources.db.read(NOBODY, (tx) => tx.retentionRule.aggregate({ _max: { version: true } }))
  const before = newest._max.version ?? 0
  expect(await ensureRetentionRules(world.resources)).toBe(0)
  const seed: Omit<SeedRule, 'id'> = {
    ...{ category: 'COOKIE', trigger: 'CREATED', period: 'P6M', action: 'DELETE', clause: '§4.1' },
    ...{ description: { en: 'Six months.', de: 'Sechs Monate.' }, legalSource: 'x', source: 'a newer program' },
    ...{ verifiedOn: '2026-03-01', verified: true, effectiveFrom: '2026-03-10' },
  }
  const id = (last: number) => `00000000-0000-7000-8000-00000000090${last}`
  expect(await ensureRetentionRules(world.resources, [{ ...seed, id: id(1) }])).toBe(1)
  expect(await ensureRetentionRules(world.resources, [{ ...seed, id: id(1) }])).toBe(0)
  // Batch content has rules that take effect on the first of May: what comes for it now waits for them.
  const batch = { ...seed, id: id(2), category: 'CONTENT_BATCH', action: 'SHRED' } as const
  expect(await ensureRetentionRules(world.resources, [{ ...seed, id: id(1) }, batch])).toBe(1)
  const rules = await world.resources.db.read(NOBODY, (tx) =>
    tx.retentionRule.findMany({ where: { id: { in: [id(1), id(2)] } }, orderBy: { version: 'asc' } }),
  )
  expect(rules.map(({ version, effectiveFrom }) => [version - before, effectiveFrom.toISOString()])).toEqual([
    [1, '2026-03-10T00:00:00.000Z'],
    [2, '2026-05-01T00:00:00.000Z'],
  ])
})

test('many starts at once write each rule once', async () => {
  const seed: SeedRule = {
    ...{ id: '00000000-0000-7000-8000-000000000911', category: 'COOKIE', trigger: 'CREATED', period: 'P7M' },
    ...{ action: 'DELETE', clause: '§4.1', description: { en: 'x', de: 'x' }, legalSource: 'x', source: 'x' },
    ...{ verifiedOn: '2026-03-01', verified: true, effectiveFrom: '2026-03-11' },
  }
  const counts = await Promise.all(Array.from({ length: 5 }, () => ensureRetentionRules(world.resources, [seed])))
  expect(counts.toSorted()).toEqual([0, 0, 0, 0, 1])
})
