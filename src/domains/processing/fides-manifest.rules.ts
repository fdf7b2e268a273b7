import { isMap, isScalar } from 'yaml'
import type { DataCategory, SystemKind } from '../../generated/prisma/enums.ts'
import { DATASET, SYSTEM } from './fides-models.rules.ts'
import { type Body, Findings, type RecordShape, readNode } from './fides-shape.rules.ts'
import { categoriesOf } from './fides-taxonomy.rules.ts'
import { type Fault, parseYaml } from './fides-yaml.rules.ts'

/** A system that a manifest declares. */
export type DeclaredSystem = {
  readonly key: string
  /** Where it stands in its list, from 0. */
  readonly index: number
  readonly body: Body
  readonly kind: SystemKind
  readonly categories: readonly DataCategory[]
}

/** A dataset that a manifest declares; `fieldCount` has the nested ones in it. */
export type DeclaredDataset = { readonly key: string; readonly body: Body; readonly fieldCount: number }

/** A manifest as it was read. */
export type Manifest = {
  readonly systems: readonly DeclaredSystem[]
  readonly datasets: readonly DeclaredDataset[]
  /** Entries with a reserved key: systems of this program, as an export shows them. */
  readonly builtIn: number
  readonly unknownKeys: readonly string[]
  readonly unknownTaxonomyKeys: readonly { readonly path: string; readonly key: string }[]
}

/** Keys of systems and datasets of this program in a manifest begin so; nobody brings in such a one. */
export const BUILT_IN_PREFIX = 'pipelet_privacy.'
/** Most systems and datasets together in one manifest, and in an account. */
export const ENTRIES_MAX = 1_000
const FAULTS_MAX = 100

/**
 * Reads a manifest of Fides: its lists `system` and `dataset`. Keys that fideslang does not know are left out and named,
 * and so are those of its taxonomy, which are kept.
 * @returns the manifest, or what is wrong with it, 100 faults at most
 */
export function readManifest(
  yaml: string,
): { readonly manifest: Manifest } | { readonly faults: readonly [Fault, ...Fault[]] } {
  const parsed = parseYaml(yaml)
  if ('faults' in parsed) return faulty(parsed.faults)
  const root = parsed.document.contents
  if (!isMap(root)) return faulty([{ path: '', reason: 'must be a map with the list system or dataset' }])
  const into = new Findings()
  const shape: RecordShape = {
    kind: 'record',
    fields: { system: entries(SYSTEM), dataset: entries(DATASET) },
    required: [],
  }
  const { system, dataset } = readNode(root, shape, '', into) as { system?: Body[]; dataset?: Body[] }
  const named = root.items.some(({ key }) => isScalar(key) && (key.value === 'system' || key.value === 'dataset'))
  if (!named) into.faults.push({ path: '', reason: 'has neither the list system nor the list dataset' })
  const all = [...(system ?? []), ...(dataset ?? [])]
  if (all.length > ENTRIES_MAX) into.faults.push({ path: '', reason: `has more than ${ENTRIES_MAX} entries` })
  if (into.faults.length > 0) return faulty(into.faults)
  const isBrought = ({ key }: { readonly key: string }) => !key.startsWith(BUILT_IN_PREFIX)
  const systems = (system ?? []).map(systemOf).filter(isBrought)
  const datasets = (dataset ?? [])
    .map((body) => ({ key: keyOf(body), body, fieldCount: countFields(body) }))
    .filter(isBrought)
  const { unknownKeys, unknownTaxonomyKeys } = into
  const builtIn = all.length - systems.length - datasets.length
  return { manifest: { systems, datasets, builtIn, unknownKeys, unknownTaxonomyKeys } }
}

const entries = (of: RecordShape) => ({ kind: 'list', of: () => of, unique: 'fides_key' }) as const

function faulty(faults: readonly Fault[]): { faults: readonly [Fault, ...Fault[]] } {
  const [first = { path: '', reason: 'is no manifest' }, ...more] = faults
  return { faults: [first, ...more.slice(0, FAULTS_MAX - 1)] }
}

const keyOf = (body: Body) => String(body['fides_key'])

/** What fideslang, which leaves the word to the team, is told of a kind of system. */
export const SYSTEM_TYPES: Readonly<Record<SystemKind, string>> = {
  DATABASE: 'Database',
  OBJECT_STORE: 'Object Store',
  SERVICE: 'Service',
  INFERENCE_CLUSTER: 'Inference Cluster',
  APPLICATION: 'Application',
  OTHER: 'Other',
}

const kindOf = (type: string): SystemKind => {
  const word = type.toLowerCase().replaceAll(/[ _-]/g, '')
  const found = Object.entries(SYSTEM_TYPES).find(([, name]) => name.toLowerCase().replaceAll(' ', '') === word)
  return (found?.[0] as SystemKind | undefined) ?? 'OTHER'
}

function systemOf(body: Body, index: number): DeclaredSystem {
  const declarations = (body['privacy_declarations'] ?? []) as readonly { data_categories?: readonly string[] }[]
  return {
    key: keyOf(body),
    index,
    body,
    kind: kindOf(String(body['system_type'])),
    categories: categoriesOf(declarations.flatMap((each) => each.data_categories ?? [])),
  }
}

type Fields = { readonly fields?: readonly Fields[] }

function countFields(body: Body): number {
  const inner = ({ fields = [] }: Fields): number => fields.reduce((sum, each) => sum + 1 + inner(each), 0)
  return ((body['collections'] ?? []) as readonly Fields[]).reduce((sum, each) => sum + inner(each), 0)
}
