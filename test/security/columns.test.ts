import { afterAll, beforeAll, expect, test } from 'vitest'
import { COLUMNS } from '../kit/classification.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { populate } from './populated.ts'

type Column = { table: string; name: string; type: string; checked: boolean }

let world: World
let owner: Owner
let columns: Column[]

beforeAll(async () => {
  world = await openWorld()
  await populate(world)
  owner = await openOwnerOf(world.resources.db)
  columns = await owner.query<Column>(`
    select n.nspname || '.' || c.relname as table, a.attname::text as name, format_type(a.atttypid, null) as type,
      exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey)) as checked
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_type t on t.oid = a.atttypid left join pg_type e on e.oid = t.typelem
    where n.nspname in ('public', 'keys') and c.relkind in ('r', 'p') and not c.relispartition
      and a.attnum > 0 and not a.attisdropped
      and coalesce(nullif(e.typname, 'char'), t.typname) in ('text', 'varchar', 'bpchar', 'json', 'jsonb', 'bytea', 'xml', 'name')
    order by 1, 2`)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

const classified = Object.entries(COLUMNS).flatMap(([table, kinds]) =>
  Object.entries(kinds).map(([name, kind]) => ({ table, name, kind })),
)
const pathOf = ({ table, name }: { table: string; name: string }) => `${table}.${name}`

test('every column that can hold text is classified, and nothing else is', () => {
  expect(columns.length).toBeGreaterThan(40)
  expect(columns.map(pathOf).sort()).toEqual(classified.map(pathOf).sort())
})

test('a closed vocabulary is closed by a CHECK of its table', () => {
  const open = classified.filter(({ table, name, kind }) => {
    return kind === 'vocabulary' && !columns.find((each) => each.table === table && each.name === name)?.checked
  })
  expect(open.map(pathOf)).toEqual([])
})

test('what is encrypted or a blind index is bytes', () => {
  const bytes = new Set(columns.filter(({ type }) => type === 'bytea').map(pathOf))
  const wrong = classified.filter(
    ({ kind, ...column }) => (kind === 'encrypted' || kind === 'blind-index') !== bytes.has(pathOf(column)),
  )
  expect(wrong.map(pathOf)).toEqual([])
})

test('what is encrypted reads as noise, and its column says so by its name or lies among the keys', async () => {
  let values = 0
  for (const { table, name } of classified.filter(({ kind }) => kind === 'encrypted')) {
    expect(`${table}.${name}`).toMatch(/_cipher$|^keys\./)
    const rows = await owner.query<{ hex: string }>(
      `select encode(${name}, 'hex') as hex from ${table} where ${name} is not null`,
    )
    for (const { hex } of rows) {
      values += 1
      // Nonce and tag of AES-256-GCM alone are 28 bytes; no run of printable text is as long as a name.
      expect(hex.length / 2).toBeGreaterThan(28)
      expect(Buffer.from(hex, 'hex').toString('latin1')).not.toMatch(/[A-Za-z ]{12}/)
    }
  }
  expect(values).toBeGreaterThan(20)
})
