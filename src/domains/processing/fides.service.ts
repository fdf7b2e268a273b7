import type { Session } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Call, Tx } from '../../db/database.ts'
import { newId } from '../../time/id.ts'
import { lockAccount, lockActiveAccount, ownAccount } from '../accounts/account-guards.ts'
import { recordAudit } from '../audit/audit.service.ts'
import type { Deps } from '../deps.ts'
import { bodyKey, SEAL_BYTES, sealBody } from './declaration-bodies.ts'
import { FidesNotValid, FidesTooMuch } from './fides.problems.ts'
import { ENTRIES_MAX, type Manifest, readManifest } from './fides-manifest.rules.ts'

/** Most bytes of declarations in an account, sealed: 4 MiB. */
const BODY_BYTES_MAX = 4 * 1024 * 1024

/** How many rows were made, and how many replaced. */
export type ImportCount = { readonly created: number; readonly updated: number }

/** What an import did, or with `dryRun` would do. */
export type ImportOutcome = {
  readonly accountId: string
  readonly systems: ImportCount
  readonly datasets: ImportCount
  /** Fields of all datasets of the manifest, the nested ones too. */
  readonly fields: number
}

/**
 * Brings a manifest of Fides into the caller's account; Staff brings it into the platform's. All of it or nothing; a
 * system or dataset whose key is there is replaced. Texts are sealed.
 * Effects: rows of `system` and `dataset`; audit. None with `dryRun`, which answers the same; like every call it uses up its
 * idempotency key, where it has one.
 * @returns what was done, and the manifest as it was read
 * @throws FIDES.NOT_VALID, FIDES.TOO_MUCH, ACCOUNT.NOT_ACTIVE, NOT_AVAILABLE
 * @see https://github.com/ethyca/fideslang
 */
export async function importFidesManifest(
  deps: Deps,
  call: Call<Session>,
  input: { readonly yaml: string; readonly dryRun: boolean },
): Promise<{ readonly outcome: ImportOutcome; readonly manifest: Manifest }> {
  const read = readManifest(input.yaml)
  if ('faults' in read) throw new FidesNotValid(read.faults)
  const { manifest } = read
  const accountId = call.caller.principal === 'STAFF' ? PLATFORM_ACCOUNT_ID : ownAccount(call.caller)
  const isPlatform = accountId === PLATFORM_ACCOUNT_ID
  const outcome = await deps.db.write(
    call,
    async (tx) => {
      await (isPlatform ? lockAccount(tx, accountId) : lockActiveAccount(tx, accountId))
      const existing = await findExisting(tx, accountId, manifest)
      const outcome = outcomeOf(accountId, manifest, existing)
      if (input.dryRun) return outcome
      await store(deps, tx, accountId, manifest, existing)
      await recordAudit(tx, deps.clock, call, {
        accountId,
        kind: 'systems.imported',
        recordType: 'System',
        recordIds: [],
        count: manifest.systems.length + manifest.datasets.length,
      })
      return outcome
    },
    accountId,
  )
  return { outcome, manifest }
}

/** Ids of what is there already, by key. */
type Existing = { readonly systems: ReadonlyMap<string, string>; readonly datasets: ReadonlyMap<string, string> }

/** @throws FIDES.NOT_VALID when a key is of a system of this program; FIDES.TOO_MUCH */
async function findExisting(tx: Tx, accountId: string, { systems, datasets }: Manifest): Promise<Existing> {
  const select = { id: true, key: true } as const
  const found = await tx.system.findMany({
    where: { accountId, key: { in: systems.map(({ key }) => key) } },
    select: { ...select, builtIn: true },
  })
  const taken = systems.find(({ key }) => found.some((row) => row.builtIn && row.key === key))
  if (taken)
    throw new FidesNotValid([{ path: `system[${taken.index}].fides_key`, reason: 'is of a system of this program' }])
  const rows = await tx.dataset.findMany({
    where: { accountId, key: { in: datasets.map(({ key }) => key) } },
    select,
  })
  const others = await sizeOfOthers(
    tx,
    accountId,
    [...found, ...rows].map(({ id }) => id),
  )
  const all = [...systems, ...datasets]
  const bytes = all.reduce((sum, { body }) => sum + Buffer.byteLength(JSON.stringify(body)) + SEAL_BYTES, 0)
  if (others.rows + all.length > ENTRIES_MAX || others.bytes + bytes > BODY_BYTES_MAX) throw new FidesTooMuch()
  const byKey = (list: readonly { key: string; id: string }[]) => new Map(list.map(({ key, id }) => [key, id]))
  return { systems: byKey(found), datasets: byKey(rows) }
}

/** What the account holds beside the rows that are replaced. */
async function sizeOfOthers(tx: Tx, accountId: string, replaced: readonly string[]) {
  const [row] = await tx.$queryRaw<{ rows: number; bytes: number }[]>`
    select count(*)::int as rows, coalesce(sum(octet_length(body_cipher)), 0)::int as bytes from (
      select id, body_cipher from system where account_id = ${accountId}::uuid and not built_in
      union all
      select id, body_cipher from dataset where account_id = ${accountId}::uuid) as held
    where not id = any(${replaced}::uuid[])`
  return row ?? { rows: 0, bytes: 0 }
}

async function store(deps: Deps, tx: Tx, accountId: string, manifest: Manifest, existing: Existing): Promise<void> {
  const now = deps.clock.now()
  const key = await bodyKey(deps, tx, accountId)
  const made = () => ({ accountId, id: newId(deps.clock), createdAt: now })
  const systems = manifest.systems.map(({ key: fidesKey, kind, categories, body }) => ({
    key: fidesKey,
    kind,
    categories: [...categories],
    bodyCipher: sealBody(deps, key, 'system.body', body),
    updatedAt: now,
  }))
  const datasets = manifest.datasets.map(({ key: fidesKey, fieldCount, body }) => ({
    key: fidesKey,
    fieldCount,
    bodyCipher: sealBody(deps, key, 'dataset.body', body),
    updatedAt: now,
  }))
  const isNew = (known: ReadonlyMap<string, string>) => (row: { key: string }) => !known.has(row.key)
  await tx.system.createMany({
    data: systems.filter(isNew(existing.systems)).map((row) => ({ ...row, ...made(), builtIn: false })),
  })
  await tx.dataset.createMany({ data: datasets.filter(isNew(existing.datasets)).map((row) => ({ ...row, ...made() })) })
  for (const row of systems) {
    const id = existing.systems.get(row.key)
    if (id !== undefined) await tx.system.updateMany({ where: { accountId, id }, data: row })
  }
  for (const row of datasets) {
    const id = existing.datasets.get(row.key)
    if (id !== undefined) await tx.dataset.updateMany({ where: { accountId, id }, data: row })
  }
}

function outcomeOf(accountId: string, { systems, datasets }: Manifest, existing: Existing): ImportOutcome {
  const count = (all: readonly unknown[], known: ReadonlyMap<string, string>) => ({
    created: all.length - known.size,
    updated: known.size,
  })
  return {
    accountId,
    systems: count(systems, existing.systems),
    datasets: count(datasets, existing.datasets),
    fields: datasets.reduce((sum, { fieldCount }) => sum + fieldCount, 0),
  }
}
