import { glob, readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** Domains, lowest first: a service calls only those to its left. */
const DOMAINS = [
  'audit',
  'events',
  'approvals',
  'policy',
  'inventory',
  'accounts',
  'processors',
  'usage',
  'batch',
  'communications',
  'payments',
  'consent',
  'retention',
  'transfers',
  'access-grants',
  'disclosures',
  'incidents',
  'processing',
  'rights',
  'webhooks',
]
const LINES_MAX = 300

type Import = { readonly from: string; readonly typeOnly: boolean }
type Source = { readonly path: string; readonly text: string; readonly imports: readonly Import[] }

/** Kinds of files, the first match deciding, each with what it may import of the program's own. */
const LAYERS: readonly (readonly [kind: RegExp, allowed: RegExp])[] = [
  [/^(main|worker|server|serving|systems|works|resources|erasures)\.ts$|^(demo|cli)\//, /./],
  [/^app\.ts$/, /^(http|auth|schema|db|jobs)\/|^domains\/(deps\.ts|live\.ts|audit\/audit\.service\.ts)$/],
  [/^env\.ts$/, /^$/],
  [/^schema\/index\.ts$/, /^schema\/|^domains\/.+\.schema\.ts$/],
  [/^time\//, /^time\//],
  [/^net\//, /^net\//],
  [/^ledger\//, /^(ledger|crypto)\//],
  [/^db\//, /^(db|time|generated)\//],
  [/^crypto\//, /^(crypto|db|time|generated)\//],
  [/^jobs\//, /^(jobs|db|time|generated)\//],
  [/^auth\//, /^(auth|crypto|db|time|generated)\//],
  [/^http\//, /^(http|auth|db|time)\//],
  [
    /^schema\//,
    /^(schema\/(?!index)|auth|db|time|generated)|^http\/request-error\.ts$|^domains\/(problem|deps|live|public-id)\.ts$/,
  ],
  [/^domains\/[^/]+\.ts$/, /^(db|crypto|ledger|time|generated)\/|^domains\/[^/]+\.ts$/],
  [
    /\.(rules|scope|problems)\.ts$/,
    /^time\/|^generated\/prisma\/enums\.ts$|^domains\/problem\.ts$|\.rules\.ts$|^\.\.\/prisma\/reference\/[a-z-]+\.json$/,
  ],
  [
    /\.(schema|queries|types|fields)\.ts$/,
    /^(schema\/(?!index)|auth|crypto|db|net|time|generated)|^domains\/[^/]+\.ts$|\.scope\.ts$/,
  ],
  [/^domains\//, /^(auth|crypto|db|jobs|ledger|net|time|generated)\/|^domains\/[^/]+\.ts$/],
]

/** Pure files may name these types, for types do nothing. */
const TYPES_FOR_ALL = /^(auth\/session|auth\/permissions|db\/caller|generated\/prisma\/(client|enums))\.ts$/
/** What an adapter of GraphQL consists of; a use case knows none of it. */
const ADAPTER = /\.(schema|queries|types|fields)\.ts$/

async function readSources(): Promise<Source[]> {
  const cwd = fileURLToPath(new URL('../src', import.meta.url))
  const sources: Source[] = []
  for await (const path of glob('**/*.ts', { cwd })) {
    if (path.startsWith('generated')) continue
    const text = await readFile(`${cwd}/${path}`, 'utf8')
    sources.push({ path, text, imports: importsOf(path, text) })
  }
  return sources
}

function importsOf(path: string, text: string): Import[] {
  const found = text.matchAll(/^(?:import|export)\s(type\s)?(?:[^'"]*?\sfrom\s)?'(\.{1,2}\/[^']+)'/gm)
  return [...found].map(([, type, from = '']) => ({
    from: posix.join(posix.dirname(path), from),
    typeOnly: type !== undefined,
  }))
}

const domainOf = (path: string) => /^domains\/([^/]+)\//.exec(path)?.[1]

/** What is wrong with an import, or null. */
function faultOf(path: string, { from, typeOnly }: Import): string | null {
  const [, allowed] = LAYERS.find(([kind]) => kind.test(path)) ?? []
  if (!allowed) return 'lies in no layer'
  const own = domainOf(path)
  const other = domainOf(from)
  const isPure = /\.(rules|scope|problems)\.ts$/.test(path)
  if (typeOnly && isPure && TYPES_FOR_ALL.test(from)) return null
  if (own === undefined || other === undefined) return allowed.test(from) ? null : 'is not allowed there'
  if (isPure) return allowed.test(from) ? null : 'does more than compute'
  if (own === other) return ADAPTER.test(from) && !ADAPTER.test(path) ? 'belongs to GraphQL' : null
  if (ADAPTER.test(path)) return /\.(scope|problems)\.ts$/.test(from) ? null : 'is inside another domain'
  if (ADAPTER.test(from)) return 'belongs to GraphQL'
  return DOMAINS.indexOf(other) < DOMAINS.indexOf(own) ? null : 'is not to the left'
}

const sources = await readSources()
const faults = (check: (source: Source) => string[]) => sources.flatMap((source) => check(source))
const filesWith = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ path }) => path)

describe('the house', () => {
  test('has files and imports to check', () => {
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(300)
  })

  test('imports only as its table allows', () => {
    const wrong = faults(({ path, imports }) =>
      imports.flatMap((each) => {
        const fault = faultOf(path, each)
        return fault ? [`${path} imports ${each.from}, which ${fault}`] : []
      }),
    )
    expect(wrong).toEqual([])
  })

  test('knows every domain by its place', () => {
    const domains = new Set(sources.flatMap(({ path }) => domainOf(path) ?? []))
    expect(domains.size).toBeGreaterThan(3)
    expect([...domains].filter((domain) => !DOMAINS.includes(domain))).toEqual([])
  })

  test('builds the schema only in the app and in the scripts that print it', () => {
    const builders = sources.filter(({ imports }) => imports.some(({ from }) => from === 'schema/index.ts'))
    expect(builders.map(({ path }) => path).sort()).toEqual([
      'app.ts',
      'cli/docs/authorization-page.ts',
      'cli/docs/errors-page.ts',
      'cli/schema-print.ts',
    ])
  })

  test('reads the environment in one file', () => {
    expect(filesWith(/process\.env|import\.meta\.env/)).toEqual(['env.ts'])
  })

  test('opens transactions in one file', () => {
    expect(filesWith(/\.\$transaction\(/)).toEqual(['db/database.ts'])
  })

  test('writes items of the inventory through one door', () => {
    const writes =
      /insert\s+into\s+(public\.)?"?inventory_item\b|inventoryItem(s)?\s*[.:]\s*(\{\s*)?(create|createMany|upsert)/i
    expect(filesWith(writes)).toEqual(['domains/inventory/inventory.service.ts'])
  })

  test('ends items of the inventory where their ledger is written, and nowhere else', () => {
    // What ended has `done_at`, says the table; so whoever ends an item writes it.
    const ends =
      /update\s+(public\.)?"?inventory_item\b[^`]*\bdone_at\s*=|inventoryItem(s)?\s*\.\s*update[^`]*\bdoneAt\b/i
    expect(ends.test('update inventory_item as i set done_at = now()')).toBe(true)
    expect(ends.test("tx.inventoryItem.updateMany({ where, data: { state: 'ERASED', doneAt } })")).toBe(true)
    const ending = filesWith(ends).filter((path) => !path.startsWith('domains/usage/usage-fold.'))
    expect(ending).toEqual(['domains/inventory/erasure.service.ts'])
    expect(filesWith(/\bendItems\b/)).toEqual([])
  })

  test('asks the time of the machine in one file, and where its OAuth library does so too', () => {
    expect(filesWith(/new Date\(\)|Date\.now\(\)/).sort()).toEqual(['auth/oauth/provider.ts', 'time/clock.ts'])
  })

  test('writes no row from an adapter of GraphQL', () => {
    const writes =
      /\.(create|createMany|update|updateMany|upsert|delete|deleteMany)\(\{|\$executeRaw|\bdb\.(write|worker)\b/
    const adapters = sources.filter(({ path }) => ADAPTER.test(path))
    expect(adapters.length).toBeGreaterThan(5)
    expect(adapters.filter(({ text }) => writes.test(text)).map(({ path }) => path)).toEqual([])
  })

  test('knows GraphQL only at its upper edge', () => {
    const knows = filesWith(/from '(graphql|@pothos\/[^']+|graphql-yoga)'/)
    expect(knows.filter((path) => !/^(schema|http|cli|demo)\/|^(app|serving)\.ts$/.test(path))).toEqual([])
  })

  test(`has no file of more than ${LINES_MAX} lines`, () => {
    expect(sources.filter(({ text }) => text.split('\n').length > LINES_MAX).map(({ path }) => path)).toEqual([])
  })
})

test.each([
  ['db/x.ts', 'domains/accounts/account.service.ts'],
  ['domains/events/events.service.ts', 'domains/accounts/account.service.ts'],
  ['domains/accounts/accounts.rules.ts', 'db/database.ts'],
  ['domains/accounts/accounts.schema.ts', 'domains/audit/audit.service.ts'],
  ['domains/accounts/account.service.ts', 'domains/accounts/accounts.schema.ts'],
  ['domains/accounts/account.service.ts', 'schema/refusals.ts'],
  ['schema/builder.ts', 'schema/index.ts'],
  ['http/x.ts', 'schema/types.ts'],
  ['new-folder/x.ts', 'db/database.ts'],
])('an import of %s from %s is found', (path, from) => {
  expect(faultOf(path, { from, typeOnly: false })).not.toBeNull()
})
