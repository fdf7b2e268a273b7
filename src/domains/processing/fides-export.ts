import type { Keyring } from '../../crypto/keyring.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import type { DataCategory, LegalBasis, Purpose, SystemKind } from '../../generated/prisma/enums.ts'
import { CATEGORIES, PURPOSES } from '../inventory/inventory.rules.ts'
import { tablesOf } from './built-in-datasets.rules.ts'
import { openBody, readBodyKeys } from './declaration-bodies.ts'
import { BUILT_IN_PREFIX, SYSTEM_TYPES } from './fides-manifest.rules.ts'
import type { Body } from './fides-shape.rules.ts'
import { writeYaml } from './fides-yaml.rules.ts'

/** The words of fideslang (`LegalBasisForProcessingEnum`). */
const LEGAL_BASIS_WORDS: Readonly<Record<LegalBasis, string>> = {
  CONSENT: 'Consent',
  CONTRACT: 'Contract',
  LEGAL_OBLIGATION: 'Legal obligations',
  VITAL_INTERESTS: 'Vital interests',
  PUBLIC_TASK: 'Public interest',
  LEGITIMATE_INTERESTS: 'Legitimate interests',
}

/**
 * The manifest of an account in YAML: what was brought in, as it was brought, then the systems of this program with
 * their tables, columns and what the inventory says that they are used for. Of the platform's account: for all
 * accounts. The caller must see the account; the transaction is the caller's own.
 * @returns null where what was brought in cannot be opened: its key was destroyed
 */
export async function exportManifest(tx: Tx, keys: Keyring, accountId: string): Promise<string | null> {
  const orderBy = { key: 'asc' } as const
  const systems = await tx.system.findMany({ where: { accountId, builtIn: false }, orderBy })
  const datasets = await tx.dataset.findMany({ where: { accountId }, orderBy })
  const builtIn = await tx.system.findMany({ where: { accountId: PLATFORM_ACCOUNT_ID, builtIn: true }, orderBy })
  const rows = await readBodyKeys(tx, [accountId])
  const bodies = async (list: readonly { bodyCipher: Uint8Array | null }[], field: 'system.body' | 'dataset.body') =>
    Promise.all(list.map(({ bodyCipher }) => bodyCipher && openBody(keys, rows, accountId, field, bodyCipher)))
  const brought = { systems: await bodies(systems, 'system.body'), datasets: await bodies(datasets, 'dataset.body') }
  if ([...brought.systems, ...brought.datasets].includes(null)) return null
  const uses = await readUses(tx, accountId === PLATFORM_ACCOUNT_ID ? null : accountId)
  return writeYaml({
    system: [...inOrder(brought.systems), ...inOrder(builtIn.map((row) => systemEntry(row, uses)))],
    dataset: [...inOrder(brought.datasets), ...inOrder(builtIn.flatMap(datasetEntry))],
  })
}

/** By their keys, by bytes: the order of a database depends on its language. */
const inOrder = (entries: readonly (Body | null)[]) =>
  entries
    .filter((entry) => entry !== null)
    .toSorted((a, b) => Buffer.compare(Buffer.from(String(a['fides_key'])), Buffer.from(String(b['fides_key']))))

type Use = {
  readonly system: string
  readonly purpose: Purpose
  readonly basis: LegalBasis
  /** Joined by commas. */
  readonly categories: string
}

/** What the living items of an account (null: of all) are used for, by system, purpose and legal basis. */
function readUses(tx: Tx, accountId: string | null): Promise<Use[]> {
  return tx.$queryRaw<Use[]>`
    select i.system, p.purpose::text as purpose, i.legal_basis::text as basis,
      string_agg(distinct i.category::text, ',' order by i.category::text) as categories
    from inventory_item i cross join unnest(i.purposes) as p (purpose)
    where i.state in ('LIVE', 'HELD', 'RESTRICTED')
      and ${accountId === null ? Prisma.sql`true` : Prisma.sql`i.account_id = ${accountId}::uuid`}
    group by i.system, p.purpose, i.legal_basis order by i.system, p.purpose, i.legal_basis`
}

function systemEntry(row: { key: string; kind: SystemKind; name: string | null }, uses: readonly Use[]): Body {
  const key = `${BUILT_IN_PREFIX}${row.key}`
  return {
    fides_key: key,
    name: row.name,
    system_type: SYSTEM_TYPES[row.kind],
    privacy_declarations: uses
      .filter(({ system }) => system === row.key)
      .map(({ purpose, basis, categories }) => ({
        name: PURPOSES[purpose].name.en,
        data_categories: fideslangKeys(categories.split(',') as DataCategory[]),
        data_use: PURPOSES[purpose].fideslang,
        legal_basis_for_processing: LEGAL_BASIS_WORDS[basis],
      })),
    dataset_references: [key],
  }
}

const fideslangKeys = (categories: readonly DataCategory[]) => [
  ...new Set(categories.flatMap((category) => CATEGORIES[category].fideslang)),
]

function datasetEntry(row: { key: string; name: string | null }): Body[] {
  const tables = tablesOf(row.key)
  if (tables.length === 0) return []
  return [
    {
      fides_key: `${BUILT_IN_PREFIX}${row.key}`,
      name: row.name,
      collections: tables.map(({ name, columns }) => ({
        name: name.slice(name.indexOf('.') + 1),
        fields: Object.entries(columns).map(([column, categories]) => ({
          name: column,
          data_categories: categories,
        })),
      })),
    },
  ]
}
