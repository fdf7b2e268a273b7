import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureMonths, monthsAhead } from '../../src/domains/usage/usage.partitions.ts'
import { inference, perform } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const months = async () => {
  const rows = await world.resources.db.worker(
    (tx) => tx.$queryRaw<{ name: string }[]>`
      select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'partitions' and c.relkind = 'r' order by 1`,
  )
  return rows.map((row) => row.name.replace('usage_event_', ''))
}

test('the month and three more are made ahead, also over the turn of a year', async () => {
  expect(await months()).toEqual([])
  await world.runner.runDue()
  expect(await months()).toEqual(['202603', '202604', '202605', '202606'])
  world.clock.set('2026-11-30T23:59:59.999Z')
  await world.runner.runDue()
  world.clock.set('2026-12-01T01:00:00.000Z')
  await world.runner.runDue()
  expect(await months()).toEqual([
    '202603',
    '202604',
    '202605',
    '202606',
    '202611',
    '202612',
    '202701',
    '202702',
    '202703',
  ])
  expect(monthsAhead(new Date('2027-11-30T23:59:59.999Z'))).toEqual([
    '2027-11-01',
    '2027-12-01',
    '2028-01-01',
    '2028-02-01',
  ])
})

test('a month that is missing is made when it is recorded in, once for many calls at once', async () => {
  world.clock.set('2026-03-15T12:00:00.000Z')
  const instants = ['2025-03-01T00:00:00.000Z', '2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00.000Z']
  const record = (call: number) =>
    perform(world, 'gateway', 'recordUsage', {
      accountId: world.ids.account,
      events: instants.map((occurredAt) => inference(`p-${call}`, { occurredAt })),
    })
  const outcomes = await Promise.all(Array.from({ length: 8 }, (_, call) => record(call)))
  for (const outcome of outcomes) expect(outcome).toMatchObject({ recorded: { events: 3 } })
  expect((await months()).slice(0, 3)).toEqual(['202503', '202512', '202601'])
})

test('a month that is due is never made, and one that was folded not even by the worker', async () => {
  const { db, clock } = world.resources
  expect(await ensureMonths(db, ['2025-02-01', '2021-02-01'], clock.now())).toBe(0)
  expect((await months())[0]).toBe('202503')
  await db.worker((tx) => tx.$executeRaw`insert into usage_month (month, folded_at) values ('2025-02-01', now())`)
  const ask = db.worker((tx) => tx.$queryRaw`select app.ensure_usage_partition('2025-02-01'::date) as made`)
  await expect(ask).rejects.toThrow(/the month was folded/)
})

test('nothing but a month may be asked for, and by the worker alone', async () => {
  const { db } = world.resources
  const ask = (month: string) =>
    db.worker((tx) => tx.$queryRaw`select app.ensure_usage_partition(${month}::date) as made`)
  for (const month of ['2026-03-02', '1999-12-01', '2999-01-01']) await expect(ask(month)).rejects.toThrow()
  const byAuth = db.auth((tx) => tx.$queryRaw`select app.ensure_usage_partition('2026-03-01'::date) as made`)
  await expect(byAuth).rejects.toThrow(/permission denied/)
})
