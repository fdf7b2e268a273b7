import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { DEMO_ACCOUNTS } from '../../src/demo/demo-data.ts'
import { endCategory, endSubject } from '../../src/domains/retention/person-ending.service.ts'
import type { DataCategory } from '../../src/generated/prisma/enums.ts'
import { keyFileOf } from '../../src/resources.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { COLUMNS } from '../kit/classification.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import { openWorld, type World } from '../kit/world.ts'
import { dump, formsOf, placeOf, scanFolders, serverFolders } from './forensics-kit.ts'
import { readableServer } from './own-cluster.ts'
import { call } from './populated.ts'
import { manifestOf } from './valid-variables.ts'

/** Stands in every canary, so that one search finds each of them. */
const MARK = `canary${randomBytes(8).toString('hex')}`
/** Stands where everyone may read it: a search that does not find this one finds nothing. */
const CONTROL = `control${randomBytes(8).toString('hex')}`
const [OWN, OTHER] = DEMO_ACCOUNTS

let count = 0
const canary = (form: (text: string) => string = (text) => text) => {
  count += 1
  return form(`${MARK}-${count}`)
}
const email = () => canary((text) => `${text}@mail.example`)

let world: World
let owner: Owner
let folder: string
let closeServer: () => Promise<void>
let filled: Readonly<Record<string, number>>
/** Keys and sealed names as an old dump has them. */
let copied: {
  readonly keys: readonly { epoch: string; wrapped: Uint8Array }[]
  readonly names: readonly { accountId: string; id: string; nameCipher: Uint8Array }[]
  readonly epoch: string
  readonly epochKey: string
}

beforeAll(async () => {
  closeServer = await readableServer()
  folder = await mkdtemp(join(tmpdir(), 'privacy-forensics-'))
  world = await openWorld({ dataDir: folder })
  owner = await openOwnerOf(world.resources.db)
  await fillWithCanaries()
  filled = await countSealed()
  copied = await copyKeys()
  await eraseAll()
})
afterAll(async () => {
  await owner.close()
  await world.close()
  await closeServer()
  await rm(folder, { recursive: true, force: true })
})

/** A canary in every input that reaches a sealed column or a keyed hash. */
async function fillWithCanaries(): Promise<void> {
  const { ids } = world
  const as = (name: string, input: object) => call(world, 'subject', name, { input })
  await as('updateAccount', { accountId: ids.account, name: canary() })
  const person = { reference: canary(), name: canary(), email: email(), idempotencyKey: canary() }
  await as('createSubject', person)
  await as('updateSubject', { subjectId: ids.endUser, reference: canary(), name: canary(), email: email() })
  await as('inviteMember', { name: canary(), email: email(), role: 'MEMBER' })
  await as('createApiClient', { label: canary() })
  await as('createWebhookEndpoint', { url: canary((text) => `https://hooks.example/${text}`), label: canary() })
  await as('importFidesManifest', { yaml: manifestOf('made_here', canary()) })
  const held = { subjectId: ids.other, authority: canary(), reason: canary(), reviewOn: '2026-09-15' }
  const hold = await call(world, 'staff', 'placeHold', { input: { ...held, category: 'PAYMENT', confidential: false } })
  await call(world, 'staff', 'releaseHold', { input: { legalHoldId: hold.legalHold.id, reason: canary() } })
  const processor = { name: `${CONTROL} Ltd`, role: 'PROCESSOR', country: 'FR', regions: ['eu-west'] }
  const shown = { ...processor, categories: ['USAGE'], purposes: ['SERVICE_PROVISION'], contractOn: '2025-07-01' }
  await call(world, 'staff', 'addProcessor', { input: shown })
  const use = { kind: 'INFERENCE', model: 'm/one', endpointKind: 'SERVERLESS', inputTokens: 1, outputTokens: 1 }
  const event = { ...use, occurredAt: '2026-03-15T11:00:00.000Z', requestId: 'forensic-1', subjectId: ids.endUser }
  await call(world, 'gateway', 'recordUsage', { input: { accountId: ids.account, events: [event] } })
  await world.runner.runDue()
  // What callers say where it is refused must not stay either, in the log least of all.
  await world.ask('subject', `query { ${MARK} }`)
  await world.ask({ token: canary() }, '{ viewer { principal } }')
  await world.ask('subject', 'query ($id: ID!) { account(id: $id) { id } }', { id: canary() })
}

const sealedColumns = () =>
  Object.entries(COLUMNS).flatMap(([table, columns]) =>
    Object.entries(columns)
      .filter(([, kind]) => kind === 'encrypted' && table.startsWith('public.'))
      .map(([column]) => ({ table, column })),
  )

/** How many sealed values there are, by column. */
async function countSealed(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { table, column } of sealedColumns()) {
    const [row] = await owner.query<{ count: number }>(`select count(${column})::int as count from ${table}`)
    counts[`${table}.${column}`] = row?.count ?? 0
  }
  return counts
}

async function copyKeys(): Promise<typeof copied> {
  const { db, keyProvider } = world.resources
  const rows = await owner.query<{ id: string; hex: string }>(
    `select id::text as id, encode(name_cipher, 'hex') as hex from subject
     where account_id = $1::uuid and name_cipher is not null`,
    OWN.id,
  )
  const keys = await db.worker((tx) =>
    tx.dataKey.findMany({ where: { accountId: OWN.id, subjectId: { not: null }, wrapped: { not: null } } }),
  )
  const epoch = await keyProvider.currentEpoch()
  const file = JSON.parse(await readFile(keyFileOf(folder), 'utf8')) as { epochs: { id: string; key: string }[] }
  return {
    keys: keys.map(({ epoch: of, wrapped }) => ({ epoch: of, wrapped: Uint8Array.from(wrapped ?? []) })),
    names: rows.map(({ id, hex }) => ({ accountId: OWN.id, id, nameCipher: Buffer.from(hex, 'hex') })),
    epoch,
    epochKey: file.epochs.find(({ id }) => id === epoch)?.key ?? '',
  }
}

/** Every person of the first account by the primitives, then what belongs to the account itself. */
async function eraseAll(): Promise<void> {
  const deps = world.resources
  const persons = await owner.query<{ id: string }>(
    `select id::text as id from subject where account_id = $1::uuid`,
    OWN.id,
  )
  for (const [at, { id }] of persons.entries())
    await endSubject(deps, SYSTEMS, { accountId: OWN.id, subjectId: id }, at % 2 === 0 ? 'DELETE' : 'SHRED')
  const own = await owner.query<{ category: DataCategory }>(
    `select distinct category::text as category from inventory_item
     where account_id = $1::uuid and subject_id is null and state in ('LIVE', 'HELD', 'RESTRICTED')`,
    OWN.id,
  )
  for (const { category } of own)
    await endCategory(deps, SYSTEMS, { accountId: OWN.id, subjectId: null, category }, 'DELETE')
}

test('there was a canary in every sealed column, and every person of the account is erased', async () => {
  expect(Object.entries(filled).filter(([, values]) => values === 0)).toEqual([])
  expect(Object.keys(filled).length).toBeGreaterThan(12)
  expect(copied.names.length).toBeGreaterThan(5)
  expect(count).toBe(19)
  const living = await owner.query(
    `select category, subject_id from inventory_item
     where account_id = $1::uuid and state in ('LIVE', 'HELD', 'RESTRICTED')`,
    OWN.id,
  )
  expect(living).toEqual([])
  const keys = await owner.query(
    `select category, subject_id from keys.data_key
     where account_id = $1::uuid and subject_id is not null and wrapped is not null`,
    OWN.id,
  )
  expect(keys).toEqual([])
})

test('before the epoch ends the program opens nothing that was erased, though the copied keys would', async () => {
  const { db, keys, keyProvider } = world.resources
  let [tried, opened] = [0, 0]
  for (const { accountId, id, nameCipher } of copied.names) {
    const of = { accountId, subjectId: id, category: 'ACCOUNT' } as const
    const rows = await db.worker((tx) => tx.dataKey.findMany({ where: of }), accountId)
    tried += 1
    if ((await keys.open(rows, of, 'subject.name', nameCipher)) !== null) opened += 1
    await expect(db.worker((tx) => keys.keyForWriting(tx, of), accountId)).rejects.toMatchObject({
      code: 'KEYS.DESTROYED',
    })
  }
  expect({ tried, opened }).toEqual({ tried: copied.names.length, opened: 0 })
  // This is why epochs end: until then a dump of the keys and the key file together are enough.
  const [first] = copied.keys
  expect((await keyProvider.unwrap(first?.epoch ?? '', first?.wrapped ?? new Uint8Array())).length).toBe(32)
})

test('after the epoch has passed, wrapped keys from an old dump open nothing, and living data opens still', async ({
  annotate,
}) => {
  const { db, keys, keyProvider } = world.resources
  const { epoch } = await keys.rotateEpoch({ db, now: world.clock.now() })
  expect(epoch).not.toBe(copied.epoch)
  const reopened = await LocalKeyProvider.open({ path: keyFileOf(folder), clock: world.clock, mayCreate: false })
  let refused = 0
  for (const provider of [keyProvider, reopened])
    for (const { epoch: of, wrapped } of copied.keys)
      await provider.unwrap(of, wrapped).catch((error: { code: string }) => {
        if (error.code === 'KEYS.EPOCH_UNKNOWN') refused += 1
      })
  expect(copied.keys.length).toBeGreaterThan(5)
  expect(refused).toBe(copied.keys.length * 2)
  const living = await world.ask('otherSubject', '{ viewer { subject { name } } }')
  expect(living.data.viewer.subject.name).toBe(OTHER.subjects[0].name)
  await annotate(`wrapped keys of an ended epoch: tried ${copied.keys.length * 2}, opened 0`)
})

test('what was erased is found in no form: not in files, write-ahead log, dumps or logs; nor the ended epoch', async ({
  annotate,
}) => {
  await world.runner.runDue()
  await owner.query('checkpoint')
  const files = await mkdtemp(join(tmpdir(), 'privacy-forensics-out-'))
  await writeFile(join(files, 'log.txt'), world.log.join(''))
  await mkdir(join(files, 'dump'))
  const folders = [folder, files, ...(await serverFolders(owner))]
  // The embedded database has one process: the world ends for it.
  const place = await placeOf(owner, folder)
  if (inject('backend') === 'pglite') await world.close()
  await dump(place, join(files, 'dump'), world.clock)
  const key = Buffer.from(copied.epochKey, 'base64')
  const forms = [
    ...formsOf(MARK),
    ['key, base64', Buffer.from(copied.epochKey)],
    ['key, raw', key],
    ['key, hex', Buffer.from(key.toString('hex'))],
  ] as const
  const scan = await scanFolders(folders, [...forms, ['control', Buffer.from(CONTROL)]])
  await rm(files, { recursive: true })
  const control = scan.hits.filter((hit) => hit.endsWith(': control'))
  expect(scan.hits.filter((hit) => !control.includes(hit))).toEqual([])
  // The control stands in a table, in the log of writes and in the dump.
  expect(control.length).toBeGreaterThan(2)
  expect(control.filter((hit) => hit.includes('data.gz')).length).toBe(1)
  expect(scan.files).toBeGreaterThan(100)
  expect(scan.bytes).toBeGreaterThan(10_000_000)
  expect(world.log.length).toBeGreaterThan(10)
  await annotate(
    `canaries: ${count}, forms: ${forms.length}, hits: 0; places: ${folders.length} folders, ` +
      `${scan.files} files, ${scan.bytes} bytes, ${world.log.length} log lines; the control was found in ${control.length}`,
  )
})
