import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { globalId } from '../../src/domains/public-id.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, localId, openAccount, perform, type Who } from './calls.ts'

const SAMPLE = await readFile(new URL('../data/fides/manifest.yml', import.meta.url), 'utf8')
const PLATFORM = globalId('Account', PLATFORM_ACCOUNT_ID)

let world: World
let owner: Owner
beforeAll(async () => {
  world = await openWorld()
  owner = await openOwnerOf(world.resources.db)
})
afterAll(async () => {
  await owner.close()
  await world.close()
})

const bring = (as: Who, yaml: string, more: object = {}) => perform(world, as, 'importFidesManifest', { yaml, ...more })
const take = async (as: Who, accountId?: string): Promise<string | null> =>
  (await world.ask(as, 'query($id: ID) { exportFidesManifest(accountId: $id) }', { id: accountId })).data
    .exportFidesManifest
const systemsOf = async (as: Who, filter: object = {}) =>
  (
    await world.ask(
      as,
      `query($filter: SystemFilter) { systems(filter: $filter, first: 100) { totalCount edges { node {
        id accountId key name description kind builtIn categories processorId } } } }`,
      { filter },
    )
  ).data.systems.edges.map(({ node }: { node: object }) => node)
const rowsOf = (table: 'system' | 'dataset') =>
  owner.query<{ account_id: string; key: string; id: string; at: string }>(
    `select account_id::text, key, id::text, md5(body_cipher)::text as at from ${table}
      where body_cipher is not null order by 1, 2`,
  )
const small = (key: string, name = 'Small') =>
  `system:\n- {fides_key: ${key}, name: ${name}, system_type: Service, privacy_declarations: []}`

test('a dry run answers what the import answers, and stores nothing', async () => {
  const dry = await bring('subject', SAMPLE, { dryRun: true })
  expect(dry).toEqual({
    __typename: 'ImportFidesManifestSuccess',
    accountId: world.ids.account,
    dryRun: true,
    systems: { created: 2, updated: 0 },
    datasets: { created: 1, updated: 0 },
    fields: 7,
    builtIn: 0,
    unknownKeyCount: 8,
    unknownKeys: [
      'dataset[0].data_qualifiers',
      'dataset[0].retention',
      'dataset[0].third_country_transfers',
      'dataset[0].collections[0].fields[1].data_qualifier',
      'dataset[0].collections[0].fields[1].retention',
      'dataset[0].collections[0].fields[3].fields[1].foo',
      'system[0].data_responsibility_title',
      'policy',
    ],
    unknownTaxonomyKeys: [
      { path: 'dataset[0].collections[0].fields[2].data_categories[1]', key: 'person.favourite_colour' },
      { path: 'system[0].privacy_declarations[0].data_subjects[1]', key: 'collector' },
      { path: 'system[1].privacy_declarations[0].data_use', key: 'improve.system' },
    ],
  })
  expect(await rowsOf('system')).toEqual([])
  expect(await bring('subject', SAMPLE)).toEqual({ ...dry, dryRun: false })
  expect((await rowsOf('system')).map(({ key }) => key)).toEqual(['shop', 'warehouse'])
  expect(await bring('subject', SAMPLE, { dryRun: true })).toMatchObject({ systems: { created: 0, updated: 2 } })
})

test('what was brought in is shown to its account and Staff, with its texts, and to nobody else', async () => {
  const shop = {
    key: 'shop',
    accountId: world.ids.account,
    name: 'Shop',
    description: 'Sells things: on-line, and by post.',
    kind: 'APPLICATION',
    builtIn: false,
    categories: ['ACCOUNT', 'PAYMENT', 'COMMUNICATION'],
  }
  for (const as of ['subject', 'integration', 'staff'] as const)
    expect(await systemsOf(as, { builtIn: false, category: 'PAYMENT' })).toMatchObject([shop])
  expect(await systemsOf('otherSubject', { builtIn: false })).toEqual([])
  expect(await systemsOf('otherSubject', { accountId: world.ids.account })).toEqual([])
  const query = `{ datasets { totalCount edges { node { id key name description fieldCount dataCategories collections {
    name description dataCategories fields { name description dataCategories fields { name dataCategories } } } } } } }`
  const [dataset] = (await world.ask('subject', query)).data.datasets.edges
  expect(dataset.node).toMatchObject({
    key: 'orders_postgres',
    name: 'Orders',
    description: 'What customers ordered, and how to reach them.',
    fieldCount: 7,
    collections: [
      {
        name: 'customer',
        fields: [
          { name: 'id', dataCategories: ['user.unique_id'] },
          { name: 'email', description: 'Where the receipt is sent.' },
          { name: 'wishes', dataCategories: ['user.content.private.wish', 'person.favourite_colour'] },
          { name: 'address', fields: [{ name: 'city' }, { name: 'lines', dataCategories: [] }] },
        ],
      },
      { name: 'address' },
    ],
  })
  expect((await world.ask('otherSubject', query)).data.datasets.totalCount).toBe(0)
  const node = 'query($id: ID!) { node(id: $id) { id } }'
  const [system] = await systemsOf('subject', { key: 'shop' })
  for (const id of [dataset.node.id, system.id]) {
    expect((await world.ask('subject', node, { id })).data.node).toEqual({ id })
    expect((await world.ask('otherSubject', node, { id })).data.node).toBeNull()
  }
})

test('a manifest that was taken and brought in anew gives equal rows and an equal manifest', async () => {
  const first = await take('subject')
  expect(first).toContain('fides_key: orders_postgres')
  expect(first).toContain('fides_key: pipelet_privacy.accounts')
  const { owner: other, accountId } = await openAccount(world)
  const brought = await bring(other, first ?? '')
  const builtIn = { builtIn: SYSTEMS.length * 2, unknownKeys: [] }
  expect(brought).toMatchObject({ systems: { created: 2, updated: 0 }, datasets: { created: 1 }, ...builtIn })
  const imported = (text: string | null) => text?.split('pipelet_privacy.')[0]
  expect(imported(await take(other))).toBe(imported(first))
  const again = await bring('subject', first ?? '')
  expect(again).toMatchObject({ systems: { created: 0, updated: 2 }, datasets: { created: 0, updated: 1 }, ...builtIn })
  expect(await take('subject')).toBe(first)
  const facts = (id: string) =>
    owner.query(
      `select key, kind::text, categories::text from system where account_id = '${id}'
        union all select key, field_count::text, '' from dataset where account_id = '${id}' order by 1`,
    )
  expect(await facts(localId(accountId))).toEqual(await facts(localId(world.ids.account)))
})

test('the systems of this program are declared by what the inventory says, with their columns', async () => {
  const text = (await take('subject')) ?? ''
  const entry = text.slice(text.indexOf('  - fides_key: pipelet_privacy.accounts'))
  expect(
    entry.startsWith(`  - fides_key: pipelet_privacy.accounts
    name: Accounts and persons
    system_type: Database
    privacy_declarations:
      - name: `),
  ).toBe(true)
  expect(entry).toContain('data_use: essential.service.authentication')
  expect(entry).toContain('legal_basis_for_processing: Contract')
  const table = text.slice(text.lastIndexOf('  - fides_key: pipelet_privacy.accounts'))
  expect(
    table.startsWith(`  - fides_key: pipelet_privacy.accounts
    name: Accounts and persons
    collections:
      - name: subject
        fields:
          - name: account_id
            data_categories: []
          - name: id
            data_categories:
              - user.unique_id
`),
  ).toBe(true)
})

test('a manifest that is not valid stores nothing of it, and is told with its paths', async () => {
  const before = await rowsOf('system')
  const yaml = `${small('fresh')}\n- {fides_key: "no key", system_type: Service}`
  const answer = await bring('subject', yaml)
  expect(answer).toEqual({
    __typename: 'FidesNotValid',
    code: 'FIDES.NOT_VALID',
    path: 'system[1].fides_key',
    reason: 'must match ^[A-Za-z0-9_.<>-]{1,128}$',
    faults: [
      { path: 'system[1].fides_key', reason: 'must match ^[A-Za-z0-9_.<>-]{1,128}$' },
      { path: 'system[1].privacy_declarations', reason: 'is missing' },
    ],
  })
  expect(await codeOf(bring('subject', `# ${'x'.repeat(256 * 1024)}`))).toBe('BAD_USER_INPUT')
  expect(await rowsOf('system')).toEqual(before)
})

test('Staff brings in for the platform, never over a system of this program; members and machines bring nothing', async () => {
  expect(await bring('staff', small('edge_proxy', 'Edge'))).toMatchObject({
    accountId: PLATFORM,
    systems: { created: 1, updated: 0 },
  })
  expect(await bring('staff', small('accounts'))).toMatchObject({
    code: 'FIDES.NOT_VALID',
    faults: [{ path: 'system[0].fides_key', reason: 'is of a system of this program' }],
  })
  expect(await systemsOf('staff', { key: 'edge_proxy' })).toMatchObject([{ name: 'Edge', accountId: PLATFORM }])
  expect(await systemsOf('subject', { key: 'edge_proxy' })).toEqual([])
  expect(await take('staff')).toContain('fides_key: edge_proxy')
  // An account may have a system of its own with the key of one of ours.
  expect(await bring('otherSubject', small('accounts'))).toMatchObject({ systems: { created: 1 } })
  expect(await systemsOf('otherSubject', { key: 'accounts' })).toHaveLength(2)
  const member = { token: await world.memberToken() }
  for (const as of ['integration', 'gateway', 'processor', member] as const)
    expect(await codeOf(bring(as, small('x')))).toBe('FORBIDDEN')
})

test('a token of Staff for this alone is enough', async () => {
  const issuer = world.serving.demoIssuer
  const token = async (scope: string) => ({ token: (await issuer?.issue({ sub: 'demo-staff', scope })) ?? '' })
  expect(await bring(await token('systems:manage'), small('edge_proxy', 'Proxy'))).toMatchObject({
    systems: { created: 0, updated: 1 },
  })
  const reader = await token('processing:read')
  expect(await systemsOf(reader, { key: 'edge_proxy' })).toMatchObject([{ name: 'Proxy' }])
  expect(await take(reader)).toContain('name: Proxy')
})

test("another account's manifest is answered like that of an account that does not exist", async () => {
  const nobody = globalId('Account', '0199aa00-0000-7000-8000-00ffffffffff')
  expect(await take('subject', world.ids.otherAccount)).toBeNull()
  expect(await take('subject', PLATFORM)).toBeNull()
  for (const as of ['subject', 'staff'] as const) expect(await take(as, nobody)).toBeNull()
  expect(await take('staff', world.ids.otherAccount)).toContain('fides_key: accounts\n')
})

test('the same import twice at once makes one row; repeated with its key it answers the same', async () => {
  const answers = await Promise.all([bring('subject', small('twice')), bring('subject', small('twice'))])
  expect(
    answers.map(({ systems }) => systems).toSorted((a, b) => JSON.stringify(b).localeCompare(JSON.stringify(a))),
  ).toEqual([
    { created: 1, updated: 0 },
    { created: 0, updated: 1 },
  ])
  const input = { idempotencyKey: 'once-and-again' }
  const yaml = `${small('again')}\n  foo: 1`.replace('}\n  foo: 1', ', foo: 1}')
  const once = await bring('subject', yaml, input)
  expect(once).toMatchObject({ systems: { created: 1, updated: 0 }, unknownKeys: ['system[0].foo'] })
  expect(await bring('subject', yaml, input)).toEqual(once)
})

test('an account holds at most 1,000 declarations, and 4 MiB of them', async () => {
  const { owner: as } = await openAccount(world)
  const many = (from: number, count: number) =>
    `system:\n${Array.from({ length: count }, (_, n) => `- {fides_key: s${from + n}, system_type: a, privacy_declarations: []}\n`).join('')}`
  expect(await bring(as, many(0, 1_000))).toMatchObject({ systems: { created: 1_000, updated: 0 } })
  expect(await codeOf(bring(as, many(1_000, 1)))).toBe('FIDES.TOO_MUCH')
  expect(await bring(as, many(999, 1))).toMatchObject({ systems: { created: 0, updated: 1 } })
  const { owner: wordy } = await openAccount(world)
  const long = (key: string) => small(key, `"${'x'.repeat(250_000)}"`)
  for (let n = 0; n < 16; n += 1) expect(await bring(wordy, long(`l${n}`))).toMatchObject({ systems: { created: 1 } })
  expect(await codeOf(bring(wordy, long('l16')))).toBe('FIDES.TOO_MUCH')
  expect(await bring(wordy, long('l0'))).toMatchObject({ systems: { updated: 1 } })
})

test('an account that is closing takes none', async () => {
  const { owner: as, accountId } = await openAccount(world)
  await owner.query(
    `update account set status = 'CLOSING', closing_at = now() where id = '${localId(accountId)}' returning 1`,
  )
  for (const dryRun of [false, true])
    expect(await codeOf(bring(as, small('late'), { dryRun }))).toBe('ACCOUNT.NOT_ACTIVE')
})
